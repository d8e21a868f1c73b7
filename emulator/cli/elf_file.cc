#include "emulator/cli/elf_file.h"

#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <vector>

namespace mayfly::emulator::cli {
namespace {

// No linker's output comes near these.
constexpr std::size_t kMostSections = 4'096;
constexpr std::size_t kMostBytes = 4 * 1024 * 1024;
constexpr int kMostNeeds = 4'096;  // a list that leads back into itself ends here

std::string machine_name(unsigned machine) {
  switch (machine) {
    case EM_X86_64: return "x86_64";
    case EM_AARCH64: return "arm64";
    case EM_386: return "x86 (32 bit)";
    case EM_ARM: return "arm (32 bit)";
    case EM_RISCV: return "riscv64";
    default: return "machine " + std::to_string(machine);
  }
}

// A structure at `at`, if all of it lies in `bytes`.
template <class T>
std::optional<T> read_at(std::string_view bytes, std::size_t at) {
  if (at > bytes.size() || bytes.size() - at < sizeof(T)) return std::nullopt;
  T out;
  std::memcpy(&out, bytes.data() + at, sizeof(T));
  return out;
}

std::string_view string_at(std::string_view strings, std::size_t at) {
  if (at >= strings.size()) return {};
  strings.remove_prefix(at);
  return strings.substr(0, strings.find('\0'));
}

// "GLIBC_2.38" is 38. Relocations that 2.36 has brought have a name of their own.
int minor_version(std::string_view name) {
  constexpr std::string_view kVersion = "GLIBC_2.";
  if (name == "GLIBC_ABI_DT_RELR") return 36;
  if (!name.starts_with(kVersion)) return 0;
  int minor = 0;
  std::from_chars(name.data() + kVersion.size(), name.data() + name.size(), minor);
  return minor;
}

std::string read_range(int fd, std::uint64_t offset, std::uint64_t size) {
  if (size > kMostBytes || offset > INT64_MAX - size) return {};
  std::string bytes(static_cast<std::size_t>(size), '\0');
  ssize_t n = pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
  bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return bytes;
}

int needed_glibc(int fd) {
  auto header = read_at<Elf64_Ehdr>(read_range(fd, 0, sizeof(Elf64_Ehdr)), 0);
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return 0;
  if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB) return 0;
  if (header->e_shentsize != sizeof(Elf64_Shdr) || header->e_shnum > kMostSections) return 0;
  std::string table = read_range(fd, header->e_shoff, std::uint64_t{header->e_shnum} * sizeof(Elf64_Shdr));
  auto section = [&](std::size_t i) { return read_at<Elf64_Shdr>(table, i * sizeof(Elf64_Shdr)); };
  for (std::size_t i = 0; i < header->e_shnum; ++i) {
    auto needs = section(i);
    if (!needs || needs->sh_type != SHT_GNU_verneed) continue;
    auto strings = section(needs->sh_link);
    if (!strings) return 0;
    return newest_glibc(read_range(fd, needs->sh_offset, needs->sh_size),
                        read_range(fd, strings->sh_offset, strings->sh_size));
  }
  return 0;
}

}  // namespace

std::string elf_machine(std::string_view first_bytes) {
  if (first_bytes.size() < 20 || !first_bytes.starts_with(ELFMAG)) return {};
  auto byte = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(first_bytes[i])); };
  bool little = byte(EI_DATA) == ELFDATA2LSB;
  return machine_name(little ? byte(18) | byte(19) << 8 : byte(18) << 8 | byte(19));
}

int newest_glibc(std::string_view version_needs, std::string_view strings) {
  int newest = 0, seen = 0;
  for (std::size_t at = 0;;) {
    auto library = read_at<Elf64_Verneed>(version_needs, at);
    if (!library) break;
    for (std::size_t version_at = at + library->vn_aux; seen < kMostNeeds; ++seen) {
      auto version = read_at<Elf64_Vernaux>(version_needs, version_at);
      if (!version) break;
      newest = std::max(newest, minor_version(string_at(strings, version->vna_name)));
      if (version->vna_next == 0) break;
      version_at += version->vna_next;
    }
    if (library->vn_next == 0 || ++seen >= kMostNeeds) break;
    at += library->vn_next;
  }
  return newest;
}

int needed_glibc(const std::filesystem::path& file) {
  int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return 0;
  int minor = needed_glibc(fd);
  close(fd);
  return minor;
}

}  // namespace mayfly::emulator::cli
