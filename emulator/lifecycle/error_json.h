// The error objects that callers of a function see, and those of our APIs.

#pragma once

#include <string>
#include <string_view>

namespace mayfly::emulator {

// {"errorType":...,"errorMessage":...}, as Lambda writes it for what happens to
// a function.
std::string error_json(std::string_view type, std::string_view message);

// {"errorMessage":...,"errorType":...} and a newline, as the Runtime and
// Extensions APIs answer. '<', '>' and '&' are escaped, as there.
std::string api_error_json(std::string_view type, std::string_view message);

// What an error object of a function says; empty strings where it says nothing
// or is no JSON object.
struct ErrorWords {
  std::string type;
  std::string message;
};
ErrorWords read_error_json(std::string_view payload);

// What {"errorMessage","errorType","stackTrace"} of an error remain when its
// errorCause is taken out; the JSON string "Invalid error body" when it is no
// JSON object.
std::string without_error_cause(std::string_view payload);

}  // namespace mayfly::emulator
