#include "emulator/json_check.h"

#include <mayfly/json/value.h>

namespace mayfly::emulator {

namespace {

// Reads the value to its end. The reader limits how deep it may go.
json::Status read_through(json::Value& value) {
  std::string_view text;
  double number = 0;
  bool truth = false;
  auto status = json::Status::ok;
  switch (value.kind()) {
    case json::Kind::object:
      return value.each_field([](std::string_view, json::Value& inner) { return read_through(inner); });
    case json::Kind::array: return value.each_element([](json::Value& inner) { return read_through(inner); });
    case json::Kind::string: return value.get(text);
    case json::Kind::number:
      status = value.get(number);
      return status == json::Status::out_of_range ? json::Status::ok : status;
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
  if (read_through(*root) != json::Status::ok) return "not valid JSON";
  if (!document.at_end()) return "not valid JSON: more text follows the value";
  return {};
}

bool is_json_object(std::string_view text) {
  auto start = text.find_first_not_of(" \t\r\n");
  return start != text.npos && text[start] == '{' && json_problem(text).empty();
}

}  // namespace mayfly::emulator
