#include "tests/emulator/random_walk.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "emulator/lifecycle/managed_lifecycle.h"
#include "emulator/lifecycle/on_demand_lifecycle.h"

namespace mayfly::emulator::test {

namespace {

using namespace std::chrono_literals;

struct Broken {
  std::string promise;
};

void promise(bool kept, std::string what) {
  if (!kept) throw Broken{std::move(what)};
}

// Alarms may ring so much too late, on a machine that is busy.
constexpr auto kLateness = 100ms;
// Init, reset and invocation ring some alarms one after the other.
constexpr auto kAllLateness = 10 * kLateness;
constexpr auto kKillPatience = 2s;

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
class World final : public Orders, public Witness {
 public:
  World(const Settings& settings, bool managed) : settings_(settings), managed_(managed) {}

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

// What processes, callers and the clock do.
class Wanderer {
 public:
  Wanderer(Walker walker, std::span<const std::uint8_t> choices) : choices_(choices), walker_(walker) {
    settings_.timeout = std::chrono::seconds(choose(3) == 0 ? 60 : 3);
    if (managed()) manage(settings_, 1 + choose(3));
    if (choose(4) == 0) settings_.freeze = false;
    auto extensions = choose(4);
    for (const char* name : {"alpha", "beta", "gamma"}) {
      if (extensions-- > 0) world_.external_names.push_back(name);
    }
    renew();
  }

  Walk run() {
    try {
      while (at_ < choices_.size()) {
        step();
        check();
      }
      prove_recovery();
      prove_end();
    } catch (const std::exception& error) {
      world_.walk.broken = error.what();
    } catch (const Broken& broken) {
      world_.walk.broken = broken.promise;
    }
    return std::move(world_.walk);
  }

 private:
  bool managed() const { return walker_ == Walker::managed; }
  std::uint8_t next_byte() { return at_ < choices_.size() ? choices_[at_++] : 0; }
  std::size_t choose(std::size_t n) { return next_byte() % n; }

  // Where an environment has ended, another one takes its place.
  void renew() {
    if (managed()) {
      lifecycle_ = std::make_unique<ManagedLifecycle>(settings_, world_, world_);
    } else {
      lifecycle_ = std::make_unique<OnDemandLifecycle>(settings_, world_, world_);
    }
  }

  // The pool acts on what settled() tells it, and on nothing else.
  void check() {
    bool useful = lifecycle_->has_ended() || lifecycle_->is_free();
    if (useful && !was_useful_) {
      promise(world_.told_settled, "who looks for a free environment is told of one");
    }
    was_useful_ = useful;
    if (lifecycle_->has_ended() && world_.told_settled) {
      world_.has_ended = true;
      world_.is_open = false;
    }
    world_.told_settled = world_.has_ended;
    world_.check(*lifecycle_);
  }

  void step() {
    switch (next_byte() % 32) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
      case 5:
      case 6:
      case 7:
      case 8: return obey();
      case 9: return pass(std::chrono::milliseconds(next_byte()));
      case 10: return ring(choose(4) == 0 ? kLateness : 0ms);
      case 11:
      case 12: return invoke();
      case 13: return runtime_next();
      case 14: return respond(false);
      case 15: return respond(true);
      case 16: return respond_wrongly();
      case 17: return begin_stream();
      case 18: return continue_stream();
      case 19: return end_stream();
      case 20: return break_stream();
      case 21: return init_error();
      case 22: return enlist();
      case 23: return extension_next(any_member());
      case 24: return extension_error();
      case 25:
      case 26: return die(choose(world_.processes.size() + 1));
      case 27: return tell_exits();
      case 28: world_.next_start_fails = choose(3) == 0; return;
      case 29:
        if (choose(4) == 0) shut_down();
        return;
      case 30:
        if (world_.shutting_down) kill();
        return;
      case 31:
        if (managed()) lifecycle_->start();
        return;
    }
  }

  // ---- the clock

  void pass(Clock::duration time) {
    tell_exits();
    if (world_.alarm_at <= world_.time + time) return ring(0ms);
    world_.time += time;
  }
  void ring(Clock::duration late) {
    tell_exits();
    if (world_.alarm_at == Clock::time_point::max()) return;
    world_.time = std::max(world_.time, world_.alarm_at + late);
    world_.alarm_at = Clock::time_point::max();
    world_.say("the alarm rings");
    lifecycle_->alarm();
  }

  // ---- callers

  void invoke(bool plain = false) {
    if (world_.shutting_down || world_.has_ended || !lifecycle_->is_free()) return;
    auto invocation = std::make_shared<Invocation>();
    invocation->number = ++invocations_;
    invocation->request_id = "call-" + std::to_string(invocations_);
    auto how = plain ? 0 : next_byte();
    invocation->in_parts = how % 2 == 1;
    if (managed() && how % 16 == 14 && invocations_ > 1) {
      invocation->request_id = "call-" + std::to_string(invocations_ - 1);
    }
    world_.say("invoke " + invocation->request_id);
    Call& call = world_.calls[invocation->number];
    call.invocation = invocation;
    call.taken = world_.time;
    was_useful_ = false;
    lifecycle_->invoke(invocation);
    was_useful_ = lifecycle_->is_free();
  }
  void shut_down() {
    if (world_.has_ended) return;
    world_.say("shut down");
    world_.shutting_down = true;
    lifecycle_->shut_down();
  }
  void kill() {
    if (world_.has_ended) return;
    world_.say("kill");
    lifecycle_->kill();
  }

  // ---- the runtime

  Call* call_in_hand() {
    for (auto& [number, call] : world_.calls) {
      if (!call.answered && !call.invocation_id.empty()) return &call;
    }
    return nullptr;
  }
  void runtime_next() {
    if (!world_.is_open) return;
    world_.say("next");
    auto waited = world_.waiting_workers;
    world_.waiting_workers = managed() ? waited + 1 : 1;
    if (!lifecycle_->runtime_next()) {
      world_.say("  refused");
      world_.waiting_workers = waited;
    }
  }
  void respond(bool error) {
    Call* call = call_in_hand();
    if (!world_.is_open || !call) return;
    const auto& id = call->invocation->request_id;
    world_.say((error ? "error for " : "response for ") + id);
    bool streaming = call->stream_begun || streams_.contains(id);
    auto accepted =
        error ? lifecycle_->runtime_error(id, call->invocation_id, "words of " + id, "Function.Error", world_.time)
              : lifecycle_->runtime_response(id, call->invocation_id, "words of " + id, world_.time);
    promise(accepted.has_value() == call->answered, "who is answered is who was accepted");
    promise(accepted.has_value() || streaming, "the answer to an open call is accepted");
    if (accepted) streams_.erase(id);
  }
  void respond_wrongly() {
    if (!world_.is_open) return;
    auto how = next_byte();
    std::string id = "call-" + std::to_string(how % (invocations_ + 2));
    const std::string attempt = how % 2 ? "stale" : "";
    bool known = std::ranges::any_of(world_.calls, [&](const auto& one) {
      return one.second.invocation->request_id == id && !one.second.answered && !one.second.invocation_id.empty();
    });
    if (known && attempt.empty()) return;
    world_.say("wrong response for " + id + " " + attempt);
    auto accepted = how % 4 < 2 ? lifecycle_->runtime_response(id, attempt, "words of nobody", world_.time)
                                : lifecycle_->runtime_error(id, attempt, "words of nobody", "Function.X", world_.time);
    promise(!accepted, "a wrong answer is refused");
    promise(accepted.error().status == 400 || accepted.error().status == 403 || accepted.error().status == 410,
            "a wrong answer is refused as Lambda does");
    world_.see("refused with " + std::to_string(accepted.error().status));
  }
  void begin_stream() {
    Call* call = call_in_hand();
    if (!world_.is_open || !call) return;
    const auto id = call->invocation->request_id;
    if (!lifecycle_->check_response(id, call->invocation_id, false)) return;
    world_.say("response for " + id + " begins");
    Answer answer;
    // Nobody looks into it.
    static char somewhere;
    if (lifecycle_->wants_parts(id)) {
      answer.stream = {std::shared_ptr<void>(), reinterpret_cast<ResponseStream*>(&somewhere)};
    }
    bool in_parts = answer.stream != nullptr;
    lifecycle_->response_begins(id, std::move(answer), world_.time);
    promise(call->stream_begun == in_parts, "who takes parts gets the stream at once");
    streams_[id] = in_parts;
  }
  // Of these some have ended by other means meanwhile.
  std::string a_stream() {
    if (streams_.empty() || !world_.is_open) return {};
    auto one = streams_.begin();
    std::advance(one, static_cast<std::ptrdiff_t>(choose(streams_.size())));
    return one->first;
  }
  void continue_stream() {
    if (auto id = a_stream(); !id.empty()) (void)lifecycle_->response_continues(id, next_byte());
  }
  void end_stream() {
    auto id = a_stream();
    if (id.empty()) return;
    world_.say("response for " + id + " ends");
    Answer end;
    if (!streams_[id]) end.payload = "words of " + id;
    auto how = choose(8);  // an error in the trailers, or a response over the limit
    if (how < 2) end.error_type = how == 0 ? "Function.Late" : "Function.ResponseSizeTooLarge";
    lifecycle_->response_ends(id, std::move(end), how == 1 ? "error" : "success");
    streams_.erase(id);
  }
  void break_stream() {
    auto id = a_stream();
    if (id.empty()) return;
    world_.say("response for " + id + " breaks off");
    lifecycle_->response_breaks(id);
  }
  void init_error() {
    if (!world_.is_open) return;
    world_.say("init/error");
    (void)lifecycle_->runtime_init_error(choose(2) ? "of Init" : "", "Function.Init");
  }

  // ---- extensions

  std::string any_member() {
    auto n = next_byte() % (world_.members.size() + 1);
    if (n == world_.members.size()) return n % 2 ? "x" : "11111111-1111-4111-8111-111111111111";
    auto one = world_.members.begin();
    std::advance(one, static_cast<std::ptrdiff_t>(n));
    return one->first;
  }
  void enlist() {
    static constexpr std::array kNames{"alpha", "beta", "gamma", "delta", "epsilon"};
    auto how = next_byte();
    enlist(kNames[how % kNames.size()], {(how & 64) == 0, (how & 128) == 0});
  }
  void enlist(const std::string& name, Registration events) {
    if (!world_.is_open) return;
    bool external = lifecycle_->is_external(name);
    if (managed()) events.invoke = false;
    if (!external) events.shutdown = false;
    world_.say("register " + name);
    world_.about_to_register = name;
    auto identifier = lifecycle_->extension_register(name, events);
    world_.about_to_register.clear();
    if (identifier) world_.members[*identifier] = {name, external, events};
  }
  void extension_next(const std::string& identifier) {
    if (!world_.is_open) return;
    world_.say("event/next of " + identifier);
    auto member = world_.members.find(identifier);
    bool waited = member != world_.members.end() && std::exchange(member->second.waits, true);
    auto accepted = lifecycle_->extension_next(identifier);
    promise(!accepted || member != world_.members.end(), "strangers are refused");
    if (!accepted && member != world_.members.end()) member->second.waits = waited;
  }
  void extension_error() {
    if (!world_.is_open) return;
    auto identifier = any_member();
    bool init = choose(2) == 0;
    world_.say((init ? "init/error of " : "exit/error of ") + identifier);
    auto accepted = init ? lifecycle_->extension_init_error(identifier, "Extension.Why")
                         : lifecycle_->extension_exit_error(identifier, "Extension.Why");
    promise(!accepted || world_.members.contains(identifier), "strangers are refused");
    if (accepted) world_.members[identifier].failed = true;
  }

  // ---- processes

  void die(ProcessId id) {
    if (!world_.runs(id)) return;
    static constexpr std::array kHow{"exit status 1", "", "signal: killed", "signal: segmentation fault"};
    world_.processes[id].how = world_.processes[id].killed ? "signal: killed" : kHow[choose(kHow.size())];
    end(id);
  }
  void end(ProcessId id) {
    world_.say("the end of process " + std::to_string(id));
    world_.processes[id].alive = false;
    // As Environment does: else last words in sockets come first.
    if (lifecycle_->is_stopping() || lifecycle_->is_idle()) tell_exits();
  }
  void tell_exits() {
    if (!world_.is_open) return;
    for (ProcessId id = 0; id < world_.processes.size() && world_.is_open; ++id) {
      Process& process = world_.processes[id];
      if (process.alive || !process.told_started || process.exit_told) continue;
      world_.say("process " + std::to_string(id) + " has exited: " + process.how);
      process.exit_told = true;
      auto how = process.how;
      lifecycle_->process_exited(id, how, how == "signal: killed" && choose(4) == 0);
      check();
    }
  }

  // What somebody who does as Lambda wants would do next.
  void obey() {
    if (!world_.is_open) return invoke();
    for (ProcessId id = 0; id < world_.processes.size(); ++id) {
      if (world_.runs(id) && (world_.processes[id].killed || world_.processes[id].terminated)) {
        if (world_.processes[id].killed) world_.processes[id].how = "signal: killed";
        return end(id);
      }
    }
    for (const auto& process : world_.processes) {
      if (process.told_started && !process.alive && !process.exit_told) return tell_exits();
    }
    if (lifecycle_->is_stopping()) return obey_shutdown();
    if (lifecycle_->is_cold()) return invoke();
    for (std::size_t id = 1; id < world_.processes.size(); ++id) {
      const auto& name = world_.processes[id].name;
      if (world_.runs(id) &&
          std::ranges::none_of(world_.members, [&](const auto& m) { return m.second.name == name; })) {
        return enlist(name, {true, true});
      }
    }
    for (const auto& [identifier, member] : world_.members) {
      if (member.failed) return world_.runs(process_of(member)) ? end(process_of(member)) : ring(0ms);
      if (!member.waits) return extension_next(identifier);
    }
    if (!world_.runs(kRuntime)) return;
    if (!streams_.empty()) return end_stream();
    if (call_in_hand() && world_.waiting_workers == 0) return respond(false);
    if (world_.waiting_workers == 0) return runtime_next();
    if (call_in_hand()) return respond(false);
    return invoke();
  }
  void obey_shutdown() {
    for (const auto& [identifier, member] : world_.members) {
      auto id = process_of(member);
      if (!member.external || !world_.runs(id) || member.failed) continue;
      if (member.told_shutdown) {
        world_.processes[id].how = "";
        return end(id);
      }
      if (!member.waits) return extension_next(identifier);
    }
    ring(0ms);
  }
  ProcessId process_of(const Member& member) const {
    if (!member.external) return kRuntime;
    auto process = std::ranges::find(world_.processes, member.name, &Process::name);
    return static_cast<ProcessId>(process - world_.processes.begin());
  }

  // ---- what must follow

  bool is_waiting_for_call() const {
    if (world_.has_ended) return true;
    return lifecycle_->is_free() && world_.open_calls() == 0 && (lifecycle_->is_cold() || lifecycle_->is_idle());
  }
  void prove_recovery() {
    world_.next_start_fails = false;
    if (world_.shutting_down) return;
    // What is under way is given up, one alarm after the other; who has announced
    // its failure exits.
    for (int alarms = 0;; ++alarms) {
      promise(alarms < 50, "what is under way ends by itself");
      for (ProcessId id = 0; id < world_.processes.size(); ++id) {
        if (world_.runs(id) && world_.processes[id].killed) end(id);
      }
      tell_exits();
      check();
      auto failed = std::ranges::find_if(
          world_.members, [&](const auto& one) { return one.second.failed && world_.runs(process_of(one.second)); });
      if (!is_waiting_for_call()) {
        ring(0ms);
      } else if (!world_.has_ended && failed != world_.members.end()) {
        end(process_of(failed->second));
      } else {
        break;
      }
      check();
    }
    if (world_.has_ended) return;
    world_.say("-- from here on everybody obeys");
    streams_.clear();
    invoke(true);
    check();
    Call& call = world_.calls.at(invocations_);
    for (int steps = 0; !call.ended; ++steps) {
      promise(steps < 60, "who obeys is served");
      obey();
      check();
    }
    promise(call.error_type.empty() && call.status == "success", "who obeys has success");
  }
  void prove_end() {
    shut_down();
    if (world_.calls.size() % 2) shut_down();  // as a pool may that ends
    check();
    auto since = world_.time;
    for (int alarms = 0; !world_.has_ended; ++alarms) {
      promise(alarms < 10, "a shutdown ends by itself");
      ring(0ms);
      check();
    }
    auto budget = 2 * settings_.shutdown_with_external + kKillPatience;
    promise(world_.time - since <= budget + kAllLateness, "a shutdown keeps its budgets");
    for (const auto& [number, one] : world_.calls) {
      promise(one.answered && one.ended, "every call is answered and ends");
    }
  }

  std::span<const std::uint8_t> choices_;
  std::size_t at_ = 0;
  const Walker walker_;
  Settings settings_;
  World world_{settings_, managed()};
  std::unique_ptr<Lifecycle> lifecycle_;
  std::uint32_t invocations_ = 0;
  std::map<std::string, bool> streams_;  // responses under way, by request id: taken in parts?
  bool was_useful_ = true;
};

}  // namespace

Walk walk(Walker walker, std::span<const std::uint8_t> choices) { return Wanderer(walker, choices).run(); }

std::vector<std::uint8_t> shortest(Walker walker, std::vector<std::uint8_t> choices) {
  auto what = walk(walker, choices).broken;
  for (std::size_t part = std::max<std::size_t>(choices.size() / 2, 1); part > 0; part /= 2) {
    for (std::size_t at = 0; at + part <= choices.size();) {
      auto fewer = choices;
      auto first = fewer.begin() + static_cast<std::ptrdiff_t>(at);
      fewer.erase(first, first + static_cast<std::ptrdiff_t>(part));
      if (walk(walker, fewer).broken == what) {
        choices = std::move(fewer);
      } else {
        ++at;
      }
    }
  }
  return choices;
}

}  // namespace mayfly::emulator::test
