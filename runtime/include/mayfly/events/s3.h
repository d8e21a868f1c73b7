// Amazon S3: event notifications [A] and S3 Batch Operations [B]. Views into the
// event.
//
// [A] Amazon S3 User Guide, "Event message structure", versions 2.0 .. 2.5, read 2026-11.
// [B] Amazon S3 User Guide, "Invoke AWS Lambda function", invocation schema 1.0.

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <mayfly/json/reflect.h>

namespace mayfly::s3 {

// The key of an object out of the form it has in events: "+" is a space, "%XX" a byte.
std::string decode_key(std::string_view key);

struct UserIdentity {
  std::string_view principal_id;
};
struct RequestParameters {
  std::string_view source_ip_address;
};
struct ResponseElements {
  std::string_view request_id;
  std::string_view id_2;
};

struct Bucket {
  std::string_view name;
  std::string_view arn;
  UserIdentity owner_identity;
};

struct Object {
  std::string_view key;              // as the event has it; decoded_key() is the object's
  std::optional<std::int64_t> size;  // bytes; absent when it was removed
  std::optional<std::string_view> e_tag;
  std::optional<std::string_view> version_id;
  std::optional<std::string_view> sequencer;  // of two events of one key the later has the greater

  std::string decoded_key() const { return decode_key(key); }
};

struct Entity {
  Bucket bucket;
  Object object;
  std::string_view schema_version;
  std::string_view configuration_id;
};

struct RestoreEventData {
  std::string_view lifecycle_restoration_expiry_time;
  std::string_view lifecycle_restore_storage_class;
};
struct GlacierEventData {
  RestoreEventData restore_event_data;
};

struct Record {
  Entity s3;
  std::string_view event_name;     // "ObjectCreated:Put"
  std::string_view event_time;     // "2026-11-21T10:02:11.042Z"
  std::string_view event_version;  // "2.1"
  std::string_view event_source;   // "aws:s3"
  std::string_view aws_region;
  UserIdentity user_identity;
  RequestParameters request_parameters;
  ResponseElements response_elements;
  std::optional<GlacierEventData> glacier_event_data;  // of ObjectRestore:Completed
};

struct Event {
  std::vector<Record> records;
};

// ---- S3 Batch Operations

struct Task {
  std::string_view task_id;
  std::string_view key;  // URL-encoded
  std::optional<std::string_view> version_id;
  std::optional<std::string_view> bucket_arn;

  std::string decoded_key() const { return decode_key(key); }
};

struct Job {
  std::string_view id;
};

struct BatchEvent {
  std::string_view invocation_schema_version;
  std::string_view invocation_id;
  Job job;
  std::vector<Task> tasks;
};

}  // namespace mayfly::s3

template <>
struct mayfly::json::fields<mayfly::s3::UserIdentity> {
  static constexpr std::array<std::string_view, 1> names{"principalId"};
  static constexpr std::size_t required = 0;
};
template <>
struct mayfly::json::fields<mayfly::s3::RequestParameters> {
  static constexpr std::array<std::string_view, 1> names{"sourceIPAddress"};
  static constexpr std::size_t required = 0;
};
template <>
struct mayfly::json::fields<mayfly::s3::ResponseElements> {
  static constexpr std::array<std::string_view, 2> names{"x-amz-request-id", "x-amz-id-2"};
  static constexpr std::size_t required = 0;
};
template <>
struct mayfly::json::fields<mayfly::s3::Bucket> {
  static constexpr std::array<std::string_view, 3> names{"name", "arn", "ownerIdentity"};
  static constexpr std::size_t required = 1;
};
template <>
struct mayfly::json::fields<mayfly::s3::Object> {
  static constexpr std::array<std::string_view, 5> names{"key", "size", "eTag", "versionId", "sequencer"};
};
template <>
struct mayfly::json::fields<mayfly::s3::Entity> {
  static constexpr std::array<std::string_view, 4> names{"bucket", "object", "s3SchemaVersion", "configurationId"};
  static constexpr std::size_t required = 2;
};
template <>
struct mayfly::json::fields<mayfly::s3::RestoreEventData> {
  static constexpr std::array<std::string_view, 2> names{"lifecycleRestorationExpiryTime",
                                                         "lifecycleRestoreStorageClass"};
  static constexpr std::size_t required = 0;
};
template <>
struct mayfly::json::fields<mayfly::s3::GlacierEventData> {
  static constexpr std::array<std::string_view, 1> names{"restoreEventData"};
  static constexpr std::size_t required = 0;
};
template <>
struct mayfly::json::fields<mayfly::s3::Record> {
  static constexpr std::array<std::string_view, 10> names{
      "s3",        "eventName",    "eventTime",         "eventVersion",     "eventSource",
      "awsRegion", "userIdentity", "requestParameters", "responseElements", "glacierEventData"};
  static constexpr std::size_t required = 1;
};
template <>
struct mayfly::json::fields<mayfly::s3::Event> {
  static constexpr std::array<std::string_view, 1> names{"Records"};
};
template <>
struct mayfly::json::fields<mayfly::s3::Task> {
  static constexpr std::array<std::string_view, 4> names{"taskId", "s3Key", "s3VersionId", "s3BucketArn"};
};
template <>
struct mayfly::json::fields<mayfly::s3::Job> {
  static constexpr std::array<std::string_view, 1> names{"id"};
};
template <>
struct mayfly::json::fields<mayfly::s3::BatchEvent> {
  static constexpr std::array<std::string_view, 4> names{"invocationSchemaVersion", "invocationId", "job", "tasks"};
};
