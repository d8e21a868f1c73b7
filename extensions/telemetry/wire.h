// Protobuf fields whose lengths are known before they are written, into memory
// that is large enough: for what every record goes through. Field numbers below
// 16 only, so that a tag is one byte. Everything else is protozero's.

#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace mayfly::telemetry::wire {

inline constexpr std::size_t kFixed64Size = 9, kFixed32Size = 5;

inline std::size_t varint_size(std::size_t value) {
  return (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7;
}
// A field of `size` bytes with its tag and length.
inline std::size_t message_size(std::size_t size) { return 1 + varint_size(size) + size; }
inline std::size_t bytes_size(std::string_view bytes) { return message_size(bytes.size()); }
// The fields of a KeyValue with a string.
inline std::size_t pair_size(std::string_view key, std::string_view text) {
  return bytes_size(key) + message_size(bytes_size(text));
}

class Writer {
 public:
  explicit Writer(char* out) : out_(out) {}

  void head(std::uint32_t field, std::size_t size) {
    *out_++ = static_cast<char>(field << 3 | 2);
    varint(size);
  }
  void bytes(std::uint32_t field, std::string_view text) {
    head(field, text.size());
    raw(text);
  }
  void small(std::uint32_t field, std::uint8_t value) {  // below 128
    *out_++ = static_cast<char>(field << 3);
    *out_++ = static_cast<char>(value);
  }
  void fixed64(std::uint32_t field, std::uint64_t value) {
    *out_++ = static_cast<char>(field << 3 | 1);
    little_endian(value);
  }
  void fixed32(std::uint32_t field, std::uint32_t value) {
    *out_++ = static_cast<char>(field << 3 | 5);
    little_endian(value);
  }
  // The fields of a KeyValue with a string.
  void pair(std::string_view key, std::string_view text) {
    bytes(1, key);
    head(2, bytes_size(text));
    bytes(1, text);
  }
  void raw(std::string_view bytes) {
    std::memcpy(out_, bytes.data(), bytes.size());
    out_ += bytes.size();
  }

 private:
  void varint(std::size_t value) {
    for (; value >= 128; value >>= 7) *out_++ = static_cast<char>(value | 128);
    *out_++ = static_cast<char>(value);
  }
  template <class T>
  void little_endian(T value) {
    static_assert(std::endian::native == std::endian::little);
    std::memcpy(out_, &value, sizeof value);
    out_ += sizeof value;
  }

  char* out_;
};

}  // namespace mayfly::telemetry::wire
