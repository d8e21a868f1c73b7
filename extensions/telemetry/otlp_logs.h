// Records as OTLP log records: ExportLogsServiceRequest in protobuf.
//
// A line of text is the body, its level and request id are read from it where
// the usual forms tell them. A JSON line gives body (`message`), severity
// (`level`), time (`timestamp`), trace ids and request id; all other members
// become attributes and keep their structure. Without a message the object is
// the body. Platform records have their type as event name, the line that
// CloudWatch would show as body, and their members as attributes.

#pragma once

#include <mayfly/json/value.h>

#include <optional>
#include <protozero/pbf_writer.hpp>
#include <string>

#include "extensions/telemetry/encoder.h"
#include "extensions/telemetry/resource.h"

namespace mayfly::telemetry {

class OtlpLogsEncoder final : public Encoder {
 public:
  explicit OtlpLogsEncoder(Resource& resource) : resource_(resource) {}

  void add(const extension::TelemetryRecord& record, const RecordContext& context) override;
  std::size_t records() const override { return records_; }
  std::size_t bytes() const override { return log_records_.size(); }
  SharedBatch seal() override;

 private:
  struct Fields;

  void read_text(const extension::LogLine& line, Fields& fields);
  bool read_object(const extension::TelemetryRecord& record, Fields& fields);
  void read_platform(const extension::TelemetryRecord& record, Fields& fields);
  void write(const Fields& fields, const RecordContext& context);

  Resource& resource_;
  json::Document document_;
  std::string log_records_;  // LogRecord messages, each with the tag and length of ScopeLogs.log_records
  std::size_t records_ = 0;
  bool has_error_ = false;
  core::WallTime oldest_{};
  // Scratch, kept for its capacity.
  std::string attributes_;  // KeyValue messages, as LogRecord.attributes
  std::string body_;        // an AnyValue
  std::string record_;
};

}  // namespace mayfly::telemetry
