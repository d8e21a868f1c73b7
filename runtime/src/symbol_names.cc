#include "runtime/src/symbol_names.h"

#include <cxxabi.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string_view>

// libstdc++'s demangler without memory of its own (cp-demangle.c says so). Only the
// static library shows it; weak, because a shared one does not.
extern "C" [[gnu::weak]] int __gcclibcxx_demangle_callback(const char* mangled,
                                                           void (*append)(const char*, std::size_t, void*), void* to);

namespace mayfly::runtime {
namespace {

constexpr std::string_view kThisProgram = "/proc/self/exe";

// A file's bytes, read-only. Everything inside is checked against its size: it
// may have been replaced since it was loaded.
class MappedFile {
 public:
  MappedFile() = default;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile() {
    if (data_) munmap(data_, size_);
  }

  void open(const char* path) {
    int fd = ::open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    struct stat status;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0) {
      auto size = static_cast<std::size_t>(status.st_size);
      void* data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
      if (data != MAP_FAILED) {
        data_ = data;
        size_ = size;
      }
    }
    close(fd);
  }

  // `count` objects of type T at `offset`; empty when they are not all inside.
  template <class T>
  std::span<const T> at(std::size_t offset, std::size_t count) const {
    if (offset > size_ || count > (size_ - offset) / sizeof(T) || offset % alignof(T) != 0) return {};
    return {reinterpret_cast<const T*>(static_cast<const char*>(data_) + offset), count};
  }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

struct Table {
  std::span<const ElfW(Sym)> symbols;
  std::span<const char> names;
};

Table symbol_table(const MappedFile& file) {
  auto header = file.at<ElfW(Ehdr)>(0, 1);
  if (header.empty() || std::string_view(reinterpret_cast<const char*>(header[0].e_ident), SELFMAG) != ELFMAG)
    return {};
  auto sections = file.at<ElfW(Shdr)>(header[0].e_shoff, header[0].e_shnum);
  for (auto type : {SHT_SYMTAB, SHT_DYNSYM}) {
    for (const auto& section : sections) {
      if (section.sh_type != static_cast<ElfW(Word)>(type) || section.sh_link >= sections.size()) continue;
      const auto& strings = sections[section.sh_link];
      return {file.at<ElfW(Sym)>(section.sh_offset, section.sh_size / sizeof(ElfW(Sym))),
              file.at<char>(strings.sh_offset, strings.sh_size)};
    }
  }
  return {};
}

// A text that takes what fits and drops the rest.
class Text {
 public:
  // Its first `size` bytes are there already.
  explicit Text(std::span<char> space, std::size_t size = 0) : space_(space), size_(size) {}

  void append(std::string_view part) { size_ += part.copy(space_.data() + size_, space_.size() - size_); }
  void append_hex(std::uintptr_t number) {
    char digits[20];
    append("0x");
    append({digits, std::to_chars(digits, digits + sizeof digits, number, 16).ptr});
  }
  void clear() { size_ = 0; }
  // Drops what begins with `part`.
  void cut(std::string_view part) { size_ = std::min(view().find(part), size_); }
  std::string_view view() const { return {space_.data(), size_}; }

 private:
  std::span<char> space_;
  std::size_t size_;
};

// Of names whose parsing may take more stack than a signal has.
constexpr std::size_t kMaxMangledBytes = 600;

void append_demangled(Text& out, std::string_view name, bool in_signal) {
  // Without "_Z" it is C, and would be read as a type: a function `i` is no int.
  if (!name.starts_with("_Z") || (in_signal && name.size() > kMaxMangledBytes)) return out.append(name);
  auto append = [](const char* part, std::size_t size, void* to) { static_cast<Text*>(to)->append({part, size}); };
  if (__gcclibcxx_demangle_callback) {
    if (__gcclibcxx_demangle_callback(name.data(), append, &out) != 0) {
      out.clear();
      out.append(name);
    }
  } else if (char* text = in_signal ? nullptr : abi::__cxa_demangle(name.data(), nullptr, nullptr, nullptr)) {
    out.append(text);
    std::free(text);
  } else {
    out.append(name);
  }
  // "f() [clone .cold]": where the compiler put the part that throws.
  out.cut(" [clone ");
}

// The function that covers `offset`. Ends with a NUL; empty when there is none.
std::string_view function_at(const Table& table, std::uintptr_t offset) {
  for (const auto& symbol : table.symbols) {
    // ELF32_ST_TYPE and ELF64_ST_TYPE are the same.
    if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC || symbol.st_shndx == SHN_UNDEF) continue;
    if (offset < symbol.st_value || offset - symbol.st_value >= symbol.st_size) continue;
    if (symbol.st_name >= table.names.size()) continue;
    auto rest = table.names.subspan(symbol.st_name);
    auto end = std::string_view(rest.data(), rest.size()).find('\0');
    if (end != std::string_view::npos) return {rest.data(), end};
  }
  return {};
}

struct Module {
  std::uintptr_t address;
  std::uintptr_t base = 0;
  char path[4096] = "";  // empty: not found
};

bool find_module(Module& module) {
  auto look = [](dl_phdr_info* loaded, std::size_t, void* to) {
    auto& wanted = *static_cast<Module*>(to);
    for (int i = 0; i < loaded->dlpi_phnum; ++i) {
      const auto& segment = loaded->dlpi_phdr[i];
      auto begin = loaded->dlpi_addr + segment.p_vaddr;
      if (segment.p_type != PT_LOAD || !(segment.p_flags & PF_X)) continue;
      if (wanted.address < begin || wanted.address - begin >= segment.p_memsz) continue;
      wanted.base = loaded->dlpi_addr;
      // The program itself is listed without a name.
      std::string_view path = loaded->dlpi_name ? loaded->dlpi_name : "";
      if (path.empty()) path = kThisProgram;
      wanted.path[path.copy(wanted.path, sizeof wanted.path - 1)] = '\0';
      return 1;
    }
    return 0;
  };
  return dl_iterate_phdr(look, &module) != 0;
}

}  // namespace

std::string_view frame_text(std::uintptr_t address, std::span<char, kMaxFrameBytes> out, bool in_signal) {
  Module module{address};
  if (!find_module(module)) {
    Text number(out);
    number.append_hex(address);
    return number.view();
  }
  MappedFile file;
  file.open(module.path);
  // Of the name so much that the place behind it fits.
  Text function(out.first(out.size() - 128));
  if (auto name = function_at(symbol_table(file), address - module.base); !name.empty()) {
    append_demangled(function, name, in_signal);
  }
  if (module.path == kThisProgram) {
    ssize_t n = readlink(kThisProgram.data(), module.path, sizeof module.path - 1);
    module.path[std::max<ssize_t>(n, 0)] = '\0';
  }
  std::string_view path(module.path);
  path.remove_prefix(path.rfind('/') + 1);
  bool named = !function.view().empty();
  Text frame(out, function.view().size());
  frame.append(named ? " (" : "");
  frame.append(path.substr(0, 80));
  frame.append("+");
  frame.append_hex(address - module.base);
  frame.append(named ? ")" : "");
  return frame.view();
}

bool is_code(std::uintptr_t address) {
  Module module{address};
  return find_module(module);
}

}  // namespace mayfly::runtime
