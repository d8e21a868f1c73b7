#include "emulator/json_check.h"

#include <mayfly/json/value.h>

namespace mayfly::emulator {

namespace {

// As deep as the service reads; without a limit a payload of brackets would eat
// the stack.
constexpr int kMaxDepth = 1'000;

// Reads the value to its end.
json::Status read_through(json::Value& value, int depth) {
  if (depth > kMaxDepth) return json::Status::out_of_range;
  std::string_view text;
  double number = 0;
  bool truth = false;
  switch (value.kind()) {
    case json::Kind::object:
      return value.each_field([depth](std::string_view, json::Value& inner) { return read_through(inner, depth + 1); });
    case json::Kind::array:
      return value.each_element([depth](json::Value& inner) { return read_through(inner, depth + 1); });
    case json::Kind::string: return value.get(text);
    case json::Kind::number: return value.get(number);
    case json::Kind::boolean: return value.get(truth);
    case json::Kind::null: return value.is_null() ? json::Status::ok : json::Status::malformed;
  }
  return json::Status::malformed;
}

}  // namespace

std::string json_problem(std::string_view text) {
  json::Document document;
  auto root = document.parse(text);
  if (!root) return root.error().message;
  auto status = read_through(*root, 1);
  if (status == json::Status::out_of_range) return "not valid JSON: nested too deeply, or a number too large";
  if (status != json::Status::ok) return "not valid JSON";
  if (!document.at_end()) return "not valid JSON: more text follows the value";
  return {};
}

bool is_json_object(std::string_view text) {
  auto start = text.find_first_not_of(" \t\r\n");
  return start != text.npos && text[start] == '{' && json_problem(text).empty();
}

}  // namespace mayfly::emulator
