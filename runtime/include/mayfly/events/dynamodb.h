// Amazon DynamoDB Streams: what has changed in a table [A]. Views into the event;
// binary values are decoded when they are asked for.
//
//   for (const auto& record : event.records) {
//     const auto* id = record.dynamodb.keys.find("Id");
//     if (id) mayfly::log.info("changed", {{"id", id->text}});
//   }
//
// [A] AWS Lambda Developer Guide, "Using Lambda with Amazon DynamoDB", and the
//     DynamoDB Streams API reference, "AttributeValue", read 2026-11.

#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <mayfly/base64.h>
#include <mayfly/batch.h>
#include <mayfly/json/members.h>
#include <mayfly/json/reflect.h>
#include <mayfly/json/typed.h>

namespace mayfly::dynamodb {

enum class Type : std::uint8_t { S, N, B, BOOL, NUL, M, L, SS, NS, BS };  // NUL: "NULL", which is a macro

struct AttributeValue {
  Type type = Type::NUL;
  bool boolean = false;               // BOOL
  std::string_view text;              // S: the string; N: the number as it was written; B: base64
  std::vector<std::string_view> set;  // SS, NS, BS, each as `text`
  std::vector<AttributeValue> list;   // L
  json::Members<AttributeValue> map;  // M

  // Of an N that fits: DynamoDB's numbers have up to 38 digits. Others: nothing.
  template <class T>
  std::optional<T> number() const {
    T value{};
    if (type != Type::N) return std::nullopt;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
  }
  // Of a B.
  Result<std::string> decode() const { return Base64{text}.decode(); }
};

using Item = json::Members<AttributeValue>;

struct Change {
  Item keys;
  Item new_image;  // empty where the stream's view has none
  Item old_image;
  std::string_view sequence_number;
  std::string_view stream_view_type;          // "NEW_AND_OLD_IMAGES", "KEYS_ONLY", ...
  double approximate_creation_date_time = 0;  // s since 1970
  std::int64_t size_bytes = 0;
};

struct UserIdentity {
  std::string_view type;          // "Service", when time to live
  std::string_view principal_id;  // "dynamodb.amazonaws.com" has removed the item
};

struct Record {
  Change dynamodb;
  std::string_view event_id;
  std::string_view event_name;  // "INSERT", "MODIFY", "REMOVE"
  std::string_view event_version;
  std::string_view event_source;  // "aws:dynamodb"
  std::string_view event_source_arn;
  std::string_view aws_region;
  std::optional<UserIdentity> user_identity;
};

struct Event {
  std::vector<Record> records;
};

}  // namespace mayfly::dynamodb

// {"S":"text"}: an object of one member, whose name is the type.
template <>
struct mayfly::json::form<mayfly::dynamodb::AttributeValue> {
  static Status read(Value& value, dynamodb::AttributeValue& out, Fault& where);
  static bool write(Writer& writer, const dynamodb::AttributeValue& value, Fault& where);
};
template <>
struct mayfly::json::fields<mayfly::dynamodb::Change> {
  static constexpr std::array<std::string_view, 7> names{
      "Keys", "NewImage", "OldImage", "SequenceNumber", "StreamViewType", "ApproximateCreationDateTime", "SizeBytes"};
  static constexpr std::size_t required = 0;
};
template <>
struct mayfly::json::fields<mayfly::dynamodb::UserIdentity> {
  static constexpr std::array<std::string_view, 2> names{"type", "principalId"};
  static constexpr std::size_t required = 0;
};
template <>
struct mayfly::json::fields<mayfly::dynamodb::Record> {
  static constexpr std::array<std::string_view, 8> names{"dynamodb",    "eventID",        "eventName", "eventVersion",
                                                         "eventSource", "eventSourceARN", "awsRegion", "userIdentity"};
  static constexpr std::size_t required = 1;
};
template <>
struct mayfly::json::fields<mayfly::dynamodb::Event> {
  static constexpr std::array<std::string_view, 1> names{"Records"};
};

template <>
struct mayfly::Batch<mayfly::dynamodb::Record> {
  using Event = dynamodb::Event;
  static std::string_view identifier(const dynamodb::Record& record) { return record.dynamodb.sequence_number; }
  static AfterFailure after_failure(const dynamodb::Record&) { return AfterFailure::resume_here; }
};
