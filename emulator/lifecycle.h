// The life of one execution environment as a state machine [A]:
//
//   cold -> init -> idle <-> invoking
//     ^       |       |         |
//     +-------+-------+---------+  stopping (reset)  -> cold
//                     |
//                     +----------  stopping (spindown) -> ended
//
// It is told what happens (API calls, exits of processes, the alarm) and gives
// orders. It knows no socket, process or clock, so that tests can walk it
// through ten seconds in none, and one program can hold many.
//
// Init: external extensions start; all register; the runtime starts; its first
// `next` closes registration; every extension calls `next`. A failed or late
// Init is tried once more when the invocation that waits for it begins, then on
// the function's own timeout ("suppressed init").
// Invoke: the event goes to runtime and subscribed extensions together. The
// caller is answered when the runtime responds, or begins to if both stream; the
// environment is free when all have called `next` again. The timeout covers both.
// Between invocations the environment is frozen: a moment after everyone waits
// in `next`, until the next event or the end.
// Reset after a timeout or failure, and shutdown, are the same steps with
// another reason: SIGTERM to the runtime if an extension is registered, the
// SHUTDOWN event to external extensions that want it, SIGKILL.
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

class Lifecycle {
 public:
  static constexpr std::size_t kMaxExtensions = 10;  // internal and external together
  // Calls in quick succession do without freezing and thawing, which take longer
  // than they do.
  static constexpr std::chrono::milliseconds kIdleBeforeFreeze{10};

  Lifecycle(const Settings& settings, Orders& orders, Witness& witness)
      : settings_(settings), orders_(orders), witness_(witness) {}

  // True when invoke() may be called.
  bool is_free() const { return phase_ == Phase::cold || phase_ == Phase::idle; }
  bool is_cold() const { return phase_ == Phase::cold; }
  bool is_idle() const { return phase_ == Phase::idle; }
  bool has_ended() const { return phase_ == Phase::ended; }
  bool is_stopping() const { return phase_ >= Phase::stopping_runtime && phase_ != Phase::ended; }
  // The invocation is answered and the rest of its work, or the reset behind it,
  // goes on by itself; is_free() follows.
  bool is_finishing() const {
    return phase_ == Phase::invoking ? answered_ : is_stopping() && !invocation_ && !ending_;
  }
  bool is_initialising() const { return phase_ == Phase::extension_init || phase_ == Phase::runtime_init; }

  void invoke(std::shared_ptr<const Invocation> invocation);
  // Ends the environment; settled() follows, with has_ended(). An invocation
  // that has no answer yet is aborted; one that has may end within 2 s.
  void shut_down();
  // After shut_down(): SIGKILL to all, at once.
  void kill();

  // ---- what the Runtime API hears. Accepted calls to `next` are answered
  // through Orders::hand_to_runtime, maybe at once.
  Accepted runtime_next();
  // The checks that do not need the body: id (400), echoed invocation id (410;
  // empty: not echoed), state (403).
  Accepted check_response(std::string_view request_id, std::string_view invocation_id, bool error) const;
  // `first_byte`: when the request arrived.
  Accepted runtime_response(std::string_view request_id, std::string_view invocation_id, std::string payload,
                            Clock::time_point first_byte, std::string content_type = {});
  Accepted runtime_error(std::string_view request_id, std::string_view invocation_id, std::string payload,
                         std::string error_type, Clock::time_point first_byte);
  // The response was over the limit: the caller gets an error, the runtime goes on.
  Accepted runtime_response_too_large(std::string_view request_id, std::string_view invocation_id,
                                      Clock::time_point first_byte);
  Accepted runtime_init_error(std::string payload, std::string error_type);

  // A streamed response: it begins, once check_response() has allowed it; with a
  // stream in `answer` the caller gets it at once, else it is collected. What
  // follows has no effect when the invocation is over meanwhile.
  bool wants_parts() const { return invocation_ && invocation_->in_parts; }
  void response_begins(Answer answer, Clock::time_point first_byte);
  // So many bytes have come. False: they are of no use any more.
  bool response_continues(std::string_view request_id, std::size_t bytes);
  // It has ended: with all of a response that was collected, or with nothing but
  // the error, if there is one. `status`: success, also with an error that the
  // runtime itself has put behind its response; or error.
  void response_ends(std::string_view request_id, Answer end, std::string_view status);
  // It stopped in the middle. What that was shows when the runtime exits or goes on.
  void response_breaks(std::string_view request_id);

  // ---- what the Extensions API hears.
  struct Registration {
    bool invoke = false;
    bool shutdown = false;
  };
  bool is_external(std::string_view name) const;
  // Returns the identifier.
  expected<std::string, ApiError> extension_register(const std::string& name, Registration events);
  // Its name. Errors: missing, not a UUID, or unknown.
  expected<std::string, ApiError> extension_name(std::string_view identifier);
  Accepted extension_next(std::string_view identifier);
  Accepted extension_init_error(std::string_view identifier, std::string error_type);
  Accepted extension_exit_error(std::string_view identifier, std::string error_type);

  // ---- what the world reports. `how`: "exit status 1", "signal: killed"; empty
  // for exit code 0. `out_of_memory`: it was the kernel that killed it.
  void process_exited(ProcessId id, std::string_view how, bool out_of_memory = false);
  void alarm();

 private:
  enum class Phase {
    cold,
    extension_init,
    runtime_init,
    idle,
    invoking,
    stopping_runtime,
    stopping_extensions,
    killing,
    ended
  };
  enum class RuntimeState { started, ready, running, responding, response_sent, init_error };
  enum class ExtensionState { started, registered, ready, running, init_error, exit_error, exited, launch_error };

  struct Extension {
    std::string name;
    std::string identifier;  // empty until it has registered
    ProcessId process = 0;   // 0: internal
    ExtensionState state = ExtensionState::started;
    Registration events;
    bool alive = false;  // external: its process runs
    bool told_shutdown = false;
    bool was_ready = false;
    std::string error_type;  // what it has reported itself
  };
  struct Fatal {
    std::string type;
    std::string message;
    std::string payload;  // the runtime's own words; else made from the message
  };

  static std::string_view name_of(RuntimeState state);
  static std::string_view name_of(ExtensionState state);

  void begin_init(std::string_view phase);
  void start_runtime();
  void check_init();
  void end_init();
  void fail_init(std::string_view status);
  void settle_extensions();
  void begin_invocation();
  void begin_idle();
  void end_idle();
  void hand_out();
  void accept_answer(Answer answer, std::string_view status, Clock::time_point first_byte);
  void finish_answer(Answer answer, std::string_view status);
  void end_broken_response();
  bool is_responding(std::string_view request_id) const;
  void check_invocation();
  void end_invocation(std::string_view status, std::string_view error_type);
  void finish_runtime(std::string_view status, std::string_view error_type);
  void fail_invocation(std::string_view status, Fatal fatal);
  void end_for_good();
  void abort_invocation();
  void begin_stop(std::string_view reason, bool end);
  void stop_extensions();
  void tell_shutdown(Extension& extension);
  void kill_all();
  void check_stopped();
  void go_on_after_stop();
  void note_fatal(Fatal fatal);
  void observe(Observation::Kind kind, std::string process = {}, bool external = false, std::string detail = {});

  Extension* find(std::string_view identifier);
  bool any_alive() const;
  bool registered(bool external_only) const;
  expected<Extension*, ApiError> identified(std::string_view identifier, std::string_view unknown);
  Accepted extension_error(std::string_view identifier, std::string error_type, ExtensionState target);

  const Settings& settings_;
  Orders& orders_;
  Witness& witness_;

  Phase phase_ = Phase::cold;
  bool ever_initialised_ = false;  // an Init phase was tried: the next one is suppressed
  bool ever_answered_ = false;
  bool ending_ = false;  // after stopping: ended, not cold
  bool frozen_ = false;

  RuntimeState runtime_ = RuntimeState::started;
  bool runtime_alive_ = false;
  bool registration_open_ = false;
  std::vector<Extension> extensions_;
  std::optional<Fatal> fatal_;

  // The init that runs, or the invocation; both within a suppressed init.
  std::string init_phase_;
  bool runtime_init_done_ = false;
  Clock::time_point init_started_{};
  std::chrono::nanoseconds init_to_bill_{};
  std::shared_ptr<const Invocation> invocation_;
  std::string invocation_id_;
  bool in_invocation_ = false;  // its clock runs: suppressed init or invoking
  bool announced_ = false;      // START is written
  bool answered_ = false;       // with all of it
  bool response_broken_ = false;
  bool runtime_done_ = false;
  Clock::time_point started_{}, handed_out_{}, first_byte_{}, answered_at_{};
  std::int64_t deadline_ms_ = 0;
  std::size_t produced_bytes_ = 0;
  RuntimeSpans spans_;
  std::string function_status_, function_error_;
  std::string error_message_;  // for the report

  std::string stop_reason_;
  Clock::time_point stop_started_{};
};

// "Task timed out after 3.00 seconds".
std::string timeout_message(std::chrono::milliseconds timeout);

}  // namespace mayfly::emulator
