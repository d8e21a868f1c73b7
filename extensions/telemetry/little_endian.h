// Numbers in the files of the spool: little-endian, at any address.

#pragma once

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>

namespace mayfly::telemetry {

template <std::unsigned_integral T>
void append_little_endian(std::string& out, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
}

// The caller has checked that the bytes are there.
template <std::unsigned_integral T>
T little_endian_at(std::string_view bytes, std::size_t at) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    value = static_cast<T>(value | static_cast<T>(static_cast<unsigned char>(bytes[at + i])) << (8 * i));
  return value;
}

}  // namespace mayfly::telemetry
