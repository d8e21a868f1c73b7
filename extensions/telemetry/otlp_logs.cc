#include "extensions/telemetry/otlp_logs.h"

#include <algorithm>
#include <protozero/pbf_reader.hpp>
#include <variant>

#include "extensions/telemetry/log_text.h"
#include "extensions/telemetry/otlp_envelope.h"
#include "extensions/telemetry/otlp_value.h"
#include "extensions/telemetry/platform_text.h"
#include "extensions/telemetry/trace_context.h"

namespace mayfly::telemetry {
namespace {

namespace ext = mayfly::extension;
using json::Kind;
using json::Status;
using json::Value;
using protozero::pbf_tag_type;
using protozero::pbf_writer;

// Field numbers of opentelemetry/proto/logs/v1/logs.proto and of what wraps it.
namespace log_record {
enum : pbf_tag_type {
  kTime = 1,
  kSeverityNumber = 2,
  kSeverityText = 3,
  kBody = 5,
  kAttributes = 6,
  kFlags = 8,
  kTraceId = 9,
  kSpanId = 10,
  kObservedTime = 11,
  kEventName = 12,
};
}
protozero::data_view view(std::string_view text) { return {text.data(), text.size()}; }

std::uint64_t unix_nano(core::WallTime time) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(time.time_since_epoch().count(), 0));
}

bool is_request_id(std::string_view name) {
  return name == "requestId" || name == "AWSRequestId" || name == "function_request_id";
}

// The request id a platform record is about, and its outcome.
struct PlatformFacts {
  std::string_view request_id;
  std::string_view status;
};

PlatformFacts facts_of(const ext::TelemetryRecord& record) {
  return std::visit(
      [](const auto& event) {
        PlatformFacts facts;
        if constexpr (requires { event.request_id; }) facts.request_id = event.request_id;
        if constexpr (requires { event.status; }) facts.status = event.status;
        return facts;
      },
      record.event);
}

}  // namespace

// A log record before it is written. `attributes_` and `body_` go with it.
struct OtlpLogsEncoder::Fields {
  std::optional<core::WallTime> time;
  std::uint8_t severity = 0;
  std::string_view severity_text;
  std::string_view event_name;
  std::string_view request_id;
  std::string trace_id;  // of the record itself
  std::string span_id;
};

void OtlpLogsEncoder::add(const ext::TelemetryRecord& record, const RecordContext& context) {
  attributes_.clear();
  body_.clear();
  Fields fields;
  fields.time = record.time;
  const ext::LogLine* line = std::get_if<ext::FunctionLog>(&record.event);
  if (auto* extension_line = std::get_if<ext::ExtensionLog>(&record.event)) {
    line = extension_line;
    pbf_writer attributes(attributes_);
    add_attribute(attributes, log_record::kAttributes, "aws.lambda.telemetry_type", "extension");
  }
  if (!line) {
    read_platform(record, fields);
  } else {
    fields.request_id = context.request_id;
    if (!line->is_object) {
      read_text(*line, fields);
    } else if (!read_object(record, fields)) {
      // Broken inside: what Lambda sent, as text.
      attributes_.clear();
      body_.clear();
      pbf_writer(body_).add_string(any_value::kString, view(record.record_json));
    }
  }
  write(fields, context);
}

void OtlpLogsEncoder::read_text(const ext::LogLine& line, Fields& fields) {
  auto text = line.text;
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  auto told = parse_text_line(text);
  fields.severity = severity_number(told.level);
  fields.severity_text = told.level;
  if (!told.request_id.empty()) fields.request_id = told.request_id;
  pbf_writer(body_).add_string(any_value::kString, view(text));
}

bool OtlpLogsEncoder::read_object(const ext::TelemetryRecord& record, Fields& fields) {
  auto root = document_.parse(record.record_json);
  if (!root) return false;
  bool has_message = false;
  pbf_writer attributes(attributes_);
  Status status = root->each_field([&](std::string_view name, Value& value) {
    if (name == "message" && !has_message) {
      has_message = true;
      return write_any_value(pbf_writer(body_), value);
    }
    if (value.kind() != Kind::string) return add_attribute(attributes, log_record::kAttributes, name, value);
    std::string_view text;
    if (Status s = value.get(text); s != Status::ok) return s;
    if (name == "level" && fields.severity_text.empty()) {
      fields.severity = severity_number(text);
      fields.severity_text = text;
    } else if (core::WallTime time; name == "timestamp" && core::parse_rfc3339(text, time)) {
      fields.time = time;
    } else if (is_request_id(name)) {
      fields.request_id = text;
    } else if (auto trace = name == "traceId" || name == "trace_id" ? decode_id(text, 16) : std::string();
               !trace.empty()) {
      fields.trace_id = std::move(trace);
    } else if (auto span = name == "spanId" || name == "span_id" ? decode_id(text, 8) : std::string(); !span.empty()) {
      fields.span_id = std::move(span);
    } else {
      add_attribute(attributes, log_record::kAttributes, name, text);
    }
    return Status::ok;
  });
  if (status != Status::ok || !document_.at_end()) return false;
  if (has_message) return true;

  // The object is the body: the same pairs in a KeyValueList.
  pbf_writer body(body_);
  {
    pbf_writer list(body, any_value::kKvlist);
    protozero::pbf_reader pairs(attributes_);
    while (pairs.next()) list.add_message(1, pairs.get_view());
  }
  attributes_.clear();
  return true;
}

void OtlpLogsEncoder::read_platform(const ext::TelemetryRecord& record, Fields& fields) {
  auto facts = facts_of(record);
  fields.event_name = record.type;
  fields.request_id = facts.request_id;
  bool well = facts.status.empty() || facts.status == "success";
  fields.severity = std::holds_alternative<ext::LogsDropped>(record.event) ? kWarn : well ? kInfo : kError;
  pbf_writer(body_).add_string(any_value::kString, platform_text(record));

  auto root = document_.parse(record.record_json);
  if (!root || root->kind() != Kind::object) return;
  pbf_writer attributes(attributes_);
  Status status = root->each_field([&](std::string_view name, Value& value) {
    if (name == "requestId" || name == "tracing") return Status::ok;
    return add_attribute(attributes, log_record::kAttributes, name, value);
  });
  if (status != Status::ok) attributes_.clear();
}

void OtlpLogsEncoder::write(const Fields& fields, const RecordContext& context) {
  record_.clear();
  pbf_writer writer(record_);
  writer.add_fixed64(log_record::kTime, unix_nano(fields.time.value_or(context.received)));
  if (fields.severity != 0) writer.add_enum(log_record::kSeverityNumber, fields.severity);
  if (!fields.severity_text.empty()) writer.add_string(log_record::kSeverityText, view(fields.severity_text));
  writer.add_message(log_record::kBody, body_);
  record_ += attributes_;
  if (!fields.request_id.empty())
    add_attribute(writer, log_record::kAttributes, "faas.invocation_id", fields.request_id);

  if (!fields.trace_id.empty()) {
    writer.add_bytes(log_record::kTraceId, fields.trace_id);
    if (!fields.span_id.empty()) writer.add_bytes(log_record::kSpanId, fields.span_id);
  } else if (auto* invocation = context.invocations.find(fields.request_id);
             invocation && !invocation->trace_id.empty()) {
    if (invocation->sampled) writer.add_fixed32(log_record::kFlags, 1);
    writer.add_bytes(log_record::kTraceId, invocation->trace_id);
    const auto& span = fields.span_id.empty() ? invocation->span_id : fields.span_id;
    if (!span.empty()) writer.add_bytes(log_record::kSpanId, span);
  }
  writer.add_fixed64(log_record::kObservedTime, unix_nano(context.received));
  if (!fields.event_name.empty()) writer.add_string(log_record::kEventName, view(fields.event_name));

  pbf_writer(log_records_).add_message(kItems, record_);
  if (records_++ == 0) oldest_ = context.received;
  has_error_ |= fields.severity >= kError;
}

SharedBatch OtlpLogsEncoder::seal() {
  auto batch = otlp_batch(Signal::logs, resource_.encoded(), log_records_, records_, has_error_, oldest_);
  has_error_ = false;
  log_records_.clear();
  records_ = 0;
  return batch;
}

}  // namespace mayfly::telemetry
