// The encoding of AWS's event streams, application/vnd.amazon.eventstream [A]:
//
//   total length, length of the headers, CRC-32 of those eight bytes
//   headers: length of the name, name, 7 (a string), length of the value, value
//   payload
//   CRC-32 of all before it
//
// Lengths and sums are big-endian; a name's length takes one byte, a value's two.
//
// [A] AWS SDKs' "Amazon Event Stream Specification"; read by botocore.eventstream
//     in the tests.

#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace mayfly::emulator {

// The CRC-32 of zlib and Ethernet of `bytes`, which continue what `before` is of.
std::uint32_t crc32(std::string_view bytes, std::uint32_t before = 0);

// Names have up to 255 bytes; a value is cut at 32,767 bytes, of which clients
// would read no more. Payloads have up to 16 MiB.
using EventHeaders = std::initializer_list<std::pair<std::string_view, std::string_view>>;
void append_event(std::string& out, EventHeaders headers, std::string_view payload);

}  // namespace mayfly::emulator
