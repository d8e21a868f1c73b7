#include "emulator/lifecycle/extensions.h"

#include <algorithm>
#include <utility>

#include "emulator/identifiers.h"

namespace mayfly::emulator {

namespace {

std::string_view state_name(Extensions::State state) {
  using State = Extensions::State;
  switch (state) {
    case State::started: return "Started";
    case State::registered: return "Registered";
    case State::ready: return "Ready";
    case State::running: return "Running";
    case State::init_error: return "InitError";
    case State::exit_error: return "ExitError";
    case State::exited: return "Exited";
    case State::launch_error: return "LaunchError";
  }
  return {};
}

unexpected<ApiError> refused(Extensions::State from, Extensions::State to, std::string_view who) {
  return unexpected(forbidden_transition(state_name(from), state_name(to), "extension " + std::string(who),
                                         "Extension.InvalidExtensionState"));
}

unexpected<ApiError> refused(const char* type, std::string message) {
  return unexpected(ApiError{403, type, std::move(message)});
}

}  // namespace

expected<void, LaunchFailure> Extensions::start(const std::vector<std::string>& names) {
  list_.clear();
  registration_open_ = true;
  for (const auto& name : names) {
    Extension& extension = list_.emplace_back();
    extension.name = name;
    extension.process = list_.size();
    expected<void, LaunchFailure> started;
    if (list_.size() > kMaxExtensions) {
      started = unexpected(LaunchFailure{"Extension.LaunchError", "Extension limit (10) reached"});
    } else {
      started = orders_.start_extension(extension.process, name);
    }
    if (!started) {
      extension.state = State::launch_error;
      extension.error_type = started.error().error_type;
      return started;
    }
    extension.alive = true;
    witness_.tell(Observation::Kind::process_started, name, true);
  }
  return {};
}

void Extensions::settle() const {
  for (const auto& extension : list_) {
    std::vector<std::string> events;
    if (extension.events.invoke) events.push_back("INVOKE");
    if (extension.events.shutdown) events.push_back("SHUTDOWN");
    witness_.extension_settled(extension.name, state_name(extension.state), events, extension.error_type);
  }
}

bool Extensions::all_registered() const {
  return std::ranges::all_of(list_, [](const Extension& e) { return !e.identifier.empty(); });
}

bool Extensions::all_ready() const { return std::ranges::all_of(list_, &Extension::was_ready); }

bool Extensions::any_alive() const { return std::ranges::any_of(list_, &Extension::alive); }

bool Extensions::any_registered(bool external_only) const {
  return std::ranges::any_of(
      list_, [&](const Extension& e) { return !e.identifier.empty() && (e.process != 0 ? e.alive : !external_only); });
}

bool Extensions::is_external(std::string_view name) const {
  return std::ranges::any_of(list_, [&](const Extension& e) { return e.process != 0 && e.name == name; });
}

expected<std::string, ApiError> Extensions::enlist(const std::string& name, Registration events) {
  auto same = std::ranges::find(list_, name, &Extension::name);
  if (same != list_.end() && same->process != 0) {
    if (same->state != State::started) return refused(same->state, State::registered, name);
  } else if (!registration_open_) {
    return refused("Extension.RegistrationClosed", "Extension registration closed already");
  } else if (same != list_.end()) {
    return refused("Extension.InvalidExtensionState", "Extension with this name already registered");
  } else if (list_.size() >= kMaxExtensions) {
    return refused("Extension.TooManyExtensions", "Extension limit (10) reached");
  } else {
    same = list_.emplace(list_.end());
    same->name = name;
  }
  same->identifier = orders_.new_uuid();
  same->state = State::registered;
  same->events = events;
  return same->identifier;
}

expected<std::size_t, ApiError> Extensions::identified(std::string_view identifier, std::string_view unknown) const {
  if (identifier.empty()) {
    return refused("Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header");
  }
  if (!is_uuid(identifier)) {
    return refused("Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier");
  }
  auto found = std::ranges::find(list_, identifier, &Extension::identifier);
  if (found == list_.end()) return refused("Extension.UnknownExtensionIdentifier", std::string(unknown));
  return static_cast<std::size_t>(found - list_.begin());
}

expected<std::string, ApiError> Extensions::name(std::string_view identifier) const {
  auto found = identified(identifier, "Unknown extension " + std::string(identifier));
  if (!found) return unexpected(found.error());
  return list_[*found].name;
}

expected<Extensions::Waiting, ApiError> Extensions::wait(std::string_view identifier) {
  auto found = identified(identifier, "Unknown extension " + std::string(identifier));
  if (!found) return unexpected(found.error());
  Extension& extension = list_[*found];
  switch (extension.state) {
    case State::ready: return Waiting{&extension, Waiting::as_before};
    case State::registered:
    case State::running: break;
    default: return refused(extension.state, State::ready, identifier);
  }
  extension.state = State::ready;
  return Waiting{&extension, std::exchange(extension.was_ready, true) ? Waiting::again : Waiting::first};
}

Accepted Extensions::error(std::string_view identifier, std::string error_type, State target) {
  auto found = identified(identifier, "Unknown Lambda-Extension-Identifier");
  if (!found) return unexpected(found.error());
  Extension& extension = list_[*found];
  if (extension.state == target) return {};
  bool from_running = extension.state == State::ready || extension.state == State::running;
  if (extension.state != State::registered && !(target == State::exit_error && from_running)) {
    return refused(extension.state, target, identifier);
  }
  extension.state = target;
  extension.error_type = std::move(error_type);
  return {};
}

Accepted Extensions::init_error(std::string_view identifier, std::string error_type) {
  return error(identifier, std::move(error_type), State::init_error);
}

Accepted Extensions::exit_error(std::string_view identifier, std::string error_type) {
  return error(identifier, std::move(error_type), State::exit_error);
}

void Extensions::crashed(ProcessId process) {
  Extension& extension = list_.at(process - 1);
  if (extension.error_type.empty()) extension.error_type = "Extension.Crash";
  if (extension.state != State::init_error && extension.state != State::exit_error) extension.state = State::exited;
}

}  // namespace mayfly::emulator
