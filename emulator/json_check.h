// Whether a text is JSON, all of it: the reader in core stops where its caller
// stops reading.

#pragma once

#include <string>
#include <string_view>

namespace mayfly::emulator {

// Empty when `text` is one JSON value; else what is wrong with it.
std::string json_problem(std::string_view text);

// The same, and the value is an object.
bool is_json_object(std::string_view text);

}  // namespace mayfly::emulator
