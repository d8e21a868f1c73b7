// Amazon Kinesis data streams: what a shard hands to a function [A]. Views into
// the event; data is decoded when it is asked for.
//
// [A] AWS Lambda Developer Guide, "Using Lambda with Amazon Kinesis", read 2026-11.

#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include <mayfly/base64.h>
#include <mayfly/batch.h>
#include <mayfly/json/reflect.h>

namespace mayfly::kinesis {

struct Payload {
  Base64 data;
  std::string_view sequence_number;
  std::string_view partition_key;
  std::string_view kinesis_schema_version;
  double approximate_arrival_timestamp = 0;         // s since 1970
  std::optional<std::string_view> encryption_type;  //
};

struct Record {
  Payload kinesis;
  std::string_view event_id;  // "shardId-000000000000:<sequence number>"
  std::string_view event_name;
  std::string_view event_version;
  std::string_view event_source;  // "aws:kinesis"
  std::string_view event_source_arn;
  std::string_view invoke_identity_arn;
  std::string_view aws_region;
};

// Events of a tumbling window have more than this; they are no batches for each().
struct Event {
  std::vector<Record> records;
};

}  // namespace mayfly::kinesis

template <>
struct mayfly::json::fields<mayfly::kinesis::Payload> {
  static constexpr std::array<std::string_view, 6> names{
      "data",          "sequenceNumber", "partitionKey", "kinesisSchemaVersion", "approximateArrivalTimestamp",
      "encryptionType"};
  static constexpr std::size_t required = 1;
};
template <>
struct mayfly::json::fields<mayfly::kinesis::Record> {
  static constexpr std::array<std::string_view, 8> names{"kinesis",           "eventID",     "eventName",
                                                         "eventVersion",      "eventSource", "eventSourceARN",
                                                         "invokeIdentityArn", "awsRegion"};
  static constexpr std::size_t required = 1;
};
template <>
struct mayfly::json::fields<mayfly::kinesis::Event> {
  static constexpr std::array<std::string_view, 1> names{"Records"};
};

template <>
struct mayfly::Batch<mayfly::kinesis::Record> {
  using Event = kinesis::Event;
  static std::string_view identifier(const kinesis::Record& record) { return record.kinesis.sequence_number; }
  static AfterFailure after_failure(const kinesis::Record&) { return AfterFailure::resume_here; }
};
