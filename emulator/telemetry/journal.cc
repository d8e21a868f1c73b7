#include "emulator/telemetry/journal.h"

#include <mayfly/json/writer.h>

#include "core/clock.h"
#include "emulator/json_check.h"
#include "emulator/telemetry/platform_events.h"
#include "emulator/telemetry/report_lines.h"

namespace mayfly::emulator {

namespace {

std::string_view trace_root(std::string_view trace_id) {
  auto at = trace_id.find("Root=");
  if (at == trace_id.npos) return {};
  auto rest = trace_id.substr(at + 5);
  return rest.substr(0, rest.find(';'));
}

}  // namespace

void Journal::observe(Observation what) {
  if (what.number == 0) {
    what.number = number_;
    what.request_id = request_id_;
  }
  if (what.kind == Observation::Kind::process_started) what.pid = launched_;
  what.environment = environment_;
  what.time = core::wall_now();
  what.elapsed_ns = std::chrono::nanoseconds(Clock::now() - origin_).count();
  if (observer_) observer_(what);
}

void Journal::set_subject(const Invocation& invocation) {
  if (number_ == invocation.number) return;
  request_id_ = invocation.request_id;
  number_ = invocation.number;
}

void Journal::forget_subject() {
  request_id_.clear();
  number_ = 0;
}

void Journal::invocation_taken(const Invocation& invocation) {
  set_subject(invocation);
  tail_.clear();
}

void Journal::add_to_tail(std::string_view line) {
  tail_ += line;
  tail_ += '\n';
  if (tail_.size() > 2 * kTailBytes) tail_.erase(0, tail_.size() - kTailBytes);
}

void Journal::log_line(const std::string& process, bool external, std::string_view line) {
  if (telemetry_) {
    std::string_view category = external ? "extension" : "function";
    std::string text;
    json::append_string(text, line);
    bool object = settings_.log_format == LogFormat::json && is_json_object(line);
    auto time = core::rfc3339(core::wall_now());
    if (object) {
      telemetry_->publish(category, time, category, line, text);
    } else {
      telemetry_->publish(category, time, category, text);
    }
  }
  std::string stamped;
  if (!external && settings_.log_format == LogFormat::json) {
    auto read = read_log_line(line);
    if (read.level < function_level_) return;
    if (read.lacks_timestamp) line = stamped = with_timestamp(line, core::rfc3339(core::wall_now()));
  }
  add_to_tail(line);
  Observation what;
  what.kind = Observation::Kind::log_line;
  what.process = process;
  what.external_extension = external;
  what.detail = line;
  observe(std::move(what));
}

void Journal::write_platform(std::string line) {
  add_to_tail(line);
  Observation what;
  what.kind = Observation::Kind::platform_line;
  what.detail = std::move(line);
  observe(std::move(what));
}

void Journal::platform_line(std::string line) {
  if (settings_.log_format == LogFormat::text) write_platform(std::move(line));
}

bool Journal::is_wanted(LogLevel level) const {
  return (telemetry_ && telemetry_->has_takers()) || settings_.tell_platform_events || is_logged(level);
}

bool Journal::is_logged(LogLevel level) const {
  return settings_.log_format == LogFormat::json && level >= settings_.system_log_level;
}

void Journal::publish_record(std::string_view type, const std::string& record, LogLevel level) {
  auto time = core::rfc3339(core::wall_now());
  if (telemetry_) telemetry_->publish("platform", time, type, record);
  if (settings_.tell_platform_events) {
    Observation what;
    what.kind = Observation::Kind::platform_event;
    what.message = type;
    what.detail = record;
    observe(std::move(what));
  }
  if (!is_logged(level)) return;
  std::string line;
  json::Writer(line).begin_object().member("time", time).member("type", type).key("record").raw(record).end_object();
  write_platform(std::move(line));
}

void Journal::notice(std::string line) {
  Observation what;
  what.kind = Observation::Kind::notice;
  what.detail = std::move(line);
  observe(std::move(what));
}

void Journal::subscribed(const std::string& extension, const std::vector<std::string>& types) {
  platform_line(telemetry_line(extension, types));
  publish("platform.telemetrySubscription", LogLevel::info, [&] { return subscription_record(extension, types); });
}

void Journal::init_started(std::string_view phase) {
  Observation what;
  what.kind = Observation::Kind::init_started;
  what.detail = phase;
  what.message = log_stream_;
  observe(std::move(what));
  platform_line(init_start_line(runtime_version(), settings_.region));
  publish("platform.initStart", LogLevel::info, [&] { return init_start_record(settings_, phase, log_stream_); });
}

void Journal::runtime_init_ended(std::string_view phase, std::string_view status, std::string_view error_type) {
  publish("platform.initRuntimeDone", status == "success" ? LogLevel::debug : LogLevel::warn,
          [&] { return init_runtime_done_record(settings_, phase, status, error_type); });
}

void Journal::extension_settled(const std::string& name, std::string_view state, const std::vector<std::string>& events,
                                std::string_view error_type) {
  platform_line(extension_line(name, state, events));
  publish("platform.extension", error_type.empty() ? LogLevel::info : LogLevel::warn,
          [&] { return extension_record(name, state, events, error_type); });
}

void Journal::init_ended(std::string_view phase, std::string_view status, std::string_view error_type,
                         std::chrono::nanoseconds duration) {
  if (status != "success") platform_line(init_report_line(duration, phase, status, error_type));
  publish("platform.initReport", status == "success" ? LogLevel::debug : LogLevel::warn,
          [&] { return init_report_record(settings_, phase, status, error_type, duration); });
  if (telemetry_) telemetry_->end_init();
  Observation what;
  what.kind = Observation::Kind::init_ended;
  what.status = status;
  what.detail = status;
  observe(std::move(what));
}

void Journal::invocation_started(const Invocation& invocation, bool cold) {
  if (!settings_.is_managed()) tail_.clear();
  set_subject(invocation);
  platform_line(start_line(invocation.request_id, settings_.function_version));
  publish("platform.start", LogLevel::info, [&] { return start_record(settings_, invocation); });
  Observation what;
  what.kind = Observation::Kind::invocation_started;
  what.cold = cold;
  observe(std::move(what));
  if (settings_.is_managed()) forget_subject();  // what a process does now may be for any of those that run
}

void Journal::runtime_done(const Invocation& invocation, std::string_view status, std::string_view error_type,
                           std::chrono::nanoseconds duration, std::size_t produced_bytes, const RuntimeSpans& spans) {
  publish("platform.runtimeDone", status == "success" ? LogLevel::debug : LogLevel::warn,
          [&] { return runtime_done_record(invocation, status, error_type, duration, produced_bytes, spans); });
}

void Journal::invocation_ended(const Invocation& invocation, const Report& report, const RuntimeSpans& spans) {
  set_subject(invocation);
  platform_line(end_line(invocation.request_id));
  platform_line(report_line(report));
  if (invocation.sampled()) {
    auto parent = invocation.trace_id.find("Parent=");
    auto segment = parent == invocation.trace_id.npos ? std::string() : invocation.trace_id.substr(parent + 7, 16);
    platform_line(xray_line(trace_root(invocation.trace_id), segment));
  }
  publish("platform.report", report.status == "success" ? LogLevel::info : LogLevel::warn,
          [&] { return report_record(settings_, invocation, report, spans); });
  if (tail_.size() > kTailBytes) tail_.erase(0, tail_.size() - kTailBytes);
  Observation what;
  what.kind = Observation::Kind::invocation_ended;
  what.status = report.status;
  what.detail = report.error_type;
  what.report = report;
  observe(std::move(what));
  forget_subject();
}

}  // namespace mayfly::emulator
