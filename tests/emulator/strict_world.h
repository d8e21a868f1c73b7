// The world of a lifecycle that is walked at random (random_walk.h): it knows what
// may be ordered and told when, and breaks at the first word out of place.

#pragma once

#include <algorithm>
#include <csignal>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "emulator/lifecycle/lifecycle.h"
#include "emulator/settings.h"
#include "tests/emulator/random_walk.h"

namespace mayfly::emulator::test {

using namespace std::chrono_literals;

struct Broken {
  std::string promise;
};

inline void promise(bool kept, std::string what) {
  if (!kept) throw Broken{std::move(what)};
}

// Alarms may ring so much too late, on a machine that is busy.
inline constexpr std::chrono::milliseconds kLateness{100};
// Init, reset and invocation ring some alarms one after the other.
inline constexpr auto kAllLateness = 10 * kLateness;
inline constexpr std::chrono::seconds kKillPatience{2};

// Where the machine is between its orders, as they show it from outside.
struct Call {
  std::shared_ptr<const Invocation> invocation;
  Clock::time_point taken{};
  std::optional<Clock::time_point> started;
  std::string invocation_id;  // of the last event handed out
  std::int64_t deadline_ms = 0;
  bool stream_begun = false, answered = false, runtime_done = false, reported = false, ended = false;
  std::string error_type, status;  // of the answer, of REPORT
};

struct Process {
  std::string name;
  bool alive = true;       // in the world
  bool exit_told = false;  // and to the lifecycle
  bool told_started = false, terminated = false, killed = false;
  std::string how = "exit status 1";
};

struct Member {  // an extension that has registered
  std::string name;
  bool external = false;
  Registration events;
  bool waits = false;
  bool told_shutdown = false;
  bool failed = false;  // has reported init/error or exit/error
};

// Carries out orders in its head, and throws Broken at the first that breaks a promise.
class StrictWorld final : public Orders, public Witness {
 public:
  StrictWorld(const Settings& settings, bool managed) : settings_(settings), managed_(managed) {}

  Walk walk;
  Clock::time_point time = Clock::time_point(1'000s);
  Clock::time_point alarm_at = Clock::time_point::max();
  std::vector<std::string> external_names;
  bool next_start_fails = false;

  std::map<std::uint32_t, Call> calls;
  std::vector<Process> processes;  // of this generation, by ProcessId
  std::map<std::string, Member> members;
  std::size_t waiting_workers = 0;
  bool is_open = false;  // a generation's APIs can be called
  bool init_open = false, frozen = false, shutting_down = false, has_ended = false, told_settled = false;
  std::string about_to_register;  // whoever is in extension_register()

  void say(std::string what) { walk.story.push_back(std::move(what)); }
  void see(std::string what) { walk.seen.insert(std::move(what)); }
  bool runs(ProcessId id) const { return id < processes.size() && processes[id].alive; }
  std::size_t open_calls() const {
    return static_cast<std::size_t>(std::ranges::count_if(calls, [](const auto& one) { return !one.second.answered; }));
  }

  // What holds between all steps.
  void check(const Lifecycle& lifecycle) {
    bool under_way =
        open_calls() > 0 || (init_open && !shutting_down) || lifecycle.is_stopping() || (shutting_down && !has_ended);
    promise(!under_way || alarm_at != Clock::time_point::max(), "an alarm is set while something is under way");
    promise(alarm_at == Clock::time_point::max() ||
                alarm_at - time <= std::max<Clock::duration>(settings_.init_limit, settings_.timeout) + 4s,
            "no alarm is later than every budget");
    for (const auto& [number, call] : calls) {
      if (call.answered) continue;
      auto limit = settings_.init_limit + settings_.shutdown_with_external + kKillPatience + settings_.timeout;
      promise(time - call.taken <= limit + kAllLateness, "call " + std::to_string(number) + " is answered in time");
      promise(!lifecycle.has_ended(), "an environment that has ended owes no answer");
    }
    promise(lifecycle.unanswered() == open_calls(), "unanswered() counts the open calls");
    if (lifecycle.is_idle()) promise(open_calls() == 0, "an idle environment has no call");
    if (!managed_ && lifecycle.is_free()) promise(open_calls() == 0, "a free environment has no call");
    if (frozen) promise(lifecycle.is_idle(), "what is frozen is idle");
    if (lifecycle.has_ended()) {
      promise(has_ended, "settled() tells of the end");
      promise(told_end_ == ever_began_, "who has begun tells of the end");
      for (const auto& process : processes) {
        promise(!process.alive || process.killed, "at the end nothing runs but what has had SIGKILL");
      }
    }
  }

  // ---- Orders

  Clock::time_point now() override { return time; }
  core::WallTime wall_now() override { return core::WallTime(time.time_since_epoch()); }
  std::string new_uuid() override {
    auto number = std::to_string(++uuids_);
    return "00000000-0000-4000-8000-" + std::string(12 - number.size(), '0') + number;
  }
  void set_alarm(Clock::time_point at) override { alarm_at = at; }

  std::vector<std::string> new_generation() override {
    say("  new generation");
    promise(!has_ended, "nothing starts after the end");
    for (const auto& process : processes) {
      if (process.alive) see("a process that survived SIGKILL is given up");
      promise(!process.alive || process.killed, "a new generation comes after the end of the last");
    }
    processes.assign(1 + external_names.size(), Process{});
    for (auto& process : processes) process.alive = false;
    members.clear();
    waiting_workers = 0;
    is_open = true;
    return external_names;
  }
  expected<void, LaunchFailure> start_runtime() override {
    for (std::size_t id = 1; id < processes.size(); ++id) {
      promise(std::ranges::any_of(members, [&](const auto& one) { return one.second.name == processes[id].name; }) ||
                  processes[id].name == about_to_register,
              "the runtime starts when all extensions have registered");
    }
    return start(kRuntime, "bootstrap");
  }
  expected<void, LaunchFailure> start_extension(ProcessId id, const std::string& name) override {
    promise(!runs(kRuntime), "extensions start before the runtime");
    return start(id, name);
  }
  void send_signal(ProcessId id, int signal) override {
    say("  signal " + std::to_string(signal) + " to " + std::to_string(id));
    promise(id < processes.size() && processes[id].told_started, "signals go to processes that were started");
    promise(!processes[id].exit_told, "signals go to processes that run");
    promise(!frozen, "signals go to processes that are not frozen");
    (signal == SIGKILL ? processes[id].killed : processes[id].terminated) = true;
  }
  void hand_to_runtime(const RuntimeEvent& event) override {
    say("  event " + event.invocation->request_id + " to the runtime");
    Call& call = open(*event.invocation);
    promise(!call.answered, "what is answered is not handed out");
    promise(call.started.has_value(), "START comes before the event");
    promise(waiting_workers > 0, "the event goes to a runtime that waits in next");
    promise(!processes[kRuntime].exit_told, "the event goes to a runtime that runs");
    promise(!frozen, "the event goes to who is not frozen");
    auto began = clock_began_.value_or(*call.started);
    promise(event.deadline_ms == core::epoch_ms(core::WallTime(began.time_since_epoch()) + settings_.timeout),
            "deadline = start + timeout");
    if (managed_) promise(call.invocation_id.empty(), "a call goes to one worker");
    if (!call.invocation_id.empty()) {
      promise(call.invocation_id == event.invocation_id, "the same event again is the same attempt");
      see("the same event again");
    }
    --waiting_workers;
    call.invocation_id = event.invocation_id;
    call.deadline_ms = event.deadline_ms;
  }
  void hand_to_extension(const std::string& identifier, const ExtensionEvent& event) override {
    say("  " + (event.invocation ? "INVOKE" : "SHUTDOWN " + event.shutdown_reason) + " to " + identifier.substr(34));
    auto found = members.find(identifier);
    promise(found != members.end(), "events go to extensions that have registered");
    Member& member = found->second;
    promise(member.waits, "events go to extensions that wait in next");
    promise(!member.told_shutdown, "SHUTDOWN is the last event");
    promise(!frozen, "events go to who is not frozen");
    if (auto* process = process_of(member)) promise(!process->exit_told, "events go to extensions that run");
    member.waits = false;
    if (event.invocation) {
      promise(member.events.invoke, "INVOKE goes to those who asked for it");
      promise(!open(*event.invocation).answered, "what is answered is not handed out");
    } else {
      promise(member.events.shutdown && member.external, "SHUTDOWN goes to those who asked for it");
      member.told_shutdown = true;
      see("SHUTDOWN " + event.shutdown_reason);
    }
  }
  void answer(const Invocation& invocation, Answer answer) override {
    say("  answer to " + invocation.request_id + ": " +
        (answer.stream    ? "begins"
         : answer.aborted ? "aborted"
                          : answer.error_type + " " + answer.payload));
    Call& call = open(invocation);
    promise(!call.answered, "a call is answered once");
    promise(!call.reported, "the answer comes before REPORT");
    if (answer.stream) {
      promise(invocation.in_parts, "a stream goes to who takes it in parts");
      promise(!call.stream_begun, "a stream begins once");
      call.stream_begun = true;
      return;
    }
    call.answered = true;
    call.error_type = answer.aborted ? "aborted" : answer.error_type;
    if (answer.aborted) {
      promise(shutting_down, "only shutdown aborts");
      return see("aborted");
    }
    see((call.stream_begun ? "stream ended by " : "answered by ") +
        (answer.error_type.empty() ? "success" : answer.error_type));
    if (answer.payload.starts_with("words of ")) {
      promise(answer.payload == "words of " + invocation.request_id, "the answer is its own, not another's");
    } else if (!answer.error_type.empty() && !answer.payload.empty() && answer.payload != "of Init") {
      bool named = answer.payload.find("RequestId: " + invocation.request_id + " ") != answer.payload.npos;
      promise(named || answer.error_type == "Client.DuplicatedInvokeId", "an error names its call");
    }
  }
  void ended(const Invocation& invocation) override {
    say("  ended " + invocation.request_id);
    Call& call = open(invocation);
    promise(call.answered, "the end comes behind the answer");
    promise(call.reported == call.started.has_value(), "START and REPORT are paired");
    call.ended = true;
  }
  void drain_output() override {}
  void flush_telemetry() override {}
  int max_memory_mb() override { return 1; }
  void freeze() override {
    say("  freeze");
    promise(!managed_, "Managed Instances are not frozen");
    promise(!std::exchange(frozen, true), "freeze comes once before thaw");
    see("frozen");
  }
  void thaw() override {
    if (std::exchange(frozen, false)) see("thawed");
  }
  void settled() override {
    say("  settled");
    promise(!has_ended, "the end is told once");
    told_settled = true;
  }

  // ---- Witness

  void observe(Observation what) override {
    using Kind = Observation::Kind;
    if (what.kind == Kind::process_started) ++started_;
    if (what.kind == Kind::process_exited) {
      promise(started_ > exited_, "a process that exits was started");
      ++exited_;
    }
    if (what.kind == Kind::shutdown_started) promise(!std::exchange(told_shutdown_, true), "shutdown begins once");
    if (what.kind == Kind::shutdown_ended) {
      promise(told_shutdown_, "what ends has begun");
      promise(!std::exchange(told_end_, true), "shutdown ends once");
    }
  }
  void invocation_taken(const Invocation&) override { clock_began_.reset(); }
  void init_started(std::string_view phase) override {
    say("  init started, phase " + std::string(phase));
    promise(!std::exchange(init_open, true), "one Init at a time");
    ever_began_ = true;
    if (phase == "invoke") {
      if (clock_began_) see("one more try of Init");
      clock_began_ = clock_began_.value_or(time);
    }
    runtime_init_ended_ = false;
    see("init in phase " + std::string(phase));
  }
  void runtime_init_ended(std::string_view, std::string_view, std::string_view) override {
    promise(init_open, "initRuntimeDone comes inside Init");
    promise(!std::exchange(runtime_init_ended_, true), "initRuntimeDone comes once");
  }
  void extension_settled(const std::string&, std::string_view, const std::vector<std::string>&,
                         std::string_view) override {
    promise(init_open, "platform.extension comes inside Init");
  }
  void init_ended(std::string_view, std::string_view status, std::string_view, std::chrono::nanoseconds took) override {
    say("  init ended: " + std::string(status));
    promise(std::exchange(init_open, false), "an Init that ends has begun");
    promise(runtime_init_ended_, "initReport comes behind initRuntimeDone");
    promise(took >= 0ns, "no duration is negative");
    see("init ended: " + std::string(status));
  }
  void invocation_started(const Invocation& invocation, bool) override {
    say("  START " + invocation.request_id);
    Call& call = open(invocation);
    promise(!call.started, "START comes once");
    promise(!call.answered, "START comes before the answer");
    promise(!init_open, "START comes behind initReport");
    call.started = time;
  }
  void runtime_done(const Invocation& invocation, std::string_view status, std::string_view,
                    std::chrono::nanoseconds duration, std::size_t, const RuntimeSpans& spans) override {
    say("  runtimeDone " + invocation.request_id + ": " + std::string(status));
    Call& call = open(invocation);
    promise(!managed_, "Managed Instances have no runtimeDone");
    promise(call.started.has_value(), "runtimeDone comes behind START");
    promise(!std::exchange(call.runtime_done, true), "runtimeDone comes once");
    promise(!call.reported, "runtimeDone comes before REPORT");
    promise(duration >= 0ns && spans.response_latency >= 0ns && spans.response_duration >= 0ns &&
                spans.runtime_overhead >= 0ns,
            "no duration is negative");
  }
  void invocation_ended(const Invocation& invocation, const Report& report, const RuntimeSpans&) override {
    say("  REPORT " + invocation.request_id + ": " + report.status);
    Call& call = open(invocation);
    promise(call.started.has_value(), "REPORT comes behind START");
    promise(call.answered, "REPORT comes behind the answer");
    promise(managed_ || call.runtime_done, "REPORT comes behind runtimeDone");
    promise(!std::exchange(call.reported, true), "REPORT comes once");
    promise(report.request_id == invocation.request_id, "REPORT names its call");
    call.status = report.status;
    promise(report.duration >= 0ns && report.extensions >= 0ns && report.init >= 0ns, "no duration is negative");
    promise(report.duration <= settings_.timeout + kLateness, "no call is longer than its timeout");
    if (report.status == "timeout") {
      promise(report.duration + report.extensions == settings_.timeout, "a timeout takes the timeout");
    }
    if (!managed_) {
      promise(std::chrono::milliseconds(report.billed_ms) >= report.duration + report.init,
              "the bill is not less than the duration");
    }
    promise((report.status == "success") == report.error_type.empty(), "an error has a type");
    see("REPORT " + report.status);
  }

 private:
  expected<void, LaunchFailure> start(ProcessId id, const std::string& name) {
    say("  start " + name);
    promise(is_open && !has_ended, "processes start in a generation");
    promise(!processes[id].told_started, "a process is started once");
    processes[id].name = name;
    if (std::exchange(next_start_fails, false)) {
      return unexpected(LaunchFailure{id == kRuntime ? "Runtime.InvalidEntrypoint" : "Extension.LaunchError", "why"});
    }
    processes[id].alive = processes[id].told_started = true;
    return {};
  }
  Call& open(const Invocation& invocation) {
    auto found = calls.find(invocation.number);
    promise(found != calls.end(), "orders are about invocations that were given");
    promise(!found->second.ended, "nothing comes behind the end of an invocation");
    return found->second;
  }
  Process* process_of(const Member& member) {
    if (!member.external) return nullptr;
    auto found = std::ranges::find(processes, member.name, &Process::name);
    return found == processes.end() ? nullptr : &*found;
  }

  const Settings& settings_;
  const bool managed_;
  int uuids_ = 0;
  int started_ = 0, exited_ = 0;
  std::optional<Clock::time_point> clock_began_;  // of the call that is taken, in a suppressed init
  bool runtime_init_ended_ = false, told_shutdown_ = false, told_end_ = false, ever_began_ = false;
};

}  // namespace mayfly::emulator::test
