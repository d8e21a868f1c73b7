#include "emulator/cli/function_error.h"

#include <mayfly/json/value.h>

#include <cstdint>

namespace mayfly::emulator::cli {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

void read_text(json::Value& value, std::string& to) {
  std::string_view view;
  if (value.kind() == json::Kind::string && value.get(view) == json::Status::ok) to = view;
}

// "    at handle (/var/task/app.mjs:7:9)" of Node.js, two lines of Python, the
// second of which is the source.
std::string line_of(std::string_view frame) {
  frame = trim(frame.substr(0, frame.find('\n')));
  if (frame.starts_with("at ")) frame = trim(frame.substr(3));
  return std::string(frame);
}

// {"path": "task/main.go", "line": 17, "label": "handle"} of Go.
std::string line_of_object(json::Value& frame) {
  std::string path, label;
  std::int64_t line = 0;
  static_cast<void>(frame.each_field([&](std::string_view name, json::Value& value) {
    if (name == "path") read_text(value, path);
    if (name == "label") read_text(value, label);
    if (name == "line" && value.kind() == json::Kind::number) static_cast<void>(value.get(line));
    return json::Status::ok;
  }));
  if (path.empty()) return label;
  auto place = path + ":" + std::to_string(line);
  return label.empty() ? place : label + " (" + place + ")";
}

}  // namespace

FunctionError read_error(std::string_view payload) {
  FunctionError out;
  json::Document document;
  auto root = document.parse(payload);
  if (!root || root->kind() != json::Kind::object) return out;
  static_cast<void>(root->each_field([&](std::string_view name, json::Value& value) {
    if (name == "errorType") read_text(value, out.type);
    if (name == "errorMessage" || name == "message" || name == "Message") read_text(value, out.message);
    // Node.js has a "trace" that begins with the message.
    if ((name != "stackTrace" && name != "trace") || value.kind() != json::Kind::array) return json::Status::ok;
    return value.each_element([&](json::Value& frame) {
      std::string text;
      if (frame.kind() == json::Kind::object) {
        text = line_of_object(frame);
      } else {
        read_text(frame, text);
        text = line_of(text);
      }
      if (!text.empty()) out.frames.push_back(std::move(text));
      return json::Status::ok;
    });
  }));
  if (!out.frames.empty() && out.frames.front().starts_with(out.type + ": ")) out.frames.erase(out.frames.begin());
  return out;
}

}  // namespace mayfly::emulator::cli
