// Header fields of HTTP/1.1 messages: what every reader and writer shares.

#pragma once

#include <string>
#include <string_view>

namespace mayfly::core {

struct HttpField {
  std::string_view name;
  std::string_view value;
};

// Field names compare without case (RFC 9110, section 5.1).
bool same_field_name(std::string_view a, std::string_view b);
std::string lower_case(std::string_view name);  // ASCII

// True for the characters a field name may have (RFC 9110 "token").
bool is_token(std::string_view text);

// True when `value` can stand in a field: no control byte but tab. Whatever
// came from outside and goes into a head passes this first.
bool is_field_value(std::string_view value);

// Appends "name: value\r\n". Bytes that could end the field are replaced by a
// space, so a hostile value cannot add a field of its own.
void append_field(std::string& head, std::string_view name, std::string_view value);

}  // namespace mayfly::core
