// Records as OTLP log records: ExportLogsServiceRequest in protobuf.
//
// A line of text is the body; its level, time and request id are read from it
// where the usual forms tell them, and lines that are one stack trace are joined.
// A JSON object, also one inside a line of text, gives body (`message`), severity
// (`level`), time (`timestamp`), trace ids and request id; all other members
// become attributes and keep their structure. Without a message the object is
// the body. Platform records have their type as event name, the line that
// CloudWatch would show as body, and their members as attributes. README.md has
// the tables.

#pragma once

#include <mayfly/json/value.h>

#include <chrono>
#include <optional>
#include <string>

#include "extensions/telemetry/encoder.h"
#include "extensions/telemetry/resource.h"
#include "extensions/telemetry/stack_trace.h"

namespace mayfly::telemetry {

class OtlpLogsEncoder final : public Encoder {
 public:
  struct Options {
    bool multiline = true;      // join stack traces
    bool platform_text = true;  // CloudWatch's line as body; otherwise the type
  };

  explicit OtlpLogsEncoder(Resource& resource) : OtlpLogsEncoder(resource, Options()) {}
  OtlpLogsEncoder(Resource& resource, Options options) : resource_(resource), options_(options) {}

  void add(const extension::TelemetryRecord& record, const RecordContext& context) override;
  std::size_t records() const override { return records_ + (waiting_.invocations ? 1 : 0); }
  std::size_t bytes() const override { return log_records_.size() + waiting_.text.size(); }
  SharedBatch seal() override;

  // A stack trace is not longer than either.
  static constexpr std::size_t kMaxJoinedBytes = 256 * 1024;
  static constexpr std::chrono::seconds kMaxJoinedTime{1};

 private:
  struct Fields;
  // A line of text that the next one may belong to.
  struct Waiting {
    std::string text;
    std::string request_id;
    core::WallTime time;
    core::WallTime received;
    const Invocations* invocations = nullptr;  // null: none waits
  };

  bool join(std::string_view line, core::WallTime time, const RecordContext& context);
  void write_waiting();

  void read_text(std::string_view text, std::size_t capacity, Fields& fields);
  bool read_object(std::string_view json, std::size_t capacity, Fields& fields);
  void read_platform(const extension::TelemetryRecord& record, Fields& fields);
  void write(const Fields& fields, const Invocations& invocations, core::WallTime received);

  Resource& resource_;
  const Options options_;
  StackTrace trace_;
  Waiting waiting_;
  json::Document document_;
  std::string log_records_;  // LogRecord messages, each with the tag and length of ScopeLogs.log_records
  std::size_t records_ = 0;
  bool has_error_ = false;
  core::WallTime oldest_{};
  // Scratch, kept for its capacity.
  std::string attributes_;  // KeyValue messages, as LogRecord.attributes
  std::string body_;        // an AnyValue
};

}  // namespace mayfly::telemetry
