// The extensions of one generation of processes: what each has registered for and
// in which state it is [A]. Both lifecycles have one; what a change of state means
// for an Init or an invocation is theirs to say.
//
// [A] AWS Lambda Developer Guide, "Lambda Extensions API", read 2026-11. States
//     and texts of errors: the official Runtime Interface Emulator.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/lifecycle/lifecycle.h"

namespace mayfly::emulator {

class Extensions {
 public:
  static constexpr std::size_t kMaxExtensions = 10;  // internal and external together

  enum class State { started, registered, ready, running, init_error, exit_error, exited, launch_error };
  struct Extension {
    std::string name;
    std::string identifier;  // empty until it has registered
    ProcessId process = 0;   // 0: internal
    State state = State::started;
    Registration events;
    bool alive = false;  // external: its process runs
    bool told_shutdown = false;
    bool was_ready = false;
    std::string error_type;  // what it has reported itself
  };

  // Both outlive the object.
  Extensions(Orders& orders, Witness& witness) : orders_(orders), witness_(witness) {}

  // A new generation: starts the external ones, in this order, and opens the
  // registration. The first that cannot be started ends it.
  expected<void, LaunchFailure> start(const std::vector<std::string>& names);
  void clear() { list_.clear(); }
  void close_registration() { registration_open_ = false; }
  std::vector<Extension>& list() { return list_; }
  // Tells the witness of each, at the end of Init.
  void settle() const;

  bool all_registered() const;
  bool all_ready() const;
  bool any_alive() const;
  // At least one has registered, and runs.
  bool any_registered(bool external_only) const;
  bool is_external(std::string_view name) const;

  // Returns the identifier.
  expected<std::string, ApiError> enlist(const std::string& name, Registration events);
  // Errors: missing, not a UUID, or unknown, in the words of `next`.
  expected<std::string, ApiError> name(std::string_view identifier) const;
  // It waits for its next event.
  struct Waiting {
    Extension* extension;
    enum { as_before, first, again } when;
  };
  expected<Waiting, ApiError> wait(std::string_view identifier);
  // Only recorded: what fails Init or Invoke is the exit that follows.
  Accepted init_error(std::string_view identifier, std::string error_type);
  Accepted exit_error(std::string_view identifier, std::string error_type);

  // Its process has ended: as it should, or not.
  void exited(ProcessId process) { list_.at(process - 1).alive = false; }
  void crashed(ProcessId process);
  const std::string& name_of(ProcessId process) const { return list_.at(process - 1).name; }

 private:
  expected<std::size_t, ApiError> identified(std::string_view identifier, std::string_view unknown) const;
  Accepted error(std::string_view identifier, std::string error_type, State target);

  Orders& orders_;
  Witness& witness_;
  std::vector<Extension> list_;  // external ones first: the process's number less 1 is their place
  bool registration_open_ = false;
};

}  // namespace mayfly::emulator
