#include "extensions/telemetry/otlp_traces.h"

#include <algorithm>
#include <protozero/pbf_writer.hpp>
#include <utility>
#include <variant>

#include "extensions/telemetry/otlp_envelope.h"
#include "extensions/telemetry/otlp_value.h"
#include "extensions/telemetry/random.h"

namespace mayfly::telemetry {
namespace {

namespace ext = mayfly::extension;
using core::WallTime;
using protozero::pbf_tag_type;
using protozero::pbf_writer;

// Field numbers of opentelemetry/proto/trace/v1/trace.proto.
namespace span {
enum : pbf_tag_type {
  kTraceId = 1,
  kSpanId = 2,
  kParentSpanId = 4,
  kName = 5,
  kKind = 6,
  kStartTime = 7,
  kEndTime = 8,
  kAttributes = 9,
  kLinks = 13,
  kStatus = 15,
  kFlags = 16,
};
}
namespace link {
enum : pbf_tag_type { kTraceId = 1, kSpanId = 2, kAttributes = 4 };
}
namespace status {
enum : pbf_tag_type { kMessage = 2, kCode = 3 };
}
constexpr int kInternal = 1, kServer = 2;  // SpanKind
constexpr int kError = 2;                  // StatusCode
constexpr std::uint32_t kSampled = 1;      // every span that is sent was sampled

constexpr std::size_t kWaiting = 4;

protozero::data_view view(std::string_view text) { return {text.data(), text.size()}; }

std::uint64_t unix_nano(WallTime time) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(time.time_since_epoch().count(), 0));
}

// Durations come from outside: at most a year, never negative.
std::chrono::nanoseconds nanoseconds(double ms) {
  constexpr double kMaxMs = 365.0 * 24 * 3600 * 1000;
  if (!(ms > 0)) return std::chrono::nanoseconds{0};
  return std::chrono::nanoseconds(static_cast<std::int64_t>(std::min(ms, kMaxMs) * 1e6));
}

std::string_view message_of(Ending::Kind kind) {
  if (kind == Ending::Kind::timeout) return "Task timed out";
  if (kind == Ending::Kind::out_of_memory) return "Out of memory";
  return {};
}

}  // namespace

struct OtlpTracesEncoder::Span {
  std::string_view name;
  int kind = kInternal;
  std::string_view trace_id;
  std::string_view span_id;
  std::string_view parent_id;
  std::string_view link_id;
  WallTime start;
  WallTime end;
  Ending ending;
  std::string attributes;  // KeyValue messages, as Span.attributes
};

void OtlpTracesEncoder::add(const ext::TelemetryRecord& record, const RecordContext& context) {
  if (auto* start = std::get_if<ext::Start>(&record.event)) {
    auto* invocation = context.invocations.find(start->request_id);
    for (const auto& preparation : std::exchange(waiting_, {})) write(preparation, invocation);
  } else if (auto* done = std::get_if<ext::RuntimeDone>(&record.event)) {
    invocation_ended(record, *done, context);
  } else if (auto* report = std::get_if<ext::Report>(&record.event)) {
    auto* invocation = context.invocations.find(report->request_id);
    if (invocation && invocation->done) return write_parts(report->spans, *invocation);
    invocation_ended(record, *report, context);
  } else if (auto* init = std::get_if<ext::InitStart>(&record.event)) {
    begin(record, "init", init->initialization_type, init->phase);
  } else if (auto* init_report = std::get_if<ext::InitReport>(&record.event)) {
    if (!open_) begin(record, "init", init_report->initialization_type, init_report->phase);
    prepared(record, *init_report, context);
  } else if (std::holds_alternative<ext::RestoreStart>(record.event)) {
    begin(record, "restore", "snap-start", {});
  } else if (auto* restored = std::get_if<ext::RestoreReport>(&record.event)) {
    if (!open_) begin(record, "restore", "snap-start", {});
    prepared(record, *restored, context);
  }
}

void OtlpTracesEncoder::begin(const ext::TelemetryRecord& record, const char* name, std::string_view type,
                              std::string_view phase) {
  open_.emplace();
  open_->name = name;
  open_->initialization_type = type;
  open_->phase = phase;
  // A report without its start tells by its duration when it began.
  bool start =
      std::holds_alternative<ext::InitStart>(record.event) || std::holds_alternative<ext::RestoreStart>(record.event);
  if (start) open_->start = record.time;
}

template <class Report>
void OtlpTracesEncoder::prepared(const ext::TelemetryRecord& record, const Report& report,
                                 const RecordContext& context) {
  auto preparation = *std::exchange(open_, std::nullopt);
  auto duration = nanoseconds(report.duration_ms.value_or(0));
  auto now = record.time.value_or(context.received);
  if (!preparation.start) preparation.start = now - duration;
  preparation.end = report.duration_ms ? *preparation.start + duration : now;
  preparation.status = report.status;
  preparation.error_type = report.error_type;

  // In the phase `invoke` an invocation is waiting already.
  if (preparation.phase == "invoke") return write(preparation, context.invocations.find(context.request_id));
  bool awaited = preparation.initialization_type != "provisioned-concurrency" &&
                 preparation.initialization_type != "lambda-managed-instances";
  // After a failure this process may not live to see an invocation.
  bool failed = read_ending(preparation.status, {}).kind != Ending::Kind::success;
  if (!awaited || failed) return write(preparation, nullptr);
  if (waiting_.size() < kWaiting) waiting_.push_back(std::move(preparation));
}

void OtlpTracesEncoder::write(const Preparation& preparation, const Invocation* invocation) {
  auto trace_id = invocation ? invocation->trace_id : random_id(16);
  auto span_id = random_id(8);
  Span span;
  span.name = preparation.name;
  span.trace_id = trace_id;
  span.span_id = span_id;
  if (invocation) span.parent_id = invocation->span_id;
  span.start = *preparation.start;
  span.end = preparation.end;
  span.ending = read_ending(preparation.status, preparation.error_type);
  auto add = [&](std::string_view key, std::string_view value) {
    if (!value.empty()) add_attribute(span.attributes, span::kAttributes, key, value);
  };
  add("mayfly.lambda.initialization_type", preparation.initialization_type);
  add("mayfly.lambda.init_phase", preparation.phase);
  write(span);
}

template <class Event>
void OtlpTracesEncoder::invocation_ended(const ext::TelemetryRecord& record, const Event& event,
                                         const RecordContext& context) {
  auto* invocation = context.invocations.find(event.request_id);
  if (!invocation || invocation->given_up) return;
  auto now = record.time.value_or(context.received);
  auto duration = nanoseconds(event.duration_ms.value_or(0));
  auto start = invocation->started.value_or(now - duration);
  auto end = event.duration_ms ? start + duration : now;
  auto ending = read_ending(event, invocation->out_of_memory);
  write_invocation(event.request_id, *invocation, ending, start, end, event.tenant_id);
  write_parts(event.spans, *invocation);
}

void OtlpTracesEncoder::write_invocation(std::string_view request_id, const Invocation& invocation,
                                         const Ending& ending, WallTime start, WallTime end,
                                         std::string_view tenant_id) {
  Span span;
  span.name = resource_.function_name();
  span.kind = kServer;
  span.trace_id = invocation.trace_id;
  span.span_id = invocation.span_id;
  span.parent_id = invocation.parent_id;
  span.link_id = invocation.link_id;
  span.start = start;
  span.end = end;
  span.ending = ending;
  auto add = [&](std::string_view key, std::string_view value) {
    if (!value.empty()) add_attribute(span.attributes, span::kAttributes, key, value);
  };
  add("faas.invocation_id", request_id);
  if (invocation.cold_start)
    add_attribute(span.attributes, span::kAttributes, "faas.coldstart", *invocation.cold_start);
  add("aws.lambda.invoked_arn", invocation.invoked_arn);
  add("mayfly.lambda.tenant_id", tenant_id);
  write(span);
}

// What Lambda measured inside an invocation, or behind it.
void OtlpTracesEncoder::write_parts(const std::vector<ext::Span>& parts, const Invocation& invocation) {
  for (const auto& part : parts) {
    Span span;
    if (!core::parse_rfc3339(part.start, span.start)) continue;
    auto span_id = random_id(8);
    span.name = part.name;
    span.trace_id = invocation.trace_id;
    span.span_id = span_id;
    span.parent_id = invocation.span_id;
    span.end = span.start + nanoseconds(part.duration_ms);
    write(span);
  }
}

void OtlpTracesEncoder::end(std::string_view reason, const RecordContext& context) {
  for (const auto& preparation : std::exchange(waiting_, {})) write(preparation, nullptr);
  context.invocations.each_given_up([&](std::string_view request_id, const Invocation& invocation) {
    auto ending = read_ending(reason, reason == "failure" ? "_OTHER" : "", invocation.out_of_memory);
    write_invocation(request_id, invocation, ending, *invocation.started, context.received, {});
  });
}

void OtlpTracesEncoder::write(const Span& span) {
  span_.clear();
  pbf_writer writer(span_);
  writer.add_bytes(span::kTraceId, view(span.trace_id));
  writer.add_bytes(span::kSpanId, view(span.span_id));
  if (!span.parent_id.empty()) writer.add_bytes(span::kParentSpanId, view(span.parent_id));
  writer.add_string(span::kName, view(span.name));
  writer.add_enum(span::kKind, span.kind);
  writer.add_fixed64(span::kStartTime, unix_nano(span.start));
  writer.add_fixed64(span::kEndTime, unix_nano(std::max(span.start, span.end)));
  span_ += span.attributes;
  if (!span.link_id.empty()) {
    pbf_writer link(writer, span::kLinks);
    link.add_bytes(link::kTraceId, view(span.trace_id));
    link.add_bytes(link::kSpanId, view(span.link_id));
    add_attribute(span_, link::kAttributes, "source", "x-ray-env");
  }
  if (span.ending.kind != Ending::Kind::success) {
    add_attribute(span_, span::kAttributes, "error.type", span.ending.error_type);
    pbf_writer status(writer, span::kStatus);
    if (auto message = message_of(span.ending.kind); !message.empty()) {
      status.add_string(status::kMessage, view(message));
    }
    status.add_enum(status::kCode, kError);
  }
  writer.add_fixed32(span::kFlags, kSampled);
  pbf_writer(spans_).add_message(kItems, span_);
  ++records_;
}

SharedBatch OtlpTracesEncoder::seal() {
  auto batch = otlp_batch(Signal::traces, resource_.encoded(), spans_, records_);
  spans_.clear();
  records_ = 0;
  return batch;
}

}  // namespace mayfly::telemetry
