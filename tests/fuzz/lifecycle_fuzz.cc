// Each byte is what a process, a caller or the clock does next to an environment;
// the first says to which of the two kinds.

#include <cstddef>
#include <cstdint>
#include <cstdio>

#include "tests/emulator/random_walk.h"
#include "tests/fuzz/check.h"

using namespace mayfly::emulator::test;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  auto walked = walk(bytes[0] % 2 == 0 ? Walker::on_demand : Walker::managed, {bytes + 1, size - 1});
  if (!walked.broken.empty()) {
    for (const auto& line : walked.story) std::fprintf(stderr, "%s\n", line.c_str());
    std::fprintf(stderr, "%s\n", walked.broken.c_str());
  }
  FUZZ_CHECK(walked.broken.empty());
  return 0;
}
