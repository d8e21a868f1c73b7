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
#include "tests/emulator/strict_world.h"

namespace mayfly::emulator::test {

namespace {

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
  StrictWorld world_{settings_, managed()};
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
