// The world of a lifecycle under test: time is a number, processes are names, and
// orders are written down.

#pragma once

#include <csignal>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "emulator/lifecycle/lifecycle.h"

namespace mayfly::emulator::test {

using Lines = std::vector<std::string>;

// Carries out nothing and writes everything down, one line each.
class World final : public Orders, public Witness {
 public:
  Lines told;
  std::vector<std::string> extensions;
  Clock::time_point time{};
  Clock::time_point alarm_at = Clock::time_point::max();
  std::vector<Report> reports;
  std::size_t produced_bytes = 0;  // of the last call
  RuntimeSpans spans;
  std::map<std::string, std::string> invocation_ids;  // handed out, by request id
  std::string runtime_error;                          // start_runtime() fails with this type
  std::vector<Observation::Kind> observed;

  // What was told since the last call.
  Lines take() { return std::exchange(told, {}); }

 private:
  Clock::time_point now() override { return time; }
  mayfly::core::WallTime wall_now() override { return mayfly::core::WallTime(time.time_since_epoch()); }
  std::string new_uuid() override {
    auto number = std::to_string(++uuids_);
    return "00000000-0000-4000-8000-" + std::string(12 - number.size(), '0') + number;
  }
  void set_alarm(Clock::time_point at) override { alarm_at = at; }
  std::vector<std::string> new_generation() override { return extensions; }
  mayfly::expected<void, LaunchFailure> start_runtime() override {
    if (!runtime_error.empty()) return mayfly::unexpected(LaunchFailure{runtime_error, "why"});
    told.push_back("start runtime");
    return {};
  }
  mayfly::expected<void, LaunchFailure> start_extension(ProcessId, const std::string& name) override {
    told.push_back("start " + name);
    return {};
  }
  void send_signal(ProcessId id, int signal) override {
    told.push_back((signal == SIGKILL ? "kill " : "terminate ") + std::to_string(id));
  }
  void hand_to_runtime(const RuntimeEvent& event) override {
    invocation_ids[event.invocation->request_id] = event.invocation_id;
    told.push_back("event to runtime, deadline " + std::to_string(event.deadline_ms));
  }
  void hand_to_extension(const std::string& identifier, const ExtensionEvent& event) override {
    auto what = event.invocation ? "INVOKE" : "SHUTDOWN " + event.shutdown_reason;
    told.push_back(what + " to " + identifier.substr(35) + ", deadline " + std::to_string(event.deadline_ms));
  }
  void answer(const Invocation&, Answer answer) override {
    if (answer.stream) return told.push_back("answer begins");
    told.push_back(answer.aborted ? "abort"
                                  : "answer " + (answer.error_type.empty() ? answer.payload : answer.error_type));
  }
  void ended(const Invocation&) override {}
  void drain_output() override {}
  void flush_telemetry() override {}
  int max_memory_mb() override { return 1; }
  void freeze() override { told.push_back("freeze"); }
  void thaw() override { told.push_back("thaw"); }
  void settled() override { told.push_back("settled"); }

  void observe(Observation what) override { observed.push_back(what.kind); }
  void invocation_taken(const Invocation&) override {}
  void init_started(std::string_view phase) override { told.push_back("init started, phase " + std::string(phase)); }
  void runtime_init_ended(std::string_view, std::string_view, std::string_view) override {}
  void extension_settled(const std::string& name, std::string_view state, const std::vector<std::string>&,
                         std::string_view) override {
    told.push_back(name + " is " + std::string(state));
  }
  void init_ended(std::string_view, std::string_view status, std::string_view type, std::chrono::nanoseconds) override {
    told.push_back("init ended: " + std::string(status) + (type.empty() ? "" : " ") + std::string(type));
  }
  void invocation_started(const Invocation&, bool cold) override { told.push_back(cold ? "START cold" : "START"); }
  void runtime_done(const Invocation&, std::string_view, std::string_view, std::chrono::nanoseconds, std::size_t bytes,
                    const RuntimeSpans& what) override {
    told.push_back("runtime done");
    produced_bytes = bytes;
    spans = what;
  }
  void invocation_ended(const Invocation&, const Report& report, const RuntimeSpans&) override {
    reports.push_back(report);
    told.push_back("REPORT " + report.status);
  }

  int uuids_ = 0;
};

inline std::string refusal(const Accepted& accepted) {
  if (accepted) return "accepted";
  return std::to_string(accepted.error().status) + " " + accepted.error().type + " " + accepted.error().message;
}

}  // namespace mayfly::emulator::test
