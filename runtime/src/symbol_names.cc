#include "runtime/src/symbol_names.h"

#include <cxxabi.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <span>
#include <string_view>

namespace mayfly::runtime {
namespace {

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

std::string demangled(const char* name) {
  int status = 0;
  char* text = abi::__cxa_demangle(name, nullptr, nullptr, &status);
  std::string out = status == 0 && text ? text : name;
  std::free(text);
  // "f() [clone .cold]": where the compiler put the part that throws.
  return out.substr(0, out.find(" [clone "));
}

void append_hex(std::string& out, std::uintptr_t number) {
  char digits[20];
  out.append("0x").append(digits, std::to_chars(digits, digits + sizeof digits, number, 16).ptr);
}

// The function that covers `offset`, with the distance from its start.
std::string function_at(const Table& table, std::uintptr_t offset) {
  for (const auto& symbol : table.symbols) {
    // ELF32_ST_TYPE and ELF64_ST_TYPE are the same.
    if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC || symbol.st_shndx == SHN_UNDEF) continue;
    if (offset < symbol.st_value || offset - symbol.st_value >= symbol.st_size) continue;
    if (symbol.st_name >= table.names.size()) continue;
    auto rest = table.names.subspan(symbol.st_name);
    if (std::string_view(rest.data(), rest.size()).find('\0') == std::string_view::npos) continue;
    std::string name = demangled(rest.data());
    name += '+';
    append_hex(name, offset - symbol.st_value);
    return name;
  }
  return {};
}

}  // namespace

struct SymbolNames::Module {
  std::string path;
  std::uintptr_t base, begin, end;
};

SymbolNames::SymbolNames() {
  dl_iterate_phdr(
      [](dl_phdr_info* loaded, std::size_t, void* to) {
        auto& modules = *static_cast<std::vector<Module>*>(to);
        // The program itself is listed without a name.
        const char* path = loaded->dlpi_name && *loaded->dlpi_name ? loaded->dlpi_name : "/proc/self/exe";
        for (int i = 0; i < loaded->dlpi_phnum; ++i) {
          const auto& segment = loaded->dlpi_phdr[i];
          if (segment.p_type != PT_LOAD || !(segment.p_flags & PF_X)) continue;
          auto begin = loaded->dlpi_addr + segment.p_vaddr;
          modules.push_back({path, loaded->dlpi_addr, begin, begin + segment.p_memsz});
        }
        return 0;
      },
      &modules_);
}

SymbolNames::~SymbolNames() = default;

std::string SymbolNames::name_of(std::uintptr_t address) {
  for (const auto& module : modules_) {
    if (address < module.begin || address >= module.end) continue;
    MappedFile file;
    file.open(module.path.c_str());
    std::string name = function_at(symbol_table(file), address - module.base);
    if (!name.empty()) return name;
    if (module.path == "/proc/self/exe") {
      char target[4096];
      ssize_t n = readlink("/proc/self/exe", target, sizeof target);
      name.assign(target, n > 0 ? static_cast<std::size_t>(n) : 0);
    } else {
      name = module.path;
    }
    name += '+';
    append_hex(name, address - module.base);
    return name;
  }
  std::string name;
  append_hex(name, address);
  return name;
}

}  // namespace mayfly::runtime
