// Recorded observations, written as the story that they tell. Times in
// milliseconds since the start; the order of events is the lifecycle's.

#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "emulator/observation.h"

namespace mayfly::emulator::test {

class Story {
 public:
  using Kind = Observation::Kind;

  Story& at(double ms) {
    now_ = static_cast<std::int64_t>(ms * 1e6);
    return *this;
  }
  Story& tell(Kind kind, std::string process = {}, std::string detail = {}) {
    Observation o;
    o.kind = kind;
    o.elapsed_ns = now_;
    o.time = core::WallTime(std::chrono::milliseconds(1'700'000'000'042) + std::chrono::nanoseconds(now_));
    o.process = std::move(process);
    o.external_extension = !o.process.empty() && o.process != "bootstrap";
    o.detail = std::move(detail);
    o.environment = kind == Kind::invocation_accepted ? 0 : environment_;
    o.number = number_;
    o.request_id = number_ > 0 ? "8f3c41d2-0000-4000-8000-000000000000" : "";
    seen.push_back(o);
    return *this;
  }
  Story& call(std::uint32_t number) {
    number_ = number;
    return tell(Kind::invocation_accepted);
  }
  Story& responded(std::string status, std::string error_type = {}) {
    tell(Kind::responded, "bootstrap", std::move(error_type));
    seen.back().status = std::move(status);
    return *this;
  }
  // A success, and when runtime and extension wait in `next` again.
  Story& succeeded(double answer, double runtime_idle, double extension_idle) {
    at(answer).responded("success");
    at(runtime_idle).tell(Kind::process_idle, "bootstrap");
    return at(extension_idle).tell(Kind::process_idle, "telemetry");
  }
  Story& in(std::uint32_t environment) {
    environment_ = environment;
    return *this;
  }
  // Durations in milliseconds.
  Story& ended(std::string status, double duration, double init, double extensions, std::string error_type = {}) {
    auto ns = [](double ms) { return std::chrono::nanoseconds(static_cast<std::int64_t>(ms * 1e6)); };
    tell(Kind::invocation_ended);
    Report& report = seen.back().report;
    report.request_id = seen.back().request_id;
    report.status = std::move(status);
    report.error_type = std::move(error_type);
    report.duration = ns(duration);
    report.init = ns(init);
    report.extensions = ns(extensions);
    report.billed_ms = static_cast<std::int64_t>(duration + init + extensions) + 1;
    report.memory_mb = 128;
    report.max_memory_mb = 9;
    number_ = 0;
    return *this;
  }

  std::vector<Observation> seen;

 private:
  std::int64_t now_ = 0;
  std::uint32_t environment_ = 1;
  std::uint32_t number_ = 0;
};

using Kind = Observation::Kind;

inline Story& add_cold_start(Story& story) {
  return story.at(0)
      .call(1)
      .tell(Kind::init_started, "", "init")
      .tell(Kind::process_started, "telemetry")
      .at(3.4)
      .tell(Kind::process_ready, "telemetry")
      .at(3.5)
      .tell(Kind::process_started, "bootstrap")
      .at(21.9)
      .tell(Kind::process_ready, "bootstrap")
      .tell(Kind::init_ended, "", "success")
      .at(22)
      .tell(Kind::invocation_started)
      .succeeded(34.3, 34.4, 37.3)
      .ended("success", 12.31, 21.9, 3.0);
}

inline Story cold() {
  Story story;
  return add_cold_start(story);
}

inline Story& add_warm_call(Story& story) {
  return story.at(2000)
      .call(2)
      .at(2000.2)
      .tell(Kind::invocation_started)
      .succeeded(2002.04, 2002.1, 2002.44)
      .ended("success", 1.84, 0, 0.4);
}

// A warm call whose answer is streamed for 30 ms.
inline Story stream(std::string error_in_trailers = {}) {
  Story story = cold();
  return story.at(2000)
      .call(2)
      .at(2000.2)
      .tell(Kind::invocation_started)
      .at(2012)
      .tell(Kind::response_began, "bootstrap")
      .at(2042)
      .responded("success", std::move(error_in_trailers))
      .at(2042.1)
      .tell(Kind::process_idle, "bootstrap")
      .at(2045)
      .tell(Kind::process_idle, "telemetry")
      .ended("success", 41.8, 0, 3);
}

inline Story warm() {
  Story story = cold();
  return add_warm_call(story);
}

inline Story timeout() {
  Story story = cold();
  return story.at(5000)
      .call(2)
      .tell(Kind::invocation_started)
      .at(5003)
      .tell(Kind::process_idle, "telemetry")
      .at(8000)
      .responded("timeout", "Sandbox.Timedout")
      .ended("timeout", 3000, 0, 0, "Sandbox.Timedout")
      .tell(Kind::reset_started, "", "timeout")
      .tell(Kind::process_killed, "bootstrap", "SIGTERM")
      .at(8300)
      .tell(Kind::process_killed, "bootstrap", "SIGKILL")
      .at(8301)
      .tell(Kind::process_exited, "bootstrap", "signal: killed")
      .at(8420)
      .tell(Kind::process_exited, "telemetry", "exit status 0");
}

inline Story crash() {
  Story story = cold();
  return story.at(5000)
      .call(2)
      .tell(Kind::invocation_started)
      .at(5001.05)
      .tell(Kind::process_exited, "bootstrap", "signal: segmentation fault")
      .responded("error", "Runtime.ExitError")
      .ended("error", 1.05, 0, 0, "Runtime.ExitError")
      .tell(Kind::reset_started, "", "failure")
      .at(5002.4)
      .tell(Kind::process_exited, "telemetry", "exit status 0");
}

// Fails in the Init phase, and again in the one that the call then waits for.
inline Story init_failure() {
  Story story;
  return story.at(0)
      .call(1)
      .tell(Kind::init_started, "", "init")
      .tell(Kind::process_started, "bootstrap")
      .at(4)
      .tell(Kind::process_exited, "bootstrap", "exit status 1")
      .tell(Kind::init_ended, "", "error")
      .tell(Kind::reset_started, "", "failure")
      .at(5)
      .tell(Kind::init_started, "", "invoke")
      .tell(Kind::process_started, "bootstrap")
      .at(9)
      .tell(Kind::process_exited, "bootstrap", "exit status 1")
      .tell(Kind::init_ended, "", "error")
      .tell(Kind::invocation_started)
      .responded("error", "Runtime.ExitError")
      .ended("error", 4, 0, 0, "Runtime.ExitError")
      .tell(Kind::reset_started, "", "failure");
}

inline Story& add_shutdown(Story& story) {
  return story.at(9000)
      .tell(Kind::shutdown_started, "", "SandboxTerminated")
      .tell(Kind::process_killed, "bootstrap", "SIGTERM")
      .at(9002)
      .tell(Kind::process_exited, "bootstrap", "exit status 0")
      .at(9110)
      .tell(Kind::process_exited, "telemetry", "exit status 0")
      .tell(Kind::shutdown_ended);
}

}  // namespace mayfly::emulator::test
