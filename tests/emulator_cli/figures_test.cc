#include "emulator/cli/figures.h"

#include <doctest/doctest.h>

#include "emulator/telemetry/metrics.h"

namespace mayfly::emulator::cli {

TEST_CASE("durations read as in a REPORT line, seconds from one on") {
  CHECK(duration_text(std::chrono::microseconds(12'310)) == "12.31 ms");
  CHECK(duration_text(std::chrono::milliseconds(3'600)) == "3.60 s");
}

TEST_CASE("thousands have commas") {
  CHECK(with_commas(0) == "0");
  CHECK(with_commas(999) == "999");
  CHECK(with_commas(3'077) == "3,077");
  CHECK(with_commas(1'234'567) == "1,234,567");
  CHECK(with_commas(-1'000) == "-1,000");
}

TEST_CASE("GB-seconds are billed time times memory") {
  CHECK(gb_seconds_text(gb_seconds(38, 128)) == "0.00475 GB-s");
  CHECK(gb_seconds_text(gb_seconds(3'077, 128)) == "0.385 GB-s");
  CHECK(gb_seconds_text(0) == "0.00 GB-s");
}

}  // namespace mayfly::emulator::cli
