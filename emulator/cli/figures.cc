#include "emulator/cli/figures.h"

#include <ctime>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace mayfly::emulator::cli {
namespace {

std::string fixed(double value, int decimals) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

}  // namespace

std::string milliseconds(std::chrono::nanoseconds duration) {
  return fixed(static_cast<double>(duration.count()) / 1e6, 2);
}

double as_ms(std::chrono::nanoseconds duration) {
  const std::int64_t us = duration.count() / 1'000;
  return static_cast<double>(us) / 1'000;
}

std::string duration_text(std::chrono::nanoseconds duration) {
  if (duration < std::chrono::seconds(1)) return milliseconds(duration) + " ms";
  return fixed(static_cast<double>(duration.count()) / 1e9, 2) + " s";
}

std::string with_commas(std::int64_t number) {
  std::string out = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(out.size()) - 3; at > (number < 0 ? 1 : 0); at -= 3) {
    out.insert(static_cast<std::size_t>(at), ",");
  }
  return out;
}

std::string gb_seconds_text(double gb_s) {
  int decimals = 2;
  if (gb_s > 0) decimals = std::clamp(2 - static_cast<int>(std::floor(std::log10(gb_s))), 2, 8);
  return fixed(gb_s, decimals) + " GB-s";
}

std::string clock_text(core::WallTime time) {
  std::int64_t ms = core::epoch_ms(time);
  std::time_t seconds = static_cast<std::time_t>(ms / 1'000);
  std::tm local{};
  localtime_r(&seconds, &local);
  char text[32];
  std::size_t n = std::strftime(text, sizeof text, "%H:%M:%S", &local);
  char fraction[8];
  std::snprintf(fraction, sizeof fraction, ".%03d", static_cast<int>(ms % 1'000));
  return std::string(text, n) + fraction;
}

}  // namespace mayfly::emulator::cli
