// JSON values as OTLP's AnyValue. Objects and arrays stay what they are.
//
// All of these append to a message; a protozero writer may have it open, at any
// depth, as long as it waits meanwhile.

#pragma once

#include <mayfly/json/value.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace mayfly::telemetry {

// Field numbers of opentelemetry/proto/common/v1/common.proto.
namespace any_value {
enum : std::uint32_t { kString = 1, kBool = 2, kInt = 3, kDouble = 4, kArray = 5, kKvlist = 6 };
}
namespace key_value {
enum : std::uint32_t { kKey = 1, kValue = 2 };
}

// Appends the fields of an AnyValue. What lies deeper than 32 levels becomes a
// string of JSON. Returns Status::malformed when the JSON is broken; the message
// is incomplete then.
json::Status write_any_value(std::string& message, json::Value& value, int depth = 0);

// Appends a KeyValue as field `tag`.
json::Status add_attribute(std::string& message, std::uint32_t tag, std::string_view key, json::Value& value,
                           int depth = 0);
void add_attribute(std::string& message, std::uint32_t tag, std::string_view key, std::string_view value);
void add_attribute(std::string& message, std::uint32_t tag, std::string_view key, std::int64_t value);
void add_attribute(std::string& message, std::uint32_t tag, std::string_view key, bool value);
inline void add_attribute(std::string& message, std::uint32_t tag, std::string_view key, const char* value) {
  add_attribute(message, tag, key, std::string_view(value));  // and not as bool
}

}  // namespace mayfly::telemetry
