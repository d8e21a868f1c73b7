#include "emulator/lifecycle/error_json.h"

#include <mayfly/json/value.h>
#include <mayfly/json/writer.h>

namespace mayfly::emulator {

std::string error_json(std::string_view type, std::string_view message) {
  std::string out;
  json::Writer(out).begin_object().member("errorType", type).member("errorMessage", message).end_object();
  return out;
}

std::string api_error_json(std::string_view type, std::string_view message) {
  std::string plain;
  json::Writer(plain).begin_object().member("errorMessage", message).member("errorType", type).end_object();
  std::string out;
  out.reserve(plain.size() + 1);
  for (char c : plain) {
    switch (c) {
      case '<': out += "\\u003c"; break;
      case '>': out += "\\u003e"; break;
      case '&': out += "\\u0026"; break;
      default: out += c;
    }
  }
  out += '\n';
  return out;
}

ErrorWords read_error_json(std::string_view payload) {
  ErrorWords words;
  json::Document document;
  auto root = document.parse(payload);
  if (!root || root->kind() != json::Kind::object) return words;
  (void)root->each_field([&](std::string_view name, json::Value& value) {
    std::string_view text;
    if (name == "errorType" && value.get(text) == json::Status::ok) words.type = text;
    if (name == "errorMessage" && value.get(text) == json::Status::ok) words.message = text;
    return json::Status::ok;
  });
  return words;
}

std::string without_error_cause(std::string_view payload) {
  json::Document document;
  auto root = document.parse(payload);
  std::string type, message, stack;
  auto status = json::Status::wrong_kind;
  if (root && root->kind() == json::Kind::object) {
    status = root->each_field([&](std::string_view name, json::Value& value) {
      std::string_view raw;
      if (name != "errorType" && name != "errorMessage" && name != "stackTrace") return json::Status::ok;
      auto read = value.raw(raw);
      (name == "errorType" ? type : name == "errorMessage" ? message : stack) = raw;
      return read;
    });
  }
  if (status != json::Status::ok) return "\"Invalid error body\"";
  std::string out;
  json::Writer writer(out);
  writer.begin_object().key("errorMessage").raw(message.empty() ? "\"\"" : message);
  writer.key("errorType").raw(type.empty() ? "\"\"" : type);
  if (!stack.empty()) writer.key("stackTrace").raw(stack);
  writer.end_object();
  return out;
}

}  // namespace mayfly::emulator
