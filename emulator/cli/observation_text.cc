// Observations for machines (NDJSON in the shape of the Telemetry API, so that
// what reads the one reads the other) and for -v.

#include <mayfly/json/writer.h>

#include "emulator/cli/figures.h"
#include "emulator/cli/run_view.h"

namespace mayfly::emulator::cli {
namespace {

using Kind = Observation::Kind;

std::string_view json_type(const Observation& o) {
  switch (o.kind) {
    case Kind::platform_event: return o.message;
    case Kind::throttled: return "mayfly.throttle";
    case Kind::log_line: return o.external_extension ? "extension" : "function";
    case Kind::process_started: return "mayfly.process";
    case Kind::process_killed: return "mayfly.kill";
    case Kind::process_exited: return "mayfly.exit";
    case Kind::frozen: return "mayfly.freeze";
    case Kind::thawed: return "mayfly.thaw";
    case Kind::reset_started: return "mayfly.reset";
    case Kind::shutdown_started: return "mayfly.shutdown";
    case Kind::shutdown_ended: return "mayfly.shutdownDone";
    case Kind::reloaded: return "mayfly.reload";
    case Kind::notice: return "mayfly.notice";
    case Kind::init_started:
    case Kind::process_ready:
    case Kind::init_ended:
    case Kind::invocation_accepted:
    case Kind::invocation_started:
    case Kind::response_began:
    case Kind::responded:
    case Kind::process_idle:
    case Kind::process_measured:
    case Kind::invocation_ended:
    case Kind::platform_line: return {};
  }
  return {};
}

void write_record(json::Writer& json, const Observation& o) {
  json.begin_object();
  if (!o.request_id.empty()) json.member("requestId", o.request_id);
  switch (o.kind) {
    case Kind::process_started:
      json.member("process", o.process).member("extension", o.external_extension);
      if (o.pid > 0) json.member("pid", o.pid);
      break;
    case Kind::process_killed: json.member("process", o.process).member("signal", o.detail); break;
    case Kind::process_exited: json.member("process", o.process).member("reason", o.detail); break;
    case Kind::reset_started:
    case Kind::shutdown_started: json.member("reason", o.detail); break;
    case Kind::reloaded: json.member("files", o.detail); break;
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
    case Kind::throttled: return "call refused";
    case Kind::invocation_started: return "event handed out";
    case Kind::response_began: return "answers";
    case Kind::responded: return "answered";
    case Kind::process_idle: return "waits in next";
    case Kind::invocation_ended: return "call ended";
    case Kind::process_killed: return "sent";
    case Kind::process_exited: return "ended";
    case Kind::frozen: return "frozen";
    case Kind::thawed: return "thawed";
    case Kind::reset_started: return "reset";
    case Kind::shutdown_started: return "shutdown";
    case Kind::shutdown_ended: return "shutdown ended";
    case Kind::reloaded: return "reloaded";
    case Kind::notice: return "note";
    case Kind::process_measured:
    case Kind::log_line:
    case Kind::platform_line:
    case Kind::platform_event: return {};
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
  } else if (o.kind == Kind::platform_event) {
    json.raw(o.detail);
  } else {
    write_record(json, o);
  }
  if (o.environment > 0) json.member("env", o.environment);
  json.end_object();
  return out + "\n";
}

std::string observation_text(const Observation& o) {
  auto words = observation_words(o);
  if (words.empty()) return words;
  return clock_text(o.time) + " +" + duration_text(std::chrono::nanoseconds(o.elapsed_ns)) + "  " + words + "\n";
}

std::string observation_words(const Observation& o) {
  auto name = name_of(o.kind);
  if (name.empty()) return {};
  std::string out;
  if (o.environment > 1) out += "env " + std::to_string(o.environment) + " ";
  if (o.number > 0) out += "#" + std::to_string(o.number) + " ";
  if (!o.process.empty()) out += o.process + " ";
  out += name;
  if (!o.status.empty()) out += ": " + o.status;
  if (!o.detail.empty() && o.detail != o.status) out += ": " + o.detail;
  return out;
}

}  // namespace mayfly::emulator::cli
