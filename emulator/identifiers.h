// Random identifiers in the forms that Lambda uses, and base64.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace mayfly::emulator {

std::string random_hex(std::size_t digits);  // even; lower case
std::string new_uuid();                      // version 4
bool is_uuid(std::string_view text);         // 8-4-4-4-12 hex digits, either case

std::string base64_encode(std::string_view bytes);
// With padding, without white space; nothing when the text is not that.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace mayfly::emulator
