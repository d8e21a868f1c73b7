// Observations for machines (NDJSON in the shape of the Telemetry API, so that
// what reads the one reads the other) and for -v.

#include <cmath>

#include <mayfly/json/writer.h>

#include "emulator/cli/figures.h"
#include "emulator/cli/run_view.h"

namespace mayfly::emulator::cli {
namespace {

using Kind = Observation::Kind;

// Rounded to the two decimals that Lambda reports.
double reported_ms(std::chrono::nanoseconds duration) {
  return std::round(static_cast<double>(duration.count()) / 1e4) / 100.0;
}

std::string_view json_type(const Observation& o) {
  switch (o.kind) {
    case Kind::init_started: return "platform.initStart";
    case Kind::init_ended: return "platform.initRuntimeDone";
    case Kind::invocation_started: return "platform.start";
    case Kind::responded: return "platform.runtimeDone";
    case Kind::invocation_ended: return "platform.report";
    case Kind::log_line: return o.external_extension ? "extension" : "function";
    case Kind::process_started: return "mayfly.process";
    case Kind::process_killed: return "mayfly.kill";
    case Kind::process_exited: return "mayfly.exit";
    case Kind::frozen: return "mayfly.freeze";
    case Kind::reset_started: return "mayfly.reset";
    case Kind::shutdown_started: return "mayfly.shutdown";
    case Kind::shutdown_ended: return "mayfly.shutdownDone";
    case Kind::notice: return "mayfly.notice";
    case Kind::process_ready:
    case Kind::process_idle:
    case Kind::invocation_accepted:
    case Kind::platform_line: return {};
  }
  return {};
}

void write_report(json::Writer& json, const Report& report) {
  json.member("status", report.status);
  if (!report.error_type.empty()) json.member("errorType", report.error_type);
  json.key("metrics").begin_object();
  json.member("durationMs", reported_ms(report.duration)).member("billedDurationMs", report.billed_ms);
  json.member("memorySizeMB", report.memory_mb).member("maxMemoryUsedMB", report.max_memory_mb);
  if (report.init.count() > 0) json.member("initDurationMs", reported_ms(report.init));
  json.end_object();
}

void write_record(json::Writer& json, const Observation& o) {
  json.begin_object();
  if (!o.request_id.empty()) json.member("requestId", o.request_id);
  switch (o.kind) {
    case Kind::init_started: json.member("phase", o.detail); break;
    case Kind::init_ended: json.member("status", o.detail); break;
    case Kind::responded:
      json.member("status", o.status);
      if (!o.detail.empty()) json.member("errorType", o.detail);
      break;
    case Kind::invocation_ended: write_report(json, o.report); break;
    case Kind::process_started: json.member("process", o.process).member("extension", o.external_extension); break;
    case Kind::process_killed: json.member("process", o.process).member("signal", o.detail); break;
    case Kind::process_exited: json.member("process", o.process).member("reason", o.detail); break;
    case Kind::reset_started:
    case Kind::shutdown_started: json.member("reason", o.detail); break;
    case Kind::notice: json.member("message", o.detail); break;
    default: break;
  }
  json.end_object();
}

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::init_started: return "init started";
    case Kind::process_started: return "started";
    case Kind::process_ready: return "ready";
    case Kind::init_ended: return "init ended";
    case Kind::invocation_accepted: return "call accepted";
    case Kind::invocation_started: return "event handed out";
    case Kind::responded: return "answered";
    case Kind::process_idle: return "waits in next";
    case Kind::invocation_ended: return "call ended";
    case Kind::process_killed: return "sent";
    case Kind::process_exited: return "ended";
    case Kind::frozen: return "frozen";
    case Kind::reset_started: return "reset";
    case Kind::shutdown_started: return "shutdown";
    case Kind::shutdown_ended: return "shutdown ended";
    case Kind::notice: return "note";
    case Kind::log_line:
    case Kind::platform_line: return {};
  }
  return {};
}

}  // namespace

std::string observation_json(const Observation& o) {
  auto type = json_type(o);
  if (type.empty()) return {};
  std::string out;
  json::Writer json(out);
  json.begin_object().member("time", core::rfc3339(o.time)).member("type", type).key("record");
  if (o.kind == Kind::log_line) {
    json.value(o.detail);
  } else {
    write_record(json, o);
  }
  json.member("env", 1).end_object();
  return out + "\n";
}

std::string observation_text(const Observation& o) {
  auto name = name_of(o.kind);
  if (name.empty()) return {};
  std::string out = clock_text(o.time) + " +" + duration_text(std::chrono::nanoseconds(o.elapsed_ns)) + "  ";
  if (o.number > 0) out += "#" + std::to_string(o.number) + " ";
  if (!o.process.empty()) out += o.process + " ";
  out += name;
  if (!o.status.empty()) out += ": " + o.status;
  if (!o.detail.empty() && o.detail != o.status) out += ": " + o.detail;
  return out + "\n";
}

}  // namespace mayfly::emulator::cli
