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

// What a member of a JSON line is to a log record.
enum class Role : std::uint8_t { attribute, message, level, time, request_id, trace_id, span_id };

Role role_of(std::string_view name) {
  struct Name {
    std::string_view name;
    Role role;
  };
  // As the loggers of managed runtimes and of Powertools write them; msg and time
  // are Go's (log/slog) and those of many others.
  constexpr Name kNames[] = {{"message", Role::message},
                             {"msg", Role::message},
                             {"level", Role::level},
                             {"timestamp", Role::time},
                             {"time", Role::time},
                             {"requestId", Role::request_id},
                             {"AWSRequestId", Role::request_id},
                             {"function_request_id", Role::request_id},
                             {"traceId", Role::trace_id},
                             {"trace_id", Role::trace_id},
                             {"spanId", Role::span_id},
                             {"span_id", Role::span_id}};
  for (const auto& known : kNames) {
    if (known.name == name) return known.role;
  }
  return Role::attribute;
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
  body.clear();
  pbf_writer(body).add_string(any_value::kString, view(text));
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
  std::string trace_id;  // of the record itself
  std::string span_id;
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
    pbf_writer attributes(attributes_);
    add_attribute(attributes, log_record::kAttributes, "aws.lambda.telemetry_type", "extension");
  }
  if (!line) {
    read_platform(record, fields);
  } else {
    fields.request_id = context.request_id;
    if (!line->is_object) {
      read_text(text, text.size(), fields);
    } else if (!read_object(record.record_json, record.record_json.size(), fields)) {
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
  pbf_writer attributes(attributes_);
  Status status = root->each_field([&](std::string_view name, Value& value) {
    Role role = role_of(name);
    if (role == Role::message && !has_message) {
      has_message = true;
      return write_any_value(pbf_writer(body_), value);
    }
    if (role == Role::attribute || value.kind() != Kind::string)
      return add_attribute(attributes, log_record::kAttributes, name, value);
    std::string_view text;
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
        if (fields.trace_id = decode_id(text, 16); !fields.trace_id.empty()) return Status::ok;
        break;
      case Role::span_id:
        if (fields.span_id = decode_id(text, 8); !fields.span_id.empty()) return Status::ok;
        break;
      default: break;
    }
    add_attribute(attributes, log_record::kAttributes, name, text);
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
  pbf_writer attributes(attributes_);
  Status status = root->each_field([&](std::string_view name, Value& value) {
    if (name == "requestId" || name == "tracing") return Status::ok;
    return add_attribute(attributes, log_record::kAttributes, name, value);
  });
  if (status != Status::ok) attributes_.clear();
}

void OtlpLogsEncoder::write(const Fields& fields, const Invocations& invocations, core::WallTime received) {
  record_.clear();
  pbf_writer writer(record_);
  writer.add_fixed64(log_record::kTime, unix_nano(fields.time));
  if (fields.severity != 0) writer.add_enum(log_record::kSeverityNumber, fields.severity);
  if (!fields.severity_text.empty()) writer.add_string(log_record::kSeverityText, view(fields.severity_text));
  writer.add_message(log_record::kBody, body_);
  record_ += attributes_;
  if (!fields.request_id.empty())
    add_attribute(writer, log_record::kAttributes, "faas.invocation_id", fields.request_id);

  if (!fields.trace_id.empty()) {
    writer.add_bytes(log_record::kTraceId, fields.trace_id);
    if (!fields.span_id.empty()) writer.add_bytes(log_record::kSpanId, fields.span_id);
  } else if (auto* invocation = invocations.find(fields.request_id); invocation && !invocation->trace_id.empty()) {
    if (invocation->sampled) writer.add_fixed32(log_record::kFlags, 1);
    writer.add_bytes(log_record::kTraceId, invocation->trace_id);
    const auto& span = fields.span_id.empty() ? invocation->span_id : fields.span_id;
    if (!span.empty()) writer.add_bytes(log_record::kSpanId, span);
  }
  writer.add_fixed64(log_record::kObservedTime, unix_nano(received));
  if (!fields.event_name.empty()) writer.add_string(log_record::kEventName, view(fields.event_name));

  pbf_writer(log_records_).add_message(kItems, record_);
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
