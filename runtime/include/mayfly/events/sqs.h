// Amazon SQS: what a queue hands to a function [A]. Views into the event.
//
// Only what a handler cannot do without must be there; other members that are
// not optional are empty where an event made by hand leaves them out.
//
// [A] AWS Lambda Developer Guide, "Using Lambda with Amazon SQS", read 2026-11.

#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include <mayfly/base64.h>
#include <mayfly/batch.h>
#include <mayfly/json/members.h>
#include <mayfly/json/reflect.h>

namespace mayfly::sqs {

struct Attributes {
  std::string_view approximate_receive_count;            // "1": at least once before now
  std::string_view sent_timestamp;                       // ms since 1970, as text
  std::string_view sender_id;                            //
  std::string_view approximate_first_receive_timestamp;  // ms since 1970, as text
  std::optional<std::string_view> message_group_id;      // FIFO queues, and fair ones
  std::optional<std::string_view> message_deduplication_id;
  std::optional<std::string_view> sequence_number;
  std::optional<std::string_view> trace_header;  // AWS X-Ray
  std::optional<std::string_view> dead_letter_queue_source_arn;
};

struct MessageAttribute {
  std::string_view data_type;  // "String", "Number", "Binary", each with ".own" behind it
  std::optional<std::string_view> string_value;
  std::optional<Base64> binary_value;
  std::vector<std::string_view> string_list_values;  // not used by SQS so far
  std::vector<Base64> binary_list_values;
};

struct Message {
  std::string_view message_id;
  std::string_view body;
  std::string_view receipt_handle;
  Attributes attributes;
  json::Members<MessageAttribute> message_attributes;
  std::string_view md5_of_body;
  std::optional<std::string_view> md5_of_message_attributes;
  std::string_view event_source;  // "aws:sqs"
  std::string_view event_source_arn;
  std::string_view aws_region;
};

struct Event {
  std::vector<Message> records;
};

}  // namespace mayfly::sqs

template <>
struct mayfly::json::fields<mayfly::sqs::Attributes> {
  static constexpr std::array<std::string_view, 9> names{
      "ApproximateReceiveCount", "SentTimestamp",          "SenderId",       "ApproximateFirstReceiveTimestamp",
      "MessageGroupId",          "MessageDeduplicationId", "SequenceNumber", "AWSTraceHeader",
      "DeadLetterQueueSourceArn"};
  static constexpr std::size_t required = 0;
};
template <>
struct mayfly::json::fields<mayfly::sqs::MessageAttribute> {
  static constexpr std::array<std::string_view, 5> names{"dataType", "stringValue", "binaryValue", "stringListValues",
                                                         "binaryListValues"};
  static constexpr std::size_t required = 1;
};
template <>
struct mayfly::json::fields<mayfly::sqs::Message> {
  static constexpr std::array<std::string_view, 10> names{
      "messageId",         "body",      "receiptHandle",          "attributes",
      "messageAttributes", "md5OfBody", "md5OfMessageAttributes", "eventSource",
      "eventSourceARN",    "awsRegion"};
  static constexpr std::size_t required = 2;
};
template <>
struct mayfly::json::fields<mayfly::sqs::Event> {
  static constexpr std::array<std::string_view, 1> names{"Records"};
};

// A FIFO queue is handled in order: behind a failure nothing of the batch is.
template <>
struct mayfly::Batch<mayfly::sqs::Message> {
  using Event = sqs::Event;
  static std::string_view identifier(const sqs::Message& message) { return message.message_id; }
  static AfterFailure after_failure(const sqs::Message& message) {
    return message.event_source_arn.ends_with(".fifo") ? AfterFailure::list_the_rest : AfterFailure::go_on;
  }
};
