#include "emulator/lifecycle/managed_lifecycle.h"

#include <algorithm>

#include "emulator/lifecycle/error_json.h"

namespace mayfly::emulator {

namespace {

using std::chrono::nanoseconds;
using Kind = Observation::Kind;

constexpr std::string_view kPhase = "init";

ApiError unknown_id() { return {400, "InvalidRequestID", "Invalid request ID"}; }
ApiError too_late() { return {410, "InvokeTimeout", "Invoke timeout"}; }

}  // namespace

// ---- Init

void ManagedLifecycle::start() {
  if (phase_ == Phase::cold) begin_init();
}

void ManagedLifecycle::begin_init() {
  phase_ = Phase::extension_init;
  auto names = orders_.new_generation();
  init_started_ = orders_.now();
  orders_.set_alarm(init_started_ + settings_.init_limit);
  witness_.init_started(kPhase);
  if (auto started = extensions_.start(names); !started) {
    note_fatal(fatal_, {started.error().error_type, started.error().message, {}});
    return fail_init("error");
  }
  check_init();
}

void ManagedLifecycle::start_runtime() {
  phase_ = Phase::runtime_init;
  auto started = orders_.start_runtime();
  if (!started) {
    note_fatal(fatal_, {started.error().error_type, started.error().message, {}});
    return fail_init("error");
  }
  runtime_alive_ = true;
  witness_.tell(Kind::process_started, "bootstrap");
}

void ManagedLifecycle::check_init() {
  if (phase_ == Phase::extension_init) {
    if (extensions_.all_registered()) start_runtime();
  } else if (phase_ == Phase::runtime_init) {
    if (runtime_ready_ && extensions_.all_ready()) end_init();
  }
}

void ManagedLifecycle::end_init() {
  phase_ = Phase::ready;
  orders_.set_alarm(Clock::time_point::max());
  orders_.drain_output();
  extensions_.settle();
  witness_.init_ended(kPhase, "success", {}, orders_.now() - init_started_);
  for (auto& call : calls_) begin(call);
}

void ManagedLifecycle::fail_init(std::string_view status) {
  if (!fatal_) fatal_ = Fatal{"Runtime.Unknown", "Init did not end in time", {}};
  orders_.drain_output();
  if (!runtime_ready_) witness_.runtime_init_ended(kPhase, status, fatal_->type);
  extensions_.settle();
  witness_.init_ended(kPhase, status, fatal_->type, orders_.now() - init_started_);
  for (auto& call : calls_) {
    call.started = orders_.now();
    call.announced = true;
    witness_.invocation_started(*call.invocation, true);
  }
  fail_all(*fatal_);
  begin_stop(status == "timeout" ? "timeout" : "failure");
}

// ---- Invoke

void ManagedLifecycle::invoke(std::shared_ptr<const Invocation> invocation) {
  if (find(invocation->request_id) != calls_.end()) {
    Answer answer;
    answer.error_type = "Client.DuplicatedInvokeId";
    answer.payload = error_json(answer.error_type, "An invocation with this request id is open");
    orders_.answer(*invocation, std::move(answer));
    return orders_.ended(*invocation);
  }
  Call& call = calls_.emplace_back();
  call.invocation = std::move(invocation);
  if (phase_ == Phase::cold) return begin_init();
  if (phase_ == Phase::ready) begin(call);
}

void ManagedLifecycle::begin(Call& call) {
  call.started = orders_.now();
  call.deadline_ms = core::epoch_ms(orders_.wall_now() + settings_.timeout);
  watch_deadline();
  call.announced = true;
  witness_.invocation_started(*call.invocation, !ever_answered_);
  ++waiting_;
  hand_out_waiting();
  if (waiting_ > 0 && !std::exchange(told_of_waiting_, true)) {
    witness_.tell(Kind::notice, {}, false,
                  "a call waits: the runtime has fewer workers in `next` than calls; up to " +
                      std::to_string(settings_.max_concurrency) + " may come at once (AWS_LAMBDA_MAX_CONCURRENCY)");
  }
}

void ManagedLifecycle::hand_out_waiting() {
  for (auto call = calls_.begin(); waiting_ > 0 && idle_workers_ > 0 && call != calls_.end(); ++call) {
    if (call->invocation_id.empty()) hand_out(*call);
  }
}

void ManagedLifecycle::hand_out(Call& call) {
  --waiting_;
  --idle_workers_;
  call.invocation_id = orders_.new_uuid();
  call.handed_out = orders_.now();
  call.spans.started = orders_.wall_now();
  orders_.hand_to_runtime({call.invocation, call.invocation_id, call.deadline_ms});
}

void ManagedLifecycle::finish(Calls::iterator call, Answer answer, std::string_view status) {
  auto answered_at = orders_.now();
  ever_answered_ = true;
  call->spans.responded = true;
  call->spans.response_latency = std::max(nanoseconds{0}, nanoseconds(call->first_byte - call->handed_out));
  call->spans.response_duration = answered_at - std::max(call->first_byte, call->handed_out);
  orders_.drain_output();
  tell(Kind::responded, *call, status, answer);
  auto error_type = status == "success" ? std::string() : answer.error_type;
  end(call, std::move(answer), status, error_type);
  orders_.settled();
}

void ManagedLifecycle::end(Calls::iterator call, Answer answer, std::string_view status,
                           const std::string& error_type) {
  auto until = orders_.now();
  if (status == "timeout") until = std::min(until, call->started + settings_.timeout);
  Report report;
  report.request_id = call->invocation->request_id;
  report.status = status;
  report.error_type = error_type;
  if (status != "success") report.error_message = read_error_json(answer.payload).message;
  report.duration = until - call->started;
  report.memory_mb = settings_.memory_mb;
  report.max_memory_mb = orders_.max_memory_mb();
  if (call->invocation_id.empty() && phase_ == Phase::ready) --waiting_;
  Call ended = std::move(*call);
  calls_.erase(call);
  orders_.answer(*ended.invocation, std::move(answer));
  witness_.invocation_ended(*ended.invocation, report, ended.spans);
  orders_.ended(*ended.invocation);
}

void ManagedLifecycle::fail(Calls::iterator call, std::string_view status, const Fatal& fatal) {
  Answer answer;
  answer.from_function = false;
  answer.error_type = fatal.type;
  answer.payload = fatal_json(fatal, call->invocation->request_id);
  end(call, std::move(answer), status, fatal.type);
}

void ManagedLifecycle::fail_all(const Fatal& fatal) {
  while (!calls_.empty()) fail(calls_.begin(), "error", fatal);
}

void ManagedLifecycle::abort(Calls::iterator call) {
  Answer answer;
  answer.aborted = true;
  if (call->announced) return end(call, std::move(answer), "failure", "Sandbox.Failure");
  auto invocation = std::move(call->invocation);
  calls_.erase(call);
  orders_.answer(*invocation, std::move(answer));
  orders_.ended(*invocation);
}

// The alarm is not set anew for each invocation: where it rings for one that has
// ended meanwhile, it is set for the next.
void ManagedLifecycle::watch_deadline() {
  if (watching_deadline_ || calls_.empty()) return;
  watching_deadline_ = true;
  orders_.set_alarm(calls_.front().started + settings_.timeout);
}

void ManagedLifecycle::expire() {
  watching_deadline_ = false;
  orders_.drain_output();
  const Fatal timeout{"Sandbox.Timedout", timeout_message(settings_.timeout), {}};
  while (!calls_.empty() && calls_.front().started + settings_.timeout <= orders_.now()) {
    if (!calls_.front().invocation_id.empty()) {
      late_.push_back(calls_.front().invocation->request_id);
      if (late_.size() > kMaxLate) late_.pop_front();
    }
    fail(calls_.begin(), "timeout", timeout);
  }
  watch_deadline();
  orders_.settled();
}

// ---- Runtime API

Accepted ManagedLifecycle::runtime_next() {
  if (runtime_failed_ || phase_ == Phase::cold || phase_ == Phase::extension_init) {
    return unexpected(
        forbidden_transition(runtime_failed_ ? "InitError" : "Started", "Ready", "runtime", "InvalidStateTransition"));
  }
  end_broken_responses();
  ++idle_workers_;
  if (phase_ == Phase::ready) {
    hand_out_waiting();
  } else if (phase_ == Phase::runtime_init && !std::exchange(runtime_ready_, true)) {
    extensions_.close_registration();
    witness_.tell(Kind::process_ready, "bootstrap");
    orders_.drain_output();
    witness_.runtime_init_ended(kPhase, "success", {});
    check_init();
  }
  return {};
}

ManagedLifecycle::Calls::iterator ManagedLifecycle::find(std::string_view request_id) {
  return std::ranges::find_if(calls_, [&](const Call& call) { return call.invocation->request_id == request_id; });
}

ManagedLifecycle::Calls::const_iterator ManagedLifecycle::find(std::string_view request_id) const {
  return std::ranges::find_if(calls_, [&](const Call& call) { return call.invocation->request_id == request_id; });
}

Accepted ManagedLifecycle::check_response(std::string_view request_id, std::string_view invocation_id,
                                          bool error) const {
  auto call = find(request_id);
  if (call == calls_.end() || call->invocation_id.empty()) {
    bool late = std::ranges::find(late_, request_id) != late_.end();
    return unexpected(late ? too_late() : unknown_id());
  }
  if (!invocation_id.empty() && invocation_id != call->invocation_id) return unexpected(too_late());
  if (call->responding && !error) return unexpected(unknown_id());
  return {};
}

Accepted ManagedLifecycle::runtime_response(std::string_view request_id, std::string_view invocation_id,
                                            std::string payload, Clock::time_point first_byte,
                                            std::string content_type) {
  auto accepted = check_response(request_id, invocation_id, false);
  if (!accepted) return accepted;
  auto call = find(request_id);
  call->first_byte = first_byte;
  Answer answer;
  answer.content_type = std::move(content_type);
  answer.payload = std::move(payload);
  finish(call, std::move(answer), "success");
  return accepted;
}

Accepted ManagedLifecycle::runtime_error(std::string_view request_id, std::string_view invocation_id,
                                         std::string payload, std::string error_type, Clock::time_point first_byte) {
  auto accepted = check_response(request_id, invocation_id, true);
  if (!accepted) return accepted;
  auto call = find(request_id);
  if (!call->responding) call->first_byte = first_byte;
  Answer answer;
  answer.payload = std::move(payload);
  answer.error_type = std::move(error_type);
  finish(call, std::move(answer), "error");
  return accepted;
}

Accepted ManagedLifecycle::runtime_init_error(std::string payload, std::string error_type) {
  if (phase_ != Phase::runtime_init || runtime_ready_ || runtime_failed_) {
    return unexpected(forbidden_transition(runtime_failed_ ? "InitError" : "Ready", "InitError", "runtime",
                                           "InvalidStateTransition"));
  }
  runtime_failed_ = true;
  note_fatal(fatal_, {std::move(error_type), {}, std::move(payload)});
  return {};  // what ends the Init phase is the exit that follows
}

bool ManagedLifecycle::wants_parts(std::string_view request_id) const {
  auto call = find(request_id);
  return call != calls_.end() && call->invocation->in_parts;
}

void ManagedLifecycle::response_begins(std::string_view request_id, Answer answer, Clock::time_point first_byte) {
  auto call = find(request_id);
  if (call == calls_.end()) return;
  call->responding = true;
  call->first_byte = first_byte;
  tell(Kind::response_began, *call);
  if (answer.stream) orders_.answer(*call->invocation, std::move(answer));
}

ManagedLifecycle::Calls::iterator ManagedLifecycle::responding(std::string_view request_id) {
  auto call = find(request_id);
  return call != calls_.end() && call->responding ? call : calls_.end();
}

bool ManagedLifecycle::response_continues(std::string_view request_id, std::size_t) {
  return responding(request_id) != calls_.end();
}

void ManagedLifecycle::response_ends(std::string_view request_id, Answer end, std::string_view status) {
  if (auto call = responding(request_id); call != calls_.end()) finish(call, std::move(end), status);
}

void ManagedLifecycle::response_breaks(std::string_view request_id) {
  if (auto call = responding(request_id); call != calls_.end()) call->broken = true;
}

// The runtime lives, so that it was not its end that broke them off.
void ManagedLifecycle::end_broken_responses() {
  for (auto call = calls_.begin(); call != calls_.end();) {
    auto this_one = call++;
    if (!this_one->broken) continue;
    Answer end;
    end.error_type = "Runtime.TruncatedResponse";
    end.payload = fatal_json({end.error_type, "Response was truncated", {}}, this_one->invocation->request_id);
    finish(this_one, std::move(end), "error");
  }
}

// ---- Extensions API

expected<std::string, ApiError> ManagedLifecycle::extension_register(const std::string& name, Registration events) {
  auto identifier = extensions_.enlist(name, events);
  if (identifier) check_init();
  return identifier;
}

Accepted ManagedLifecycle::extension_next(std::string_view identifier) {
  auto waiting = extensions_.wait(identifier);
  if (!waiting) return unexpected(waiting.error());
  Extensions::Extension& extension = *waiting->extension;
  if (phase_ == Phase::stopping) {
    if (waiting->when != waiting->as_before) shutdown_.extension_waits(extension);
  } else if (waiting->when == waiting->first) {
    witness_.tell(Kind::process_ready, extension.name, extension.process != 0);
    check_init();
  }
  return {};
}

Accepted ManagedLifecycle::extension_init_error(std::string_view identifier, std::string error_type) {
  auto accepted = extensions_.init_error(identifier, std::move(error_type));
  if (accepted) note_fatal(fatal_, {"Extension.InitError", {}, {}});
  return accepted;
}

Accepted ManagedLifecycle::extension_exit_error(std::string_view identifier, std::string error_type) {
  auto accepted = extensions_.exit_error(identifier, std::move(error_type));
  if (accepted) note_fatal(fatal_, {"Extension.ExitError", {}, {}});
  return accepted;
}

// ---- What the world reports, and the end

void ManagedLifecycle::process_exited(ProcessId id, std::string_view how, bool out_of_memory) {
  if (phase_ == Phase::cold || phase_ == Phase::ended) return;  // given up before
  bool runtime = id == kRuntime;
  if (runtime) {
    runtime_alive_ = false;
  } else {
    extensions_.exited(id);
  }
  witness_.tell(Kind::process_exited, runtime ? "bootstrap" : extensions_.name_of(id), !runtime,
                how.empty() ? "exit status 0" : std::string(how));
  if (phase_ == Phase::stopping) {
    if (runtime ? shutdown_.runtime_exited() : shutdown_.extension_exited()) stopped();
    return;
  }
  if (!runtime) extensions_.crashed(id);
  note_fatal(fatal_, runtime ? exit_of_runtime(how, out_of_memory) : exit_of_extension(how));
  if (phase_ != Phase::ready) return fail_init("error");
  orders_.drain_output();
  fail_all(*fatal_);
  begin_stop("failure");
}

void ManagedLifecycle::alarm() {
  switch (phase_) {
    case Phase::extension_init:
    case Phase::runtime_init: return fail_init("timeout");
    case Phase::ready: return expire();
    case Phase::stopping:
      if (shutdown_.alarm()) stopped();
      return;
    case Phase::cold:
    case Phase::ended: return;
  }
}

void ManagedLifecycle::shut_down() {
  if (phase_ == Phase::stopping || phase_ == Phase::ended) return;
  while (!calls_.empty()) abort(calls_.begin());
  if (phase_ != Phase::cold) return begin_stop("spindown");
  phase_ = Phase::ended;
  orders_.settled();
}

void ManagedLifecycle::kill() {
  if (phase_ == Phase::stopping && shutdown_.kill()) stopped();
}

void ManagedLifecycle::begin_stop(std::string_view reason) {
  phase_ = Phase::stopping;
  waiting_ = 0;
  if (shutdown_.begin(reason, true, runtime_alive_)) stopped();
}

void ManagedLifecycle::stopped() {
  phase_ = Phase::ended;
  witness_.tell(Kind::shutdown_ended);
  orders_.settled();
}

void ManagedLifecycle::tell(Kind kind, const Call& call, std::string_view status, const Answer& answer) {
  Observation what;
  what.kind = kind;
  what.process = "bootstrap";
  what.number = call.invocation->number;
  what.request_id = call.invocation->request_id;
  what.status = status;
  what.detail = answer.error_type;
  if (!answer.error_type.empty()) {
    auto words = read_error_json(answer.payload);
    if (!words.type.empty()) what.detail = words.type;
    what.message = words.message;
  }
  witness_.observe(std::move(what));
}

}  // namespace mayfly::emulator
