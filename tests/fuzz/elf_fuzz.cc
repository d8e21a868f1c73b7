// The tables of an ELF file that say which versions of glibc it needs. The first
// two bytes say how long the first of the two tables is.

#include <cstdint>
#include <string_view>

#include "emulator/cli/elf_file.h"
#include "tests/fuzz/check.h"

using namespace mayfly::emulator::cli;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(bytes), size);
  (void)elf_machine(text);
  if (size < 2) return 0;
  std::size_t cut = (bytes[0] | static_cast<unsigned>(bytes[1]) << 8) % size;
  text.remove_prefix(2);
  cut = cut < text.size() ? cut : text.size();
  int newest = newest_glibc(text.substr(0, cut), text.substr(cut));
  FUZZ_CHECK(newest == 0 || text.find("GLIBC_") != text.npos);
  return 0;
}
