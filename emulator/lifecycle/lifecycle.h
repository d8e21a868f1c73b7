// The life of one execution environment, as what is around it sees it: the words
// of the APIs, what a lifecycle orders, whom it tells, and what it hears.
//
// Two state machines stand behind it: OnDemandLifecycle, one invocation at a
// time, and ManagedLifecycle, many. They know no socket, process or clock, so
// that tests can walk them through ten seconds in none, and one program can hold
// many.
//
// [A] AWS Lambda Developer Guide, "Understanding the Lambda execution
//     environment lifecycle" and "Lambda Extensions API", read 2026-11. Names of
//     states and texts of errors: the official Runtime Interface Emulator.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "emulator/invocation.h"
#include "emulator/observation.h"
#include "emulator/settings.h"

namespace mayfly::emulator {

using Clock = std::chrono::steady_clock;

// How the Runtime and Extensions APIs refuse a call.
struct ApiError {
  unsigned status;
  std::string type;
  std::string message;
};
using Accepted = expected<void, ApiError>;

// An answer to the runtime's `next`.
struct RuntimeEvent {
  std::shared_ptr<const Invocation> invocation;
  std::string invocation_id;  // a UUID for this attempt
  std::int64_t deadline_ms = 0;
};

// An answer to an extension's `event/next`.
struct ExtensionEvent {
  std::shared_ptr<const Invocation> invocation;  // null: SHUTDOWN
  std::string event_id;                          // INVOKE only
  std::string shutdown_reason;                   // SHUTDOWN only
  std::int64_t deadline_ms = 0;
};

// Why a process could not be started, in the words of the caller's error.
struct LaunchFailure {
  std::string error_type;
  std::string message;
};

// What makes an Init or invocations fail.
struct Fatal {
  std::string type;
  std::string message;
  std::string payload;  // the runtime's own words; else made from the message
};

// 0 is the runtime, 1 and up are the external extensions in start order.
using ProcessId = std::size_t;
inline constexpr ProcessId kRuntime = 0;

// What the state machine wants done. Nothing here calls back into it before it
// has returned.
class Orders {
 public:
  virtual ~Orders() = default;
  virtual Clock::time_point now() = 0;
  virtual core::WallTime wall_now() = 0;
  virtual std::string new_uuid() = 0;
  // Lifecycle::alarm() is to be called then; replaces the alarm set before.
  virtual void set_alarm(Clock::time_point at) = 0;  // max(): none

  // A new set of processes follows: calls of older ones must not reach us any
  // more. Returns the file names of the external extensions.
  virtual std::vector<std::string> new_generation() = 0;
  virtual expected<void, LaunchFailure> start_runtime() = 0;
  virtual expected<void, LaunchFailure> start_extension(ProcessId id, const std::string& name) = 0;
  // SIGTERM or SIGKILL to the process and its group.
  virtual void send_signal(ProcessId id, int signal) = 0;

  virtual void hand_to_runtime(const RuntimeEvent& event) = 0;
  virtual void hand_to_extension(const std::string& identifier, const ExtensionEvent& event) = 0;
  // Once for each invocation, before Witness::invocation_ended; when it has a
  // stream, once more with what the stream ends with.
  virtual void answer(const Invocation& invocation, Answer answer) = 0;
  // Its log is complete: after Witness::invocation_ended.
  virtual void ended(const Invocation& invocation) = 0;
  // Whatever the processes have written so far is to be in the log.
  virtual void drain_output() = 0;
  virtual void flush_telemetry() = 0;
  // The highest use of memory so far, of all processes together.
  virtual int max_memory_mb() = 0;
  // Nothing of the environment runs, until thaw().
  virtual void freeze() = 0;
  // The environment is in use again, frozen or only idle before.
  virtual void thaw() = 0;
  // The machine is idle, cold or ended, and does nothing but freeze before the
  // next invoke(). May call it.
  virtual void settled() = 0;
};

// Durations in telemetry: what the runtime did with its time.
struct RuntimeSpans {
  core::WallTime started{};
  std::chrono::nanoseconds response_latency{};   // event out to first byte of the response
  std::chrono::nanoseconds response_duration{};  // first to last byte
  std::chrono::nanoseconds runtime_overhead{};   // last byte to `next`
  bool responded = false;
};

// Who is told what has happened; the telemetry, the log and the terminal hang
// on it. `status` is success, error, failure or timeout; `error_type` is empty
// on success.
class Witness {
 public:
  virtual ~Witness() = default;
  // Everything that has no method of its own below.
  virtual void observe(Observation what) = 0;
  void tell(Observation::Kind kind, std::string process = {}, bool external = false, std::string detail = {}) {
    Observation what;
    what.kind = kind;
    what.process = std::move(process);
    what.external_extension = external;
    what.detail = std::move(detail);
    observe(std::move(what));
  }
  // What follows, Init and resets included, happens for its sake, until
  // invocation_ended.
  virtual void invocation_taken(const Invocation& invocation) = 0;
  virtual void init_started(std::string_view phase) = 0;
  virtual void runtime_init_ended(std::string_view phase, std::string_view status, std::string_view error_type) = 0;
  virtual void extension_settled(const std::string& name, std::string_view state,
                                 const std::vector<std::string>& events, std::string_view error_type) = 0;
  virtual void init_ended(std::string_view phase, std::string_view status, std::string_view error_type,
                          std::chrono::nanoseconds duration) = 0;
  virtual void invocation_started(const Invocation& invocation, bool cold) = 0;
  virtual void runtime_done(const Invocation& invocation, std::string_view status, std::string_view error_type,
                            std::chrono::nanoseconds duration, std::size_t produced_bytes,
                            const RuntimeSpans& spans) = 0;
  virtual void invocation_ended(const Invocation& invocation, const Report& report, const RuntimeSpans& spans) = 0;
};

// What an extension has registered for.
struct Registration {
  bool invoke = false;
  bool shutdown = false;
};

class Lifecycle {
 public:
  virtual ~Lifecycle() = default;

  // True when invoke() may be called.
  virtual bool is_free() const = 0;
  // Initialised, and without an invocation.
  virtual bool is_idle() const = 0;
  virtual bool is_cold() const = 0;
  virtual bool is_stopping() const = 0;
  virtual bool has_ended() const = 0;
  // An invocation is answered and the rest of its work, or the reset behind it,
  // goes on by itself; is_free() follows.
  virtual bool is_finishing() const = 0;
  // Invocations that have no answer yet.
  virtual std::size_t unanswered() const = 0;

  // Init, before any invocation.
  virtual void start() = 0;
  virtual void invoke(std::shared_ptr<const Invocation> invocation) = 0;
  // Ends the environment; settled() follows, with has_ended(). Invocations that
  // have no answer yet are aborted.
  virtual void shut_down() = 0;
  // After shut_down(): SIGKILL to all, at once.
  virtual void kill() = 0;

  // ---- what the Runtime API hears. Accepted calls to `next` are answered
  // through Orders::hand_to_runtime, maybe at once.
  virtual Accepted runtime_next() = 0;
  // The checks that do not need the body: id (400), echoed invocation id (410;
  // empty: not echoed), state (403).
  virtual Accepted check_response(std::string_view request_id, std::string_view invocation_id, bool error) const = 0;
  // `first_byte`: when the request arrived.
  virtual Accepted runtime_response(std::string_view request_id, std::string_view invocation_id, std::string payload,
                                    Clock::time_point first_byte, std::string content_type = {}) = 0;
  virtual Accepted runtime_error(std::string_view request_id, std::string_view invocation_id, std::string payload,
                                 std::string error_type, Clock::time_point first_byte) = 0;
  // The response was over the limit: the caller gets an error, the runtime goes on.
  Accepted runtime_response_too_large(std::string_view request_id, std::string_view invocation_id,
                                      Clock::time_point first_byte);
  virtual Accepted runtime_init_error(std::string payload, std::string error_type) = 0;

  // A streamed response: it begins, once check_response() has allowed it; with a
  // stream in `answer` the caller gets it at once, else it is collected. What
  // follows has no effect when the invocation is over meanwhile.
  virtual bool wants_parts(std::string_view request_id) const = 0;
  virtual void response_begins(std::string_view request_id, Answer answer, Clock::time_point first_byte) = 0;
  // So many bytes have come. False: they are of no use any more.
  virtual bool response_continues(std::string_view request_id, std::size_t bytes) = 0;
  // It has ended: with all of a response that was collected, or with nothing but
  // the error, if there is one. `status`: success, also with an error that the
  // runtime itself has put behind its response; or error.
  virtual void response_ends(std::string_view request_id, Answer end, std::string_view status) = 0;
  // It stopped in the middle. What that was shows when the runtime exits or goes on.
  virtual void response_breaks(std::string_view request_id) = 0;

  // ---- what the Extensions API hears.
  virtual bool is_external(std::string_view name) const = 0;
  // Returns the identifier.
  virtual expected<std::string, ApiError> extension_register(const std::string& name, Registration events) = 0;
  // Its name. Errors: missing, not a UUID, or unknown.
  virtual expected<std::string, ApiError> extension_name(std::string_view identifier) const = 0;
  virtual Accepted extension_next(std::string_view identifier) = 0;
  virtual Accepted extension_init_error(std::string_view identifier, std::string error_type) = 0;
  virtual Accepted extension_exit_error(std::string_view identifier, std::string error_type) = 0;

  // ---- what the world reports. `how`: "exit status 1", "signal: killed"; empty
  // for exit code 0. `out_of_memory`: it was the kernel that killed it.
  virtual void process_exited(ProcessId id, std::string_view how, bool out_of_memory = false) = 0;
  virtual void alarm() = 0;
};

// The words both machines use for the same. "Task timed out after 3.00 seconds":
std::string timeout_message(std::chrono::milliseconds timeout);
// Of a process that ended when it should not have: Runtime.ExitError or
// Runtime.OutOfMemory, Extension.Crash.
Fatal exit_of_runtime(std::string_view how, bool out_of_memory);
Fatal exit_of_extension(std::string_view how);
// Keeps the first; one that has no words yet gets those of the exit that follows.
void note_fatal(std::optional<Fatal>& first, Fatal fatal);
// The caller's error.
std::string fatal_json(const Fatal& fatal, std::string_view request_id);
ApiError forbidden_transition(std::string_view from, std::string_view to, std::string_view who, std::string_view type);

}  // namespace mayfly::emulator
