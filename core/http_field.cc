#include "core/http_field.h"

#include <algorithm>

namespace mayfly::core {
namespace {

char lower(char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c); }

bool is_control(char c) {
  auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && byte != '\t') || byte == 0x7f;
}

}  // namespace

bool same_field_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string lower_case(std::string_view name) {
  std::string out(name);
  std::ranges::transform(out, out.begin(), lower);
  return out;
}

bool is_token(std::string_view text) {
  constexpr std::string_view kPunctuation = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kPunctuation.find(c) != kPunctuation.npos;
  });
}

bool is_field_value(std::string_view value) { return std::ranges::none_of(value, is_control); }

void append_field(std::string& head, std::string_view name, std::string_view value) {
  head.append(name).append(": ");
  auto at = static_cast<std::ptrdiff_t>(head.size());
  head.append(value);
  std::replace_if(head.begin() + at, head.end(), is_control, ' ');
  head.append("\r\n");
}

}  // namespace mayfly::core
