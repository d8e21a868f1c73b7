// A time that is read and written again is the same millisecond.

#include <cstdint>
#include <string_view>

#include "core/clock.h"
#include "tests/fuzz/check.h"

using namespace mayfly::core;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  WallTime first{}, second{};
  if (!parse_rfc3339({reinterpret_cast<const char*>(bytes), size}, first)) {
    FUZZ_CHECK(first == WallTime{});
    return 0;
  }
  std::string text = rfc3339(first);
  FUZZ_CHECK(text.size() == 24);
  // An offset can carry a time just outside the years that are read.
  if (!parse_rfc3339(text, second)) return 0;
  FUZZ_CHECK(second == std::chrono::floor<std::chrono::milliseconds>(first));
  return 0;
}
