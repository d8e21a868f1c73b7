#include "emulator/telemetry/platform_events.h"

#include <mayfly/json/writer.h>

#include <cmath>

namespace mayfly::emulator {

namespace {

using std::chrono::nanoseconds;

// Milliseconds with three decimals.
double ms(nanoseconds duration) { return std::round(static_cast<double>(duration.count()) / 1e3) / 1e3; }

void add_error(json::Writer& writer, std::string_view error_type) {
  if (!error_type.empty()) writer.member("errorType", error_type);
}

void add_span(json::Writer& writer, std::string_view name, core::WallTime start, nanoseconds duration) {
  writer.begin_object().member("name", name).member("start", core::rfc3339(start)).member("durationMs", ms(duration));
  writer.end_object();
}

void add_context(json::Writer& writer, const Invocation& invocation) {
  if (invocation.sampled()) {
    writer.key("tracing").begin_object();
    auto parent = invocation.trace_id.find("Parent=");
    if (parent != invocation.trace_id.npos)
      writer.member("spanId", std::string_view(invocation.trace_id).substr(parent + 7, 16));
    writer.member("type", "X-Amzn-Trace-Id").member("value", invocation.trace_id).end_object();
  }
  if (!invocation.tenant_id.empty()) writer.member("tenantId", invocation.tenant_id);
}

json::Writer& begin_init(json::Writer& writer, const Settings& settings, std::string_view phase) {
  return writer.begin_object().member("initializationType", settings.initialization_type()).member("phase", phase);
}

}  // namespace

std::string_view runtime_version() { return "mayfly:" MAYFLY_VERSION; }

std::string init_start_record(const Settings& settings, std::string_view phase, std::string_view log_stream) {
  std::string out;
  json::Writer writer(out);
  begin_init(writer, settings, phase)
      .member("functionName", settings.function_name)
      .member("functionVersion", settings.function_version);
  writer.member("runtimeVersion", runtime_version());
  writer.member("runtimeVersionArn",
                "arn:aws:lambda:" + settings.region + "::runtime:" + std::string(runtime_version()));
  writer.member("instanceId", log_stream).member("instanceMaxMemory", settings.memory_mb).end_object();
  return out;
}

std::string init_runtime_done_record(const Settings& settings, std::string_view phase, std::string_view status,
                                     std::string_view error_type) {
  std::string out;
  json::Writer writer(out);
  begin_init(writer, settings, phase).member("status", status);
  add_error(writer, error_type);
  writer.end_object();
  return out;
}

std::string init_report_record(const Settings& settings, std::string_view phase, std::string_view status,
                               std::string_view error_type, nanoseconds duration) {
  std::string out;
  json::Writer writer(out);
  begin_init(writer, settings, phase).member("status", status);
  add_error(writer, error_type);
  writer.key("metrics").begin_object().member("durationMs", ms(duration)).end_object().end_object();
  return out;
}

std::string extension_record(std::string_view name, std::string_view state, const std::vector<std::string>& events,
                             std::string_view error_type) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().member("name", name).member("state", state).key("events").begin_array();
  for (const auto& event : events) writer.value(event);
  writer.end_array();
  add_error(writer, error_type);
  writer.end_object();
  return out;
}

std::string subscription_record(std::string_view name, const std::vector<std::string>& types) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().member("name", name).member("state", "Subscribed").key("types").begin_array();
  for (const auto& type : types) writer.value(type);
  writer.end_array().end_object();
  return out;
}

std::string start_record(const Settings& settings, const Invocation& invocation) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().member("requestId", invocation.request_id).member("version", settings.function_version);
  if (settings.is_managed()) writer.member("functionArn", invocation.invoked_arn);
  add_context(writer, invocation);
  writer.end_object();
  return out;
}

std::string runtime_done_record(const Invocation& invocation, std::string_view status, std::string_view error_type,
                                nanoseconds duration, std::size_t produced_bytes, const RuntimeSpans& spans) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().member("requestId", invocation.request_id).member("status", status);
  add_error(writer, error_type);
  writer.key("metrics")
      .begin_object()
      .member("durationMs", ms(duration))
      .member("producedBytes", produced_bytes)
      .end_object();
  if (spans.responded) {
    auto responding = spans.started + spans.response_latency;
    writer.key("spans").begin_array();
    add_span(writer, "responseLatency", spans.started, spans.response_latency);
    add_span(writer, "responseDuration", responding, spans.response_duration);
    add_span(writer, "runtimeOverhead", responding + spans.response_duration, spans.runtime_overhead);
    writer.end_array();
  }
  add_context(writer, invocation);
  writer.end_object();
  return out;
}

std::string report_record(const Settings& settings, const Invocation& invocation, const Report& report,
                          const RuntimeSpans& spans) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().member("requestId", report.request_id).member("status", report.status);
  add_error(writer, report.error_type);
  writer.key("metrics").begin_object().member("durationMs", ms(report.duration + report.extensions));
  if (settings.is_managed()) {
    writer.end_object();
    if (spans.responded) {
      writer.key("spans").begin_array();
      add_span(writer, "responseLatency", spans.started, spans.response_latency);
      add_span(writer, "responseDuration", spans.started + spans.response_latency, spans.response_duration);
      writer.end_array();
    }
    add_context(writer, invocation);
    writer.end_object();
    return out;
  }
  writer.member("billedDurationMs", report.billed_ms).member("memorySizeMB", report.memory_mb);
  writer.member("maxMemoryUsedMB", report.max_memory_mb);
  if (report.init.count() > 0) writer.member("initDurationMs", ms(report.init));
  writer.end_object();
  auto runtime_end = spans.response_latency + spans.response_duration + spans.runtime_overhead;
  auto overhead = spans.response_latency + spans.response_duration + report.extensions - runtime_end;
  if (spans.responded && overhead.count() > 0) {
    writer.key("spans").begin_array();
    add_span(writer, "extensionOverhead", spans.started + runtime_end, overhead);
    writer.end_array();
  }
  add_context(writer, invocation);
  writer.end_object();
  return out;
}

}  // namespace mayfly::emulator
