// Each byte is what a backend, a function, a freezer or a clock does next to the
// daemon's pure parts: see tests/sim/telemetry_sim.h.

#include <cstddef>
#include <cstdint>
#include <cstdio>

#include "tests/fuzz/check.h"
#include "tests/sim/telemetry_sim.h"

using namespace mayfly::telemetry::test;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  auto run = simulate({bytes, size});
  if (!run.broken.empty()) {
    for (const auto& line : run.story) std::fprintf(stderr, "%s\n", line.c_str());
    std::fprintf(stderr, "%s\n", run.broken.c_str());
  }
  FUZZ_CHECK(run.broken.empty());
  return 0;
}
