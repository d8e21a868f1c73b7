// Reads every value of a text the way a batch of telemetry is read. Each string
// must survive being written and read once more.

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

#include <mayfly/json/value.h>
#include <mayfly/json/writer.h>

#include "tests/fuzz/check.h"

using namespace mayfly::json;

namespace {

void check_string(std::string_view text) {
  FUZZ_CHECK(is_utf8(text));
  std::string json;
  append_string(json, text);
  Document document;
  auto again = document.parse(json);
  std::string_view back;
  FUZZ_CHECK(again && again->get(back) == Status::ok && back == text);
}

Status walk(Value& value, int depth) {
  if (depth > 200) return Status::stopped;
  std::string_view text;
  double number = 0;
  bool boolean = false;
  switch (value.kind()) {
    case Kind::object:
      return value.each_field(
          [&](std::string_view name, Value& field) { return check_string(name), walk(field, depth + 1); });
    case Kind::array: return value.each_element([&](Value& element) { return walk(element, depth + 1); });
    case Kind::string:
      if (value.get(text) == Status::ok) check_string(text);
      return Status::ok;
    case Kind::number:
      if (value.get(number) == Status::ok) FUZZ_CHECK(std::isfinite(number));
      return Status::ok;
    case Kind::boolean: return value.get(boolean);
    case Kind::null: return value.is_null() ? Status::ok : Status::malformed;
  }
  return Status::malformed;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(bytes), size);
  std::string json;
  append_string(json, text);  // any bytes at all
  FUZZ_CHECK(is_utf8(json));
  Document document;
  if (auto value = document.parse(text)) walk(*value, 0);
  document.at_end();
  return 0;
}
