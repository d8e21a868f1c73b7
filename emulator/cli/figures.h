// How numbers look to people: "12.31 ms" as in a REPORT line, seconds from 1 s
// up, commas between thousands, GB-seconds with three significant digits.

#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "core/clock.h"

namespace mayfly::emulator::cli {

std::string milliseconds(std::chrono::nanoseconds duration);   // "12.31"
double as_ms(std::chrono::nanoseconds duration);               // 12.31, for machines: cut to whole microseconds
std::string duration_text(std::chrono::nanoseconds duration);  // "12.31 ms", "3.60 s"
std::string with_commas(std::int64_t number);                  // "3,077"

std::string gb_seconds_text(double gb_s);  // "0.00475 GB-s"

// "10:02:14.310", local time.
std::string clock_text(core::WallTime time);

}  // namespace mayfly::emulator::cli
