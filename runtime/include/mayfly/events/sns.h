// Amazon SNS: notifications [A]. Views into the event.
//
// [A] AWS Lambda Developer Guide, "Invoking Lambda functions with Amazon SNS
//     notifications", read 2026-11.

#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include <mayfly/json/members.h>
#include <mayfly/json/reflect.h>

namespace mayfly::sns {

struct MessageAttribute {
  std::string_view type;   // "String", "String.Array", "Number", "Binary"
  std::string_view value;  // Binary: base64
};

struct Notification {
  std::string_view message;
  std::string_view message_id;
  std::string_view topic_arn;
  std::optional<std::string_view> subject;
  std::string_view type;       // "Notification"
  std::string_view timestamp;  // "2026-11-21T10:02:11.042Z"
  json::Members<MessageAttribute> message_attributes;
  std::string_view signature_version;
  std::string_view signature;
  std::string_view signing_cert_url;
  std::string_view unsubscribe_url;
};

struct Record {
  Notification sns;
  std::string_view event_source;  // "aws:sns"
  std::string_view event_version;
  std::string_view event_subscription_arn;
};

struct Event {
  std::vector<Record> records;  // always one
};

}  // namespace mayfly::sns

template <>
struct mayfly::json::fields<mayfly::sns::MessageAttribute> {
  static constexpr std::array<std::string_view, 2> names{"Type", "Value"};
};
template <>
struct mayfly::json::fields<mayfly::sns::Notification> {
  static constexpr std::array<std::string_view, 11> names{
      "Message",           "MessageId",        "TopicArn",  "Subject",        "Type",          "Timestamp",
      "MessageAttributes", "SignatureVersion", "Signature", "SigningCertUrl", "UnsubscribeUrl"};
  static constexpr std::size_t required = 1;
};
template <>
struct mayfly::json::fields<mayfly::sns::Record> {
  static constexpr std::array<std::string_view, 4> names{"Sns", "EventSource", "EventVersion", "EventSubscriptionArn"};
  static constexpr std::size_t required = 1;
};
template <>
struct mayfly::json::fields<mayfly::sns::Event> {
  static constexpr std::array<std::string_view, 1> names{"Records"};
};
