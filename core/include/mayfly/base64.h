// Base64 (RFC 4648, section 4: '+', '/' and padding), the form in which JSON
// events carry bytes.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <mayfly/error.h>
#include <mayfly/json/typed.h>

namespace mayfly {

// The length that `bytes` bytes have in base64.
constexpr std::size_t base64_size(std::size_t bytes) { return (bytes + 2) / 3 * 4; }

void append_base64(std::string& out, std::string_view bytes);
// Appends the bytes that `text` stands for; false, and `out` as it was, when it
// is not base64: a character of another alphabet, white space, no padding.
bool append_base64_decoded(std::string& out, std::string_view text);

// Bytes in an event that are not decoded before they are wanted.
struct Base64 {
  std::string_view text;

  // Errors: Base64.Invalid.
  Result<std::string> decode() const;
};

template <>
struct json::form<Base64> {
  static Status read(Value& value, Base64& out, Fault& where) { return read_as(value, out.text, where); }
  static bool write(Writer& writer, const Base64& value, Fault& where) { return write_as(writer, value.text, where); }
};

}  // namespace mayfly
