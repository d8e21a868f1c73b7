#include "emulator/lifecycle.h"

#include <algorithm>
#include <csignal>
#include <cstdio>

#include "emulator/error_json.h"

namespace mayfly::emulator {

namespace {

using std::chrono::nanoseconds;

// How long SIGKILL may take to show before the machine goes on without.
constexpr std::chrono::seconds kKillPatience{2};

std::int64_t rounded_up_ms(nanoseconds duration) {
  return std::chrono::ceil<std::chrono::milliseconds>(duration).count();
}

}  // namespace

std::string timeout_message(std::chrono::milliseconds timeout) {
  char text[64];
  std::snprintf(text, sizeof text, "Task timed out after %.2f seconds", static_cast<double>(timeout.count()) / 1000);
  return text;
}

void Lifecycle::observe(Observation::Kind kind, std::string process, bool external, std::string detail) {
  Observation what;
  what.kind = kind;
  what.process = std::move(process);
  what.external_extension = external;
  what.detail = std::move(detail);
  witness_.observe(std::move(what));
}

void Lifecycle::note_fatal(Fatal fatal) {
  if (!fatal_) {
    fatal_ = std::move(fatal);
  } else if (fatal_->message.empty() && fatal_->payload.empty()) {
    fatal_->message = std::move(fatal.message);  // announced before, worded by the exit that follows
  }
}

// ---- Init

void Lifecycle::invoke(std::shared_ptr<const Invocation> invocation) {
  invocation_ = std::move(invocation);
  in_invocation_ = announced_ = answered_ = runtime_done_ = false;
  response_broken_ = false;
  witness_.invocation_taken(*invocation_);
  if (phase_ == Phase::idle) {
    end_idle();
    return begin_invocation();
  }
  if (ever_initialised_) {
    in_invocation_ = true;
    return begin_init("invoke");
  }
  begin_init("init");
}

void Lifecycle::begin_init(std::string_view phase) {
  init_phase_ = phase;
  phase_ = Phase::extension_init;
  runtime_ = RuntimeState::started;
  registration_open_ = true;
  runtime_init_done_ = false;
  fatal_.reset();
  extensions_.clear();

  auto names = orders_.new_generation();
  init_started_ = orders_.now();
  if (in_invocation_) {
    started_ = init_started_;
    deadline_ms_ = core::epoch_ms(orders_.wall_now() + settings_.timeout);
    orders_.set_alarm(started_ + settings_.timeout);
  } else {
    orders_.set_alarm(init_started_ + settings_.init_limit);
  }
  witness_.init_started(phase);

  for (const auto& name : names) {
    Extension& extension = extensions_.emplace_back();
    extension.name = name;
    extension.process = extensions_.size();
    expected<void, LaunchFailure> started;
    if (extensions_.size() > kMaxExtensions) {
      started = unexpected(LaunchFailure{"Extension.LaunchError", "Extension limit (10) reached"});
    } else {
      started = orders_.start_extension(extension.process, name);
    }
    if (!started) {
      extension.state = ExtensionState::launch_error;
      extension.error_type = started.error().error_type;
      note_fatal({started.error().error_type, started.error().message, {}});
      return fail_init("error");
    }
    extension.alive = true;
    observe(Observation::Kind::process_started, name, true);
  }
  check_init();
}

void Lifecycle::start_runtime() {
  phase_ = Phase::runtime_init;
  auto started = orders_.start_runtime();
  if (!started) {
    note_fatal({started.error().error_type, started.error().message, {}});
    return fail_init("error");
  }
  runtime_alive_ = true;
  observe(Observation::Kind::process_started, "bootstrap");
}

void Lifecycle::check_init() {
  auto all = [this](auto condition) { return std::ranges::all_of(extensions_, condition); };
  if (phase_ == Phase::extension_init) {
    if (all([](const Extension& e) { return !e.identifier.empty(); })) start_runtime();
  } else if (phase_ == Phase::runtime_init) {
    if (runtime_ == RuntimeState::ready && all([](const Extension& e) { return e.was_ready; })) end_init();
  }
}

void Lifecycle::settle_extensions() {
  for (const auto& extension : extensions_) {
    std::vector<std::string> events;
    if (extension.events.invoke) events.push_back("INVOKE");
    if (extension.events.shutdown) events.push_back("SHUTDOWN");
    witness_.extension_settled(extension.name, name_of(extension.state), events, extension.error_type);
  }
}

void Lifecycle::end_init() {
  auto duration = orders_.now() - init_started_;
  if (!ever_initialised_) init_to_bill_ = duration;
  ever_initialised_ = true;
  orders_.drain_output();
  settle_extensions();
  witness_.init_ended(init_phase_, "success", {}, duration);
  begin_invocation();
}

void Lifecycle::fail_init(std::string_view status) {
  if (!fatal_) {
    fatal_ = status == "timeout" && in_invocation_ ? Fatal{"Sandbox.Timedout", timeout_message(settings_.timeout), {}}
                                                   : Fatal{"Runtime.Unknown", "Init did not end in time", {}};
  }
  auto duration = orders_.now() - init_started_;
  ever_initialised_ = true;
  orders_.drain_output();
  if (!runtime_init_done_) witness_.runtime_init_ended(init_phase_, status, fatal_->type);
  settle_extensions();
  witness_.init_ended(init_phase_, status, fatal_->type, duration);
  if (in_invocation_) return fail_invocation(status, *fatal_);
  begin_stop(status == "timeout" ? "timeout" : "failure", false);  // and then the retry
}

// ---- Invoke

void Lifecycle::begin_invocation() {
  if (!invocation_) {
    begin_idle();
    return orders_.settled();
  }
  phase_ = Phase::invoking;
  orders_.drain_output();
  if (!in_invocation_) {
    in_invocation_ = true;
    started_ = orders_.now();
    deadline_ms_ = core::epoch_ms(orders_.wall_now() + settings_.timeout);
    orders_.set_alarm(started_ + settings_.timeout);
  }
  announced_ = true;
  witness_.invocation_started(*invocation_, !ever_answered_);
  hand_out();
}

void Lifecycle::begin_idle() {
  phase_ = Phase::idle;
  orders_.set_alarm(settings_.freeze ? orders_.now() + kIdleBeforeFreeze : Clock::time_point::max());
}

void Lifecycle::end_idle() {
  orders_.thaw();
  if (std::exchange(frozen_, false)) observe(Observation::Kind::thawed);
}

void Lifecycle::hand_out() {
  invocation_id_ = orders_.new_uuid();
  spans_ = {};
  spans_.started = orders_.wall_now();
  handed_out_ = orders_.now();
  for (auto& extension : extensions_) {
    if (!extension.events.invoke) continue;
    extension.state = ExtensionState::running;
    orders_.hand_to_extension(extension.identifier, {invocation_, orders_.new_uuid(), {}, deadline_ms_});
  }
  runtime_ = RuntimeState::running;
  orders_.hand_to_runtime({invocation_, invocation_id_, deadline_ms_});
}

void Lifecycle::accept_answer(Answer answer, std::string_view status, Clock::time_point first_byte) {
  first_byte_ = first_byte;
  produced_bytes_ = answer.payload.size();
  finish_answer(std::move(answer), status);
}

void Lifecycle::finish_answer(Answer answer, std::string_view status) {
  answered_at_ = orders_.now();
  answered_ = ever_answered_ = true;
  runtime_ = RuntimeState::response_sent;
  spans_.responded = true;
  spans_.response_latency = std::max(nanoseconds{0}, nanoseconds(first_byte_ - handed_out_));
  spans_.response_duration = answered_at_ - std::max(first_byte_, handed_out_);
  function_status_ = status;
  function_error_ = status == "success" ? std::string() : answer.error_type;
  orders_.drain_output();

  Observation what;
  what.kind = Observation::Kind::responded;
  what.process = "bootstrap";
  what.status = status;
  what.detail = answer.error_type;
  if (!answer.error_type.empty()) {
    auto words = read_error_json(answer.payload);
    if (!words.type.empty()) what.detail = words.type;
    what.message = words.message;
    if (status != "success") error_message_ = words.message;
  }
  witness_.observe(std::move(what));
  orders_.answer(*invocation_, std::move(answer));
}

void Lifecycle::finish_runtime(std::string_view status, std::string_view error_type) {
  if (runtime_done_) return;
  runtime_done_ = true;
  auto end = orders_.now();
  if (status == "timeout") end = std::min(end, started_ + settings_.timeout);
  if (spans_.responded) spans_.runtime_overhead = end - answered_at_;
  witness_.runtime_done(*invocation_, status, error_type, end - started_, produced_bytes_, spans_);
}

void Lifecycle::check_invocation() {
  if (phase_ != Phase::invoking || !runtime_done_ || runtime_ != RuntimeState::ready) return;
  for (const auto& extension : extensions_) {
    if (extension.events.invoke && extension.state != ExtensionState::ready) return;
  }
  begin_idle();
  end_invocation(function_status_, function_error_);
  if (ending_) return begin_stop("spindown", true);
  orders_.settled();
}

void Lifecycle::end_invocation(std::string_view status, std::string_view error_type) {
  orders_.drain_output();
  auto end = orders_.now();
  if (status == "timeout") end = std::min(end, started_ + settings_.timeout);
  auto until_answer = answered_ && spans_.responded ? answered_at_ : end;

  Report report;
  report.request_id = invocation_->request_id;
  report.status = status;
  report.error_type = error_type;
  report.error_message = std::exchange(error_message_, {});
  report.duration = until_answer - started_;
  report.extensions = end - until_answer;
  report.init = std::exchange(init_to_bill_, nanoseconds{0});
  report.billed_ms = rounded_up_ms(report.duration + report.extensions + report.init);
  report.memory_mb = settings_.memory_mb;
  report.max_memory_mb = orders_.max_memory_mb();
  auto ended = std::exchange(invocation_, nullptr);
  in_invocation_ = false;
  produced_bytes_ = 0;
  witness_.invocation_ended(*ended, report, spans_);
  orders_.ended(*ended);
}

void Lifecycle::fail_invocation(std::string_view status, Fatal fatal) {
  orders_.drain_output();
  if (!announced_) {  // a suppressed init has failed
    announced_ = true;
    spans_ = {};
    witness_.invocation_started(*invocation_, !ever_answered_);
  }
  finish_runtime(status, fatal.type);
  if (!answered_) {
    answered_ = true;
    Answer answer;
    answer.from_function = false;
    answer.error_type = fatal.type;
    answer.payload = fatal.payload;
    if (answer.payload.empty()) {
      answer.payload = error_json(fatal.type, "RequestId: " + invocation_->request_id + " Error: " + fatal.message);
    }
    error_message_ = read_error_json(answer.payload).message;
    orders_.answer(*invocation_, std::move(answer));
  }
  end_invocation(status, fatal.type);
  begin_stop(status == "timeout" ? "timeout" : "failure", false);
}

// ---- Reset and shutdown

void Lifecycle::shut_down() {
  if (phase_ == Phase::ended) return orders_.settled();
  ending_ = true;
  if (phase_ == Phase::invoking && answered_) {
    // The caller has its answer: the rest of the invocation is not cut off.
    orders_.set_alarm(
        std::min(started_ + settings_.timeout, orders_.now() + Clock::duration(settings_.shutdown_with_external)));
    return;
  }
  end_for_good();
}

void Lifecycle::end_for_good() {
  if (invocation_) abort_invocation();
  if (phase_ == Phase::cold) {
    phase_ = Phase::ended;
    return orders_.settled();
  }
  if (phase_ < Phase::stopping_runtime) begin_stop("spindown", true);
}

void Lifecycle::abort_invocation() {
  // An answer that was given stands; only the work after it is cut off.
  std::string status = function_status_, error_type = function_error_;
  if (!answered_) {
    answered_ = true;
    status = "failure";
    error_type = "Sandbox.Failure";
    Answer answer;
    answer.aborted = true;
    orders_.answer(*invocation_, std::move(answer));
  }
  if (announced_) {
    finish_runtime(status, error_type);
    return end_invocation(status, error_type);
  }
  in_invocation_ = false;
  orders_.ended(*std::exchange(invocation_, nullptr));
}

void Lifecycle::kill() {
  if (ending_ && phase_ == Phase::invoking) end_for_good();
  if (phase_ == Phase::stopping_runtime || phase_ == Phase::stopping_extensions) kill_all();
}

bool Lifecycle::any_alive() const {
  return runtime_alive_ || std::ranges::any_of(extensions_, [](const Extension& e) { return e.alive; });
}

bool Lifecycle::registered(bool external_only) const {
  return std::ranges::any_of(extensions_, [&](const Extension& e) {
    return !e.identifier.empty() && (e.process != 0 ? e.alive : !external_only);
  });
}

void Lifecycle::begin_stop(std::string_view reason, bool end) {
  if (phase_ == Phase::idle) end_idle();
  stop_reason_ = reason;
  stop_started_ = orders_.now();
  registration_open_ = false;
  observe(end ? Observation::Kind::shutdown_started : Observation::Kind::reset_started, {}, false, stop_reason_);
  orders_.flush_telemetry();
  if (!registered(false)) return kill_all();
  if (!runtime_alive_) return stop_extensions();
  phase_ = Phase::stopping_runtime;
  // 300 ms of the 2,000 are the runtime's.
  auto share = registered(true) ? settings_.shutdown_with_external * 3 / 20 : settings_.shutdown_with_internal;
  orders_.set_alarm(stop_started_ + share);
  observe(Observation::Kind::process_killed, "bootstrap", false, "SIGTERM");
  orders_.send_signal(kRuntime, SIGTERM);
}

void Lifecycle::stop_extensions() {
  if (!registered(true)) return kill_all();
  phase_ = Phase::stopping_extensions;
  deadline_ms_ =
      core::epoch_ms(orders_.wall_now() + (stop_started_ + settings_.shutdown_with_external - orders_.now()));
  orders_.set_alarm(stop_started_ + settings_.shutdown_with_external);
  orders_.flush_telemetry();
  for (auto& extension : extensions_) {
    if (!extension.alive) continue;
    if (extension.identifier.empty() || !extension.events.shutdown) {
      observe(Observation::Kind::process_killed, extension.name, true, "SIGKILL");
      orders_.send_signal(extension.process, SIGKILL);
    } else if (extension.state == ExtensionState::ready) {
      tell_shutdown(extension);
    }
  }
  check_stopped();
}

void Lifecycle::tell_shutdown(Extension& extension) {
  extension.told_shutdown = true;
  extension.state = ExtensionState::running;
  orders_.hand_to_extension(extension.identifier, {nullptr, {}, stop_reason_, deadline_ms_});
}

void Lifecycle::kill_all() {
  phase_ = Phase::killing;
  orders_.set_alarm(orders_.now() + kKillPatience);
  if (runtime_alive_) {
    observe(Observation::Kind::process_killed, "bootstrap", false, "SIGKILL");
    orders_.send_signal(kRuntime, SIGKILL);
  }
  for (const auto& extension : extensions_) {
    if (!extension.alive) continue;
    observe(Observation::Kind::process_killed, extension.name, true, "SIGKILL");
    orders_.send_signal(extension.process, SIGKILL);
  }
  check_stopped();
}

void Lifecycle::check_stopped() {
  if (phase_ == Phase::stopping_runtime) {
    if (!runtime_alive_) stop_extensions();
  } else if (!any_alive()) {
    go_on_after_stop();
  }
}

void Lifecycle::go_on_after_stop() {
  orders_.set_alarm(Clock::time_point::max());
  runtime_alive_ = false;
  extensions_.clear();
  if (ending_) {
    phase_ = Phase::ended;
    observe(Observation::Kind::shutdown_ended);
    return orders_.settled();
  }
  phase_ = Phase::cold;
  if (!invocation_) return orders_.settled();
  in_invocation_ = true;
  begin_init("invoke");
}

// ---- What the world reports

void Lifecycle::process_exited(ProcessId id, std::string_view how, bool out_of_memory) {
  if (phase_ == Phase::cold || phase_ == Phase::ended) return;  // given up before
  std::string status = how.empty() ? "exit status 0" : std::string(how);
  if (id == kRuntime) {
    runtime_alive_ = false;
    observe(Observation::Kind::process_exited, "bootstrap", false, status);
  } else {
    Extension& extension = extensions_.at(id - 1);
    extension.alive = false;
    observe(Observation::Kind::process_exited, extension.name, true, status);
  }
  if (phase_ >= Phase::stopping_runtime) return check_stopped();

  if (id == kRuntime) {
    auto message = how.empty() ? std::string("Runtime exited without providing a reason")
                               : "Runtime exited with error: " + std::string(how);
    note_fatal({out_of_memory ? "Runtime.OutOfMemory" : "Runtime.ExitError", std::move(message), {}});
  } else {
    Extension& extension = extensions_[id - 1];
    if (extension.error_type.empty()) extension.error_type = "Extension.Crash";
    if (extension.state != ExtensionState::init_error && extension.state != ExtensionState::exit_error) {
      extension.state = ExtensionState::exited;
    }
    note_fatal({"Extension.Crash", how.empty() ? "exit code 0" : std::string(how), {}});
  }
  if (is_initialising()) return fail_init("error");
  if (phase_ == Phase::invoking) return fail_invocation("error", *fatal_);
  begin_stop("failure", false);  // between invocations: the next one finds new processes
}

void Lifecycle::alarm() {
  switch (phase_) {
    case Phase::extension_init:
    case Phase::runtime_init: return fail_init("timeout");
    case Phase::invoking:
      if (ending_) return end_for_good();
      return fail_invocation("timeout", {"Sandbox.Timedout", timeout_message(settings_.timeout), {}});
    case Phase::stopping_runtime:
      observe(Observation::Kind::process_killed, "bootstrap", false, "SIGKILL");
      orders_.send_signal(kRuntime, SIGKILL);
      return stop_extensions();
    case Phase::stopping_extensions: return kill_all();
    case Phase::killing: return go_on_after_stop();
    case Phase::idle:
      frozen_ = true;
      orders_.freeze();
      return observe(Observation::Kind::frozen);
    case Phase::cold:
    case Phase::ended: return;
  }
}

}  // namespace mayfly::emulator
