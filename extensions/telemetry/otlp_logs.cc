#include "extensions/telemetry/otlp_logs.h"

#include <algorithm>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>
#include <variant>

#include "extensions/telemetry/log_text.h"
#include "extensions/telemetry/otlp_envelope.h"
#include "extensions/telemetry/otlp_value.h"
#include "extensions/telemetry/platform_text.h"
#include "extensions/telemetry/trace_context.h"
#include "extensions/telemetry/wire.h"

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
std::uint64_t unix_nano(core::WallTime time) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(time.time_since_epoch().count(), 0));
}

// What a member of a JSON line is to a log record.
enum class Role : std::uint8_t { attribute, message, level, time, request_id, trace_id, span_id };

// As the loggers of managed runtimes and of Powertools write them; msg and time
// are Go's (log/slog) and those of many others.
Role role_of(std::string_view name) {
  switch (name.size()) {  // every member of every line comes by
    case 3: return name == "msg" ? Role::message : Role::attribute;
    case 4: return name == "time" ? Role::time : Role::attribute;
    case 5: return name == "level" ? Role::level : Role::attribute;
    case 6: return name == "spanId" ? Role::span_id : Role::attribute;
    case 7:
      return name == "message"   ? Role::message
             : name == "traceId" ? Role::trace_id
             : name == "span_id" ? Role::span_id
                                 : Role::attribute;
    case 8: return name == "trace_id" ? Role::trace_id : Role::attribute;
    case 9: return name == "timestamp" ? Role::time : name == "requestId" ? Role::request_id : Role::attribute;
    case 12: return name == "AWSRequestId" ? Role::request_id : Role::attribute;
    case 19: return name == "function_request_id" ? Role::request_id : Role::attribute;
    default: return Role::attribute;
  }
}

// Braces at both ends: worth an attempt.
bool looks_like_object(std::string_view text) { return text.size() >= 2 && text.front() == '{' && text.back() == '}'; }

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

void write_text_body(std::string& body, std::string_view text) {
  body.resize(wire::bytes_size(text));
  wire::Writer(body.data()).bytes(any_value::kString, text);
}

constexpr std::size_t kKept = 16 * 1024;  // of a buffer that a long trace has enlarged

}  // namespace

// A log record before it is written. `attributes_` and `body_` go with it.
struct OtlpLogsEncoder::Fields {
  core::WallTime time;
  std::uint8_t severity = 0;
  std::string_view severity_text;
  std::string_view event_name;
  std::string_view request_id;
  TraceId trace_id;  // of the record itself
  SpanId span_id;
};

void OtlpLogsEncoder::add(const ext::TelemetryRecord& record, const RecordContext& context) {
  const ext::LogLine* line = std::get_if<ext::FunctionLog>(&record.event);
  auto* extension_line = std::get_if<ext::ExtensionLog>(&record.event);
  auto text = line ? line->text : extension_line ? extension_line->text : std::string_view();
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  if (line && !line->is_object && options_.multiline && !looks_like_object(text)) {
    if (join(text, record.time.value_or(context.received), context)) return;
  } else {
    write_waiting();
    trace_.reset();
  }

  attributes_.clear();
  body_.clear();
  Fields fields;
  fields.time = record.time.value_or(context.received);
  if (extension_line) {
    line = extension_line;
    add_attribute(attributes_, log_record::kAttributes, "aws.lambda.telemetry_type", "extension");
  }
  if (!line) {
    read_platform(record, fields);
  } else {
    fields.request_id = context.request_id;
    if (!line->is_object) {
      read_text(text, text.size(), fields);
    } else if (!read_object(record.record_json, record.record_capacity, fields)) {
      // Broken inside: what Lambda sent, as text.
      write_text_body(body_, record.record_json);
    }
  }
  write(fields, context.invocations, context.received);
}

// Keeps a line until it is clear that the next one does not belong to it.
bool OtlpLogsEncoder::join(std::string_view line, core::WallTime time, const RecordContext& context) {
  bool continues = trace_.continues(line);
  if (waiting_.invocations) {
    if (continues && waiting_.text.size() + line.size() < kMaxJoinedBytes && time - waiting_.time <= kMaxJoinedTime) {
      waiting_.text.append("\n").append(line);
      return true;
    }
    write_waiting();
  }
  if (line.size() >= kMaxJoinedBytes) return false;
  waiting_.text.assign(line);
  waiting_.request_id.assign(context.request_id);
  waiting_.time = time;
  waiting_.received = context.received;
  waiting_.invocations = &context.invocations;
  return true;
}

void OtlpLogsEncoder::write_waiting() {
  if (!waiting_.invocations) return;
  attributes_.clear();
  body_.clear();
  Fields fields;
  fields.time = waiting_.time;
  fields.request_id = waiting_.request_id;
  read_text(waiting_.text, waiting_.text.capacity(), fields);
  write(fields, *waiting_.invocations, waiting_.received);
  waiting_.invocations = nullptr;
  waiting_.text.clear();
  if (waiting_.text.capacity() > kKept) waiting_.text.shrink_to_fit();
}

void OtlpLogsEncoder::read_text(std::string_view text, std::size_t capacity, Fields& fields) {
  auto told = parse_text_line(text);
  fields.severity = told.severity;
  fields.severity_text = told.level;
  if (told.time) fields.time = *told.time;
  if (!told.request_id.empty()) fields.request_id = told.request_id;
  if (looks_like_object(told.message)) {
    auto offset = static_cast<std::size_t>(told.message.data() - text.data());
    auto before = fields;
    if (read_object(told.message, capacity - offset, fields)) return;
    fields = before;
  }
  write_text_body(body_, text);
}

bool OtlpLogsEncoder::read_object(std::string_view json, std::size_t capacity, Fields& fields) {
  auto head = attributes_.size();
  auto give_up = [&] {
    attributes_.resize(head);
    body_.clear();
    return false;
  };
  auto root = document_.parse(json, capacity);
  if (!root) return give_up();
  bool has_message = false;
  Status status = root->each_field([&](std::string_view name, Value& value) {
    Role role = role_of(name);
    std::string_view text;
    if (role == Role::message && !has_message) {
      has_message = true;
      if (value.kind() != Kind::string) return write_any_value(body_, value);
      Status s = value.get(text);
      if (s == Status::ok) write_text_body(body_, text);
      return s;
    }
    if (value.kind() != Kind::string) return add_attribute(attributes_, log_record::kAttributes, name, value);
    if (Status s = value.get(text); s != Status::ok) return s;
    switch (role) {
      case Role::level:
        fields.severity_text = text;
        fields.severity = severity_number(text);
        return Status::ok;
      case Role::time:
        if (core::parse_rfc3339(text, fields.time)) return Status::ok;
        break;
      case Role::request_id: fields.request_id = text; return Status::ok;
      case Role::trace_id:
        if (fields.trace_id.decode(text)) return Status::ok;
        break;
      case Role::span_id:
        if (fields.span_id.decode(text)) return Status::ok;
        break;
      default: break;
    }
    add_attribute(attributes_, log_record::kAttributes, name, text);
    return Status::ok;
  });
  if (status != Status::ok || !document_.at_end()) return give_up();
  if (has_message) return true;

  // The object is the body: the same pairs in a KeyValueList.
  pbf_writer body(body_);
  {
    pbf_writer list(body, any_value::kKvlist);
    protozero::pbf_reader pairs(attributes_.data() + head, attributes_.size() - head);
    while (pairs.next()) list.add_message(1, pairs.get_view());
  }
  attributes_.resize(head);
  return true;
}

void OtlpLogsEncoder::read_platform(const ext::TelemetryRecord& record, Fields& fields) {
  auto facts = facts_of(record);
  fields.event_name = record.type;
  fields.request_id = facts.request_id;
  bool well = facts.status.empty() || facts.status == "success";
  fields.severity = std::holds_alternative<ext::LogsDropped>(record.event) ? kWarn : well ? kInfo : kError;
  write_text_body(body_, options_.platform_text ? platform_text(record) : std::string(record.type));

  auto root = document_.parse(record.record_json);
  if (!root || root->kind() != Kind::object) return;
  Status status = root->each_field([&](std::string_view name, Value& value) {
    if (name == "requestId" || name == "tracing") return Status::ok;
    return add_attribute(attributes_, log_record::kAttributes, name, value);
  });
  if (status != Status::ok) attributes_.clear();
}

// All lengths are known here, so the record is written where it stays, in one
// pass; a general writer would move it twice.
void OtlpLogsEncoder::write(const Fields& fields, const Invocations& invocations, core::WallTime received) {
  constexpr std::string_view kRequestIdKey = "faas.invocation_id";
  auto trace_id = fields.trace_id.bytes(), span_id = fields.span_id.bytes();
  bool sampled = false;
  if (trace_id.empty()) {
    if (auto* invocation = invocations.find(fields.request_id); invocation && !invocation->trace_id.empty()) {
      trace_id = invocation->trace_id;
      if (span_id.empty()) span_id = invocation->span_id;
      sampled = invocation->sampled;
    } else {
      span_id = {};
    }
  }
  bool has_id = !fields.request_id.empty();
  std::size_t id_size = has_id ? wire::pair_size(kRequestIdKey, fields.request_id) : 0;

  std::size_t size = 2 * wire::kFixed64Size + wire::bytes_size(body_) + attributes_.size();
  if (fields.severity != 0) size += 2;
  if (!fields.severity_text.empty()) size += wire::bytes_size(fields.severity_text);
  if (has_id) size += wire::message_size(id_size);
  if (sampled) size += wire::kFixed32Size;
  if (!trace_id.empty()) size += wire::bytes_size(trace_id);
  if (!span_id.empty()) size += wire::bytes_size(span_id);
  if (!fields.event_name.empty()) size += wire::bytes_size(fields.event_name);

  auto at = log_records_.size();
  log_records_.resize(at + wire::message_size(size));
  wire::Writer out(log_records_.data() + at);
  out.head(kItems, size);
  out.fixed64(log_record::kTime, unix_nano(fields.time));
  if (fields.severity != 0) out.small(log_record::kSeverityNumber, fields.severity);
  if (!fields.severity_text.empty()) out.bytes(log_record::kSeverityText, fields.severity_text);
  out.bytes(log_record::kBody, body_);
  out.raw(attributes_);
  if (has_id) {
    out.head(log_record::kAttributes, id_size);
    out.pair(kRequestIdKey, fields.request_id);
  }
  if (sampled) out.fixed32(log_record::kFlags, 1);
  if (!trace_id.empty()) out.bytes(log_record::kTraceId, trace_id);
  if (!span_id.empty()) out.bytes(log_record::kSpanId, span_id);
  out.fixed64(log_record::kObservedTime, unix_nano(received));
  if (!fields.event_name.empty()) out.bytes(log_record::kEventName, fields.event_name);
  if (records_++ == 0) oldest_ = received;
  has_error_ |= fields.severity >= kError;
}

SharedBatch OtlpLogsEncoder::seal() {
  write_waiting();
  trace_.reset();
  auto batch = otlp_batch(Signal::logs, resource_.encoded(), log_records_, records_, has_error_, oldest_);
  has_error_ = false;
  log_records_.clear();
  records_ = 0;
  return batch;
}

}  // namespace mayfly::telemetry
