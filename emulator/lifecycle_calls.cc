// The part of the state machine that the APIs talk to: what a runtime and
// extensions may call in which state, and how they are refused.

#include <algorithm>
#include <utility>

#include "emulator/error_json.h"
#include "emulator/identifiers.h"
#include "emulator/lifecycle.h"

namespace mayfly::emulator {

namespace {

ApiError forbidden_transition(std::string_view from, std::string_view to, std::string_view who, std::string_view type) {
  std::string message = "State transition from " + std::string(from) + " to " + std::string(to) + " failed for ";
  return {403, std::string(type), message + std::string(who) + ". Error: State transition is not allowed"};
}

unexpected<ApiError> runtime_refused(std::string_view from, std::string_view to) {
  return unexpected(forbidden_transition(from, to, "runtime", "InvalidStateTransition"));
}

}  // namespace

std::string_view Lifecycle::name_of(RuntimeState state) {
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

std::string_view Lifecycle::name_of(ExtensionState state) {
  switch (state) {
    case ExtensionState::started: return "Started";
    case ExtensionState::registered: return "Registered";
    case ExtensionState::ready: return "Ready";
    case ExtensionState::running: return "Running";
    case ExtensionState::init_error: return "InitError";
    case ExtensionState::exit_error: return "ExitError";
    case ExtensionState::exited: return "Exited";
    case ExtensionState::launch_error: return "LaunchError";
  }
  return {};
}

// ---- Runtime API

Accepted Lifecycle::runtime_next() {
  switch (runtime_) {
    case RuntimeState::init_error: return runtime_refused(name_of(runtime_), "Ready");
    case RuntimeState::started:
      if (phase_ != Phase::runtime_init) return runtime_refused(name_of(runtime_), "Ready");
      runtime_ = RuntimeState::ready;
      registration_open_ = false;
      runtime_init_done_ = true;
      observe(Observation::Kind::process_ready, "bootstrap");
      orders_.drain_output();
      witness_.runtime_init_ended(init_phase_, "success", {});
      check_init();
      return {};
    case RuntimeState::running:
      // The event again: the runtime may have lost the connection it came on.
      if (phase_ == Phase::invoking) orders_.hand_to_runtime({invocation_, invocation_id_, deadline_ms_});
      return {};
    case RuntimeState::responding:
      if (!response_broken_) return runtime_refused(name_of(runtime_), "Ready");
      end_broken_response();
      [[fallthrough]];
    case RuntimeState::response_sent:
      runtime_ = RuntimeState::ready;
      if (phase_ != Phase::invoking) return {};
      orders_.drain_output();
      observe(Observation::Kind::process_idle, "bootstrap");
      finish_runtime(function_status_, function_error_);
      check_invocation();
      return {};
    case RuntimeState::ready: return {};
  }
  return {};
}

Accepted Lifecycle::check_response(std::string_view request_id, std::string_view invocation_id, bool error) const {
  if (phase_ != Phase::invoking || request_id != invocation_->request_id) {
    return unexpected(ApiError{400, "InvalidRequestID", "Invalid request ID"});
  }
  if (!invocation_id.empty() && invocation_id != invocation_id_) {
    return unexpected(ApiError{410, "InvokeTimeout", "Invoke timeout"});
  }
  if (runtime_ != RuntimeState::running) {
    return runtime_refused(name_of(runtime_), error ? "InvocationErrorResponse" : "InvocationResponse");
  }
  return {};
}

Accepted Lifecycle::runtime_response(std::string_view request_id, std::string_view invocation_id, std::string payload,
                                     Clock::time_point first_byte, std::string content_type) {
  auto accepted = check_response(request_id, invocation_id, false);
  if (accepted) {
    Answer answer;
    answer.content_type = std::move(content_type);
    answer.payload = std::move(payload);
    accept_answer(std::move(answer), "success", first_byte);
  }
  return accepted;
}

Accepted Lifecycle::runtime_error(std::string_view request_id, std::string_view invocation_id, std::string payload,
                                  std::string error_type, Clock::time_point first_byte) {
  auto accepted = check_response(request_id, invocation_id, true);
  if (accepted) {
    Answer answer;
    answer.payload = std::move(payload);
    answer.error_type = std::move(error_type);
    accept_answer(std::move(answer), "error", first_byte);
  }
  return accepted;
}

Accepted Lifecycle::runtime_response_too_large(std::string_view request_id, std::string_view invocation_id,
                                               Clock::time_point first_byte) {
  return runtime_error(request_id, invocation_id,
                       error_json("Function.ResponseSizeTooLarge",
                                  "Response payload size exceeded maximum allowed payload size (6291556 bytes)."),
                       "Function.ResponseSizeTooLarge", first_byte);
}

bool Lifecycle::is_responding(std::string_view request_id) const {
  return phase_ == Phase::invoking && runtime_ == RuntimeState::responding && request_id == invocation_->request_id;
}

void Lifecycle::response_begins(Answer answer, Clock::time_point first_byte) {
  runtime_ = RuntimeState::responding;
  first_byte_ = first_byte;
  observe(Observation::Kind::response_began, "bootstrap");
  if (answer.stream) orders_.answer(*invocation_, std::move(answer));
}

bool Lifecycle::response_continues(std::string_view request_id, std::size_t bytes) {
  if (!is_responding(request_id)) return false;
  produced_bytes_ += bytes;
  return true;
}

void Lifecycle::response_ends(std::string_view request_id, Answer end, std::string_view status) {
  if (is_responding(request_id)) finish_answer(std::move(end), status);
}

void Lifecycle::response_breaks(std::string_view request_id) {
  if (is_responding(request_id)) response_broken_ = true;
}

void Lifecycle::end_broken_response() {
  Answer end;
  end.error_type = "Runtime.TruncatedResponse";
  end.payload = error_json(end.error_type, "RequestId: " + invocation_->request_id + " Error: Response was truncated");
  finish_answer(std::move(end), "error");
}

Accepted Lifecycle::runtime_init_error(std::string payload, std::string error_type) {
  if (runtime_ != RuntimeState::started || phase_ != Phase::runtime_init)
    return runtime_refused(name_of(runtime_), "InitError");
  runtime_ = RuntimeState::init_error;
  note_fatal({std::move(error_type), {}, std::move(payload)});
  return {};  // what ends the Init phase is the exit that follows
}

// ---- Extensions API

Lifecycle::Extension* Lifecycle::find(std::string_view identifier) {
  for (auto& extension : extensions_) {
    if (!identifier.empty() && extension.identifier == identifier) return &extension;
  }
  return nullptr;
}

bool Lifecycle::is_external(std::string_view name) const {
  return std::ranges::any_of(extensions_, [&](const Extension& e) { return e.process != 0 && e.name == name; });
}

expected<std::string, ApiError> Lifecycle::extension_register(const std::string& name, Registration events) {
  auto same = std::ranges::find(extensions_, name, &Extension::name);
  if (same != extensions_.end() && same->process != 0) {
    if (same->state != ExtensionState::started) {
      return unexpected(forbidden_transition(name_of(same->state), "Registered", "extension " + name,
                                             "Extension.InvalidExtensionState"));
    }
  } else if (!registration_open_) {
    return unexpected(ApiError{403, "Extension.RegistrationClosed", "Extension registration closed already"});
  } else if (same != extensions_.end()) {
    return unexpected(ApiError{403, "Extension.InvalidExtensionState", "Extension with this name already registered"});
  } else if (extensions_.size() >= kMaxExtensions) {
    return unexpected(ApiError{403, "Extension.TooManyExtensions", "Extension limit (10) reached"});
  } else {
    same = extensions_.emplace(extensions_.end());
    same->name = name;
  }
  same->identifier = orders_.new_uuid();
  same->state = ExtensionState::registered;
  same->events = events;
  std::string identifier = same->identifier;
  check_init();
  return identifier;
}

expected<Lifecycle::Extension*, ApiError> Lifecycle::identified(std::string_view identifier, std::string_view unknown) {
  if (identifier.empty()) {
    return unexpected(
        ApiError{403, "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header"});
  }
  if (!is_uuid(identifier)) {
    return unexpected(ApiError{403, "Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier"});
  }
  if (auto* extension = find(identifier)) return extension;
  return unexpected(ApiError{403, "Extension.UnknownExtensionIdentifier", std::string(unknown)});
}

expected<std::string, ApiError> Lifecycle::extension_name(std::string_view identifier) {
  auto extension = identified(identifier, "Unknown extension " + std::string(identifier));
  if (!extension) return unexpected(extension.error());
  return (*extension)->name;
}

Accepted Lifecycle::extension_next(std::string_view identifier) {
  auto found = identified(identifier, "Unknown extension " + std::string(identifier));
  if (!found) return unexpected(found.error());
  Extension& extension = **found;
  switch (extension.state) {
    case ExtensionState::ready: return {};
    case ExtensionState::registered:
    case ExtensionState::running: break;
    default:
      return unexpected(forbidden_transition(name_of(extension.state), "Ready", "extension " + std::string(identifier),
                                             "Extension.InvalidExtensionState"));
  }
  bool first = !std::exchange(extension.was_ready, true);
  extension.state = ExtensionState::ready;
  if (phase_ < Phase::stopping_runtime) {
    if (first) {
      observe(Observation::Kind::process_ready, extension.name, extension.process != 0);
      check_init();
    } else {
      observe(Observation::Kind::process_idle, extension.name, extension.process != 0);
      check_invocation();
    }
  } else if (phase_ == Phase::stopping_extensions && extension.alive && extension.events.shutdown &&
             !extension.told_shutdown) {
    tell_shutdown(extension);
  }
  return {};
}

Accepted Lifecycle::extension_error(std::string_view identifier, std::string error_type, ExtensionState target) {
  auto found = identified(identifier, "Unknown Lambda-Extension-Identifier");
  if (!found) return unexpected(found.error());
  Extension& extension = **found;
  if (extension.state == target) return {};
  bool from_running = extension.state == ExtensionState::ready || extension.state == ExtensionState::running;
  if (extension.state != ExtensionState::registered && !(target == ExtensionState::exit_error && from_running)) {
    return unexpected(forbidden_transition(name_of(extension.state), name_of(target),
                                           "extension " + std::string(identifier), "Extension.InvalidExtensionState"));
  }
  extension.state = target;
  extension.error_type = std::move(error_type);
  // Only recorded: what fails Init or Invoke is the exit that follows.
  note_fatal({target == ExtensionState::init_error ? "Extension.InitError" : "Extension.ExitError", {}, {}});
  return {};
}

Accepted Lifecycle::extension_init_error(std::string_view identifier, std::string error_type) {
  return extension_error(identifier, std::move(error_type), ExtensionState::init_error);
}

Accepted Lifecycle::extension_exit_error(std::string_view identifier, std::string error_type) {
  return extension_error(identifier, std::move(error_type), ExtensionState::exit_error);
}

}  // namespace mayfly::emulator
