#include "emulator/lifecycle/on_demand_lifecycle.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <utility>

#include "emulator/lifecycle/error_json.h"

namespace mayfly::emulator {

namespace {

using std::chrono::nanoseconds;

std::int64_t rounded_up_ms(nanoseconds duration) {
  return std::chrono::ceil<std::chrono::milliseconds>(duration).count();
}

}  // namespace

// ---- Init

void OnDemandLifecycle::invoke(std::shared_ptr<const Invocation> invocation) {
  invocation_ = std::move(invocation);
  in_invocation_ = announced_ = answered_ = runtime_done_ = false;
  response_broken_ = false;
  witness_.invocation_taken(*invocation_);
  if (phase_ == Phase::idle) {
    end_idle();
    return begin_invocation();
  }
  retry_pause_ = retry_pause_.zero();
  if (ever_initialised_) {
    start_clock();
    return begin_init("invoke");
  }
  begin_init("init");
}

// The function's timeout begins.
void OnDemandLifecycle::start_clock() {
  in_invocation_ = true;
  started_ = orders_.now();
  deadline_ms_ = core::epoch_ms(orders_.wall_now() + settings_.timeout);
}

void OnDemandLifecycle::begin_init(std::string_view phase) {
  init_phase_ = phase;
  phase_ = Phase::extension_init;
  runtime_ = RuntimeState::started;
  runtime_init_done_ = false;
  fatal_.reset();

  auto names = orders_.new_generation();
  init_started_ = orders_.now();
  orders_.set_alarm(in_invocation_ ? started_ + settings_.timeout : init_started_ + settings_.init_limit);
  witness_.init_started(phase);

  if (auto started = extensions_.start(names); !started) {
    note_fatal(fatal_, {started.error().error_type, started.error().message, {}});
    return fail_init("error");
  }
  check_init();
}

void OnDemandLifecycle::start_runtime() {
  phase_ = Phase::runtime_init;
  auto started = orders_.start_runtime();
  if (!started) {
    note_fatal(fatal_, {started.error().error_type, started.error().message, {}});
    return fail_init("error");
  }
  runtime_alive_ = settings_.start_runtime;  // its end could not be seen
  witness_.tell(Observation::Kind::process_started, "bootstrap");
}

void OnDemandLifecycle::check_init() {
  if (phase_ == Phase::extension_init) {
    if (extensions_.all_registered()) start_runtime();
  } else if (phase_ == Phase::runtime_init) {
    if (runtime_ == RuntimeState::ready && extensions_.all_ready()) end_init();
  }
}

void OnDemandLifecycle::end_init() {
  auto duration = orders_.now() - init_started_;
  if (!ever_initialised_) init_to_bill_ = duration;
  ever_initialised_ = true;
  orders_.drain_output();
  extensions_.settle();
  witness_.init_ended(init_phase_, "success", {}, duration);
  begin_invocation();
}

void OnDemandLifecycle::fail_init(std::string_view status, bool try_again) {
  if (!fatal_) {
    fatal_ = status == "timeout" && in_invocation_ ? Fatal{"Sandbox.Timedout", timeout_message(settings_.timeout), {}}
                                                   : Fatal{"Runtime.Unknown", "Init did not end in time", {}};
  }
  auto duration = orders_.now() - init_started_;
  ever_initialised_ = true;
  orders_.drain_output();
  if (!runtime_init_done_) witness_.runtime_init_ended(init_phase_, status, fatal_->type);
  extensions_.settle();
  witness_.init_ended(init_phase_, status, fatal_->type, duration);
  if (in_invocation_ && !try_again) return fail_invocation(status, *fatal_);
  if (in_invocation_) retry_pause_ = std::clamp(retry_pause_ * 2, kFirstRetryPause, kLongestRetryPause);
  begin_stop(status == "timeout" ? "timeout" : "failure");  // and then the retry
}

// ---- Invoke

void OnDemandLifecycle::begin_invocation() {
  if (!invocation_) {
    begin_idle();
    return orders_.settled();
  }
  phase_ = Phase::invoking;
  orders_.drain_output();
  if (!in_invocation_) {
    start_clock();
    orders_.set_alarm(started_ + settings_.timeout);
  }
  announced_ = true;
  witness_.invocation_started(*invocation_, !ever_answered_);
  hand_out();
}

void OnDemandLifecycle::begin_idle() {
  phase_ = Phase::idle;
  orders_.set_alarm(settings_.freeze ? orders_.now() + kIdleBeforeFreeze : Clock::time_point::max());
}

void OnDemandLifecycle::end_idle() {
  orders_.thaw();
  if (std::exchange(frozen_, false)) witness_.tell(Observation::Kind::thawed);
}

void OnDemandLifecycle::hand_out() {
  invocation_id_ = orders_.new_uuid();
  spans_ = {};
  spans_.started = orders_.wall_now();
  handed_out_ = orders_.now();
  for (auto& extension : extensions_.list()) {
    if (!extension.events.invoke) continue;
    extension.state = Extensions::State::running;
    orders_.hand_to_extension(extension.identifier, {invocation_, orders_.new_uuid(), {}, deadline_ms_});
  }
  runtime_ = RuntimeState::running;
  orders_.hand_to_runtime({invocation_, invocation_id_, deadline_ms_});
}

void OnDemandLifecycle::accept_answer(Answer answer, std::string_view status, Clock::time_point first_byte) {
  first_byte_ = first_byte;
  produced_bytes_ = answer.payload.size();
  finish_answer(std::move(answer), status);
}

void OnDemandLifecycle::finish_answer(Answer answer, std::string_view status) {
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

void OnDemandLifecycle::finish_runtime(std::string_view status, std::string_view error_type) {
  if (runtime_done_) return;
  runtime_done_ = true;
  auto end = orders_.now();
  if (status == "timeout") end = std::min(end, started_ + settings_.timeout);
  if (spans_.responded) spans_.runtime_overhead = end - answered_at_;
  witness_.runtime_done(*invocation_, status, error_type, end - started_, produced_bytes_, spans_);
}

void OnDemandLifecycle::check_invocation() {
  if (phase_ != Phase::invoking || !runtime_done_ || runtime_ != RuntimeState::ready) return;
  for (const auto& extension : extensions_.list()) {
    if (extension.events.invoke && extension.state != Extensions::State::ready) return;
  }
  begin_idle();
  end_invocation(function_status_, function_error_);
  if (ending_) return begin_stop("spindown");
  orders_.settled();
}

void OnDemandLifecycle::end_invocation(std::string_view status, std::string_view error_type) {
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

void OnDemandLifecycle::fail_invocation(std::string_view status, const Fatal& fatal) {
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
    answer.payload = fatal_json(fatal, invocation_->request_id);
    error_message_ = read_error_json(answer.payload).message;
    orders_.answer(*invocation_, std::move(answer));
  }
  end_invocation(status, fatal.type);
  begin_stop(status == "timeout" ? "timeout" : "failure");
}

// ---- Reset and shutdown

void OnDemandLifecycle::shut_down() {
  if (std::exchange(ending_, true)) return;
  if (phase_ == Phase::invoking && answered_) {
    // The caller has its answer: the rest of the invocation is not cut off.
    orders_.set_alarm(
        std::min(started_ + settings_.timeout, orders_.now() + Clock::duration(settings_.shutdown_with_external)));
    return;
  }
  end_for_good();
}

void OnDemandLifecycle::end_for_good() {
  if (invocation_) abort_invocation();
  if (phase_ == Phase::cold && !ever_initialised_) {  // nobody has heard of it
    phase_ = Phase::ended;
    return orders_.settled();
  }
  if (phase_ == Phase::cold || phase_ == Phase::stopping) {  // what was a reset is the end
    witness_.tell(Observation::Kind::shutdown_started, {}, false, "spindown");
    if (phase_ == Phase::cold) go_on_after_stop();
  } else {
    begin_stop("spindown");
  }
}

void OnDemandLifecycle::abort_invocation() {
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

void OnDemandLifecycle::kill() {
  if (ending_ && phase_ == Phase::invoking) end_for_good();
  if (phase_ == Phase::stopping && shutdown_.kill()) go_on_after_stop();
}

void OnDemandLifecycle::begin_stop(std::string_view reason) {
  if (phase_ == Phase::idle) end_idle();
  phase_ = Phase::stopping;
  if (shutdown_.begin(reason, ending_, runtime_alive_)) go_on_after_stop();
}

void OnDemandLifecycle::go_on_after_stop() {
  runtime_alive_ = false;
  extensions_.clear();
  if (ending_) {
    phase_ = Phase::ended;
    witness_.tell(Observation::Kind::shutdown_ended);
    return orders_.settled();
  }
  phase_ = Phase::cold;
  if (!invocation_) return orders_.settled();
  if (retry_pause_.count() > 0) {
    phase_ = Phase::pausing;
    return orders_.set_alarm(std::min(orders_.now() + retry_pause_, started_ + settings_.timeout));
  }
  start_clock();
  begin_init("invoke");
}

// ---- What the world reports

void OnDemandLifecycle::process_exited(ProcessId id, std::string_view how, bool out_of_memory) {
  if (phase_ == Phase::cold || phase_ == Phase::pausing || phase_ == Phase::ended) return;  // given up before
  std::string status = how.empty() ? "exit status 0" : std::string(how);
  bool runtime = id == kRuntime;
  if (runtime) {
    runtime_alive_ = false;
  } else {
    extensions_.exited(id);
  }
  witness_.tell(Observation::Kind::process_exited, runtime ? "bootstrap" : extensions_.name_of(id), !runtime, status);
  if (phase_ == Phase::stopping) {
    if (runtime ? shutdown_.runtime_exited() : shutdown_.extension_exited()) go_on_after_stop();
    return;
  }
  if (!runtime) extensions_.crashed(id);
  note_fatal(fatal_, runtime ? exit_of_runtime(how, out_of_memory) : exit_of_extension(how));
  if (is_initialising()) {
    bool crash = runtime && how.starts_with("signal: ") && !out_of_memory && runtime_ != RuntimeState::init_error;
    return fail_init("error", crash && settings_.keep_trying_init);
  }
  if (phase_ == Phase::invoking) return fail_invocation("error", *fatal_);
  begin_stop("failure");  // between invocations: the next one finds new processes
}

void OnDemandLifecycle::alarm() {
  switch (phase_) {
    case Phase::extension_init:
    case Phase::runtime_init: return fail_init("timeout");
    case Phase::pausing:
      if (orders_.now() < started_ + settings_.timeout) return begin_init("invoke");
      [[fallthrough]];
    case Phase::invoking:
      if (ending_) return end_for_good();
      return fail_invocation("timeout", {"Sandbox.Timedout", timeout_message(settings_.timeout), {}});
    case Phase::stopping:
      if (shutdown_.alarm()) go_on_after_stop();
      return;
    case Phase::idle:
      frozen_ = true;
      orders_.freeze();
      return witness_.tell(Observation::Kind::frozen);
    case Phase::cold:
    case Phase::ended: return;
  }
}

}  // namespace mayfly::emulator
