// The part of the state machine that the APIs talk to: what a runtime and
// extensions may call in which state, and how they are refused.

#include <algorithm>
#include <utility>

#include "emulator/identifiers.h"
#include "emulator/lifecycle/error_json.h"
#include "emulator/lifecycle/on_demand_lifecycle.h"

namespace mayfly::emulator {

std::string_view OnDemandLifecycle::name_of(RuntimeState state) {
  switch (state) {
    case RuntimeState::started: return "Started";
    case RuntimeState::ready: return "Ready";
    case RuntimeState::running: return "Running";
    case RuntimeState::responding: return "InvocationResponse";
    case RuntimeState::response_sent: return "RuntimeResponseSentState";
    case RuntimeState::init_error: return "InitError";
  }
  return {};
}

unexpected<ApiError> OnDemandLifecycle::refused(RuntimeState from, std::string_view to) {
  return unexpected(forbidden_transition(name_of(from), to, "runtime", "InvalidStateTransition"));
}

// ---- Runtime API

Accepted OnDemandLifecycle::runtime_next() {
  switch (runtime_) {
    case RuntimeState::init_error: return refused(runtime_, "Ready");
    case RuntimeState::started:
      if (phase_ != Phase::runtime_init) return refused(runtime_, "Ready");
      runtime_ = RuntimeState::ready;
      extensions_.close_registration();
      runtime_init_done_ = true;
      witness_.tell(Observation::Kind::process_ready, "bootstrap");
      orders_.drain_output();
      witness_.runtime_init_ended(init_phase_, "success", {});
      check_init();
      return {};
    case RuntimeState::running:
      // The event again: the runtime may have lost the connection it came on.
      if (phase_ == Phase::invoking) orders_.hand_to_runtime({invocation_, invocation_id_, deadline_ms_});
      return {};
    case RuntimeState::responding:
      if (!response_broken_) return refused(runtime_, "Ready");
      if (phase_ == Phase::invoking) end_broken_response();
      [[fallthrough]];
    case RuntimeState::response_sent:
      runtime_ = RuntimeState::ready;
      if (phase_ != Phase::invoking) return {};
      orders_.drain_output();
      witness_.tell(Observation::Kind::process_idle, "bootstrap");
      finish_runtime(function_status_, function_error_);
      check_invocation();
      return {};
    case RuntimeState::ready: return {};
  }
  return {};
}

Accepted OnDemandLifecycle::check_response(std::string_view request_id, std::string_view invocation_id,
                                           bool error) const {
  if (phase_ != Phase::invoking || request_id != invocation_->request_id) {
    return unexpected(ApiError{400, "InvalidRequestID", "Invalid request ID"});
  }
  if (!invocation_id.empty() && invocation_id != invocation_id_) {
    return unexpected(ApiError{410, "InvokeTimeout", "Invoke timeout"});
  }
  if (runtime_ != RuntimeState::running) {
    return refused(runtime_, error ? "InvocationErrorResponse" : "InvocationResponse");
  }
  return {};
}

Accepted OnDemandLifecycle::runtime_response(std::string_view request_id, std::string_view invocation_id,
                                             std::string payload, Clock::time_point first_byte,
                                             std::string content_type) {
  auto accepted = check_response(request_id, invocation_id, false);
  if (accepted) {
    Answer answer;
    answer.content_type = std::move(content_type);
    answer.payload = std::move(payload);
    accept_answer(std::move(answer), "success", first_byte);
  }
  return accepted;
}

Accepted OnDemandLifecycle::runtime_error(std::string_view request_id, std::string_view invocation_id,
                                          std::string payload, std::string error_type, Clock::time_point first_byte) {
  auto accepted = check_response(request_id, invocation_id, true);
  if (accepted) {
    Answer answer;
    answer.payload = std::move(payload);
    answer.error_type = std::move(error_type);
    accept_answer(std::move(answer), "error", first_byte);
  }
  return accepted;
}

bool OnDemandLifecycle::is_responding(std::string_view request_id) const {
  return phase_ == Phase::invoking && runtime_ == RuntimeState::responding && request_id == invocation_->request_id;
}

void OnDemandLifecycle::response_begins(std::string_view, Answer answer, Clock::time_point first_byte) {
  runtime_ = RuntimeState::responding;
  first_byte_ = first_byte;
  witness_.tell(Observation::Kind::response_began, "bootstrap");
  if (answer.stream) orders_.answer(*invocation_, std::move(answer));
}

bool OnDemandLifecycle::response_continues(std::string_view request_id, std::size_t bytes) {
  if (!is_responding(request_id)) return false;
  produced_bytes_ += bytes;
  return true;
}

void OnDemandLifecycle::response_ends(std::string_view request_id, Answer end, std::string_view status) {
  if (is_responding(request_id)) finish_answer(std::move(end), status);
}

void OnDemandLifecycle::response_breaks(std::string_view request_id) {
  if (is_responding(request_id)) response_broken_ = true;
}

void OnDemandLifecycle::end_broken_response() {
  Answer end;
  end.error_type = "Runtime.TruncatedResponse";
  end.payload = error_json(end.error_type, "RequestId: " + invocation_->request_id + " Error: Response was truncated");
  finish_answer(std::move(end), "error");
}

Accepted OnDemandLifecycle::runtime_init_error(std::string payload, std::string error_type) {
  if (runtime_ != RuntimeState::started || phase_ != Phase::runtime_init) return refused(runtime_, "InitError");
  if (!settings_.start_runtime) return {};  // it will be started once more
  runtime_ = RuntimeState::init_error;
  note_fatal(fatal_, {std::move(error_type), {}, std::move(payload)});
  return {};  // what ends the Init phase is the exit that follows
}

// ---- Extensions API

expected<std::string, ApiError> OnDemandLifecycle::extension_register(const std::string& name, Registration events) {
  auto identifier = extensions_.enlist(name, events);
  if (identifier) check_init();
  return identifier;
}

Accepted OnDemandLifecycle::extension_next(std::string_view identifier) {
  auto waiting = extensions_.wait(identifier);
  if (!waiting) return unexpected(waiting.error());
  if (waiting->when == waiting->as_before) return {};
  Extensions::Extension& extension = *waiting->extension;
  bool external = extension.process != 0;
  if (phase_ == Phase::stopping) {
    shutdown_.extension_waits(extension);
  } else if (waiting->when == waiting->first) {
    witness_.tell(Observation::Kind::process_ready, extension.name, external);
    check_init();
  } else {
    witness_.tell(Observation::Kind::process_idle, extension.name, external);
    check_invocation();
  }
  return {};
}

Accepted OnDemandLifecycle::extension_init_error(std::string_view identifier, std::string error_type) {
  auto accepted = extensions_.init_error(identifier, std::move(error_type));
  if (accepted) note_fatal(fatal_, {"Extension.InitError", {}, {}});
  return accepted;
}

Accepted OnDemandLifecycle::extension_exit_error(std::string_view identifier, std::string error_type) {
  auto accepted = extensions_.exit_error(identifier, std::move(error_type));
  if (accepted) note_fatal(fatal_, {"Extension.ExitError", {}, {}});
  return accepted;
}

}  // namespace mayfly::emulator
