#include "emulator/invoke/function_name.h"

#include <algorithm>
#include <cctype>
#include <vector>

#include "emulator/invoke/validation_text.h"

namespace mayfly::emulator {

using core::Errc;
using core::fail;

namespace {

constexpr std::size_t kMaxNameBytes = 64;
constexpr std::size_t kMaxBytes = 256;  // an ARN with its qualifier
constexpr std::size_t kMaxQualifierBytes = 128;

bool is_word(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; });
}

bool is_account(std::string_view text) {
  return text.size() == 12 && std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c) != 0; });
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  for (;;) {
    auto colon = text.find(':');
    parts.push_back(text.substr(0, colon));
    if (colon == text.npos) return parts;
    text.remove_prefix(colon + 1);
  }
}

unexpected<core::Failure> constraint(Errc code, std::string_view text, std::string_view what) {
  return fail(code, validation_text(text, "functionName", what));
}

}  // namespace

bool is_qualifier(std::string_view text) {
  return text == "$LATEST" || (is_word(text) && text.size() <= kMaxQualifierBytes);
}

core::Outcome<FunctionName> parse_function_name(std::string_view text) {
  if (text.size() > kMaxBytes && text.find(':') != text.npos)
    return constraint(Errc::parse, text, "have length less than or equal to 256");
  auto parts = split(text);
  FunctionName out;
  std::size_t at = 0;
  bool sound = true;
  if (parts.front() == "arn") {
    sound = parts.size() >= 7 && parts[1].starts_with("aws") && parts[2] == "lambda" && !parts[3].empty() &&
            is_account(parts[4]) && parts[5] == "function";
    if (sound) {
      out.region = parts[3];
      out.account = parts[4];
    }
    at = 6;
  } else if (parts.size() >= 3) {
    sound = is_account(parts[0]) && parts[1] == "function";
    out.account = parts[0];
    at = 2;
  }
  sound = sound && parts.size() > at && parts.size() <= at + 2 && is_word(parts[at]);
  if (sound && parts.size() == at + 2) {
    out.qualifier = parts[at + 1];
    sound = is_qualifier(out.qualifier);
  }
  if (!sound) {
    return constraint(
        Errc::parse, text,
        "satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?"
        "-[a-z]+-\\d{1}:)?(\\d{12}:)?(function:)?([a-zA-Z0-9-_\\.]+)(:(\\$LATEST(\\.PUBLISHED)?|[a-zA-Z0-9-_]+))?");
  }
  if (parts[at].size() > kMaxNameBytes)
    return constraint(Errc::out_of_range, text, "have length less than or equal to 64");
  out.name = parts[at];
  return out;
}

}  // namespace mayfly::emulator
