#include "extensions/telemetry/random.h"

#include <sys/random.h>

#include <array>
#include <chrono>

namespace mayfly::telemetry {

std::uint64_t random_bits() {
  std::uint64_t bits = 0;
  if (getrandom(&bits, sizeof bits, GRND_NONBLOCK) == static_cast<ssize_t>(sizeof bits)) return bits;
  // Early after the boot of a machine. Jitter and names need no secrecy.
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count()) * 0x9E3779B97F4A7C15u;
}

std::string random_id(std::size_t bytes) {
  std::string id;
  while (id.size() < bytes) {
    auto bits = random_bits() | 1;
    id.append(reinterpret_cast<const char*>(&bits), sizeof bits);
  }
  return id;
}

std::string random_uuid() {
  constexpr char kHex[] = "0123456789abcdef";
  std::array<std::uint64_t, 2> bits{random_bits(), random_bits()};
  std::string out;
  for (std::size_t i = 0; i < 32; ++i) {
    auto digit = (bits[i / 16] >> (i % 16 * 4)) & 15;
    if (i == 12) digit = 4;
    if (i == 16) digit = 8 | (digit & 3);
    if (i == 8 || i == 12 || i == 16 || i == 20) out += '-';
    out += kHex[digit];
  }
  return out;
}

}  // namespace mayfly::telemetry
