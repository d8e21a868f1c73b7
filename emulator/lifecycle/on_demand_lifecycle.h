// The life of an environment that runs one invocation at a time [A]:
//
//   cold -> init -> idle <-> invoking
//     ^       |       |         |
//     +-------+-------+---------+  stopping (reset)  -> cold
//                     |
//                     +----------  stopping (spindown) -> ended
//
// Init: external extensions start; all register; the runtime starts; its first
// `next` closes registration; every extension calls `next`. A failed or late
// Init is tried once more when the invocation that waits for it begins, then on
// the function's own timeout ("suppressed init"). A runtime that a signal ends
// there is started again until that timeout, which is then the caller's error [B].
// Invoke: the event goes to runtime and subscribed extensions together. The
// caller is answered when the runtime responds, or begins to if both stream; the
// environment is free when all have called `next` again. The timeout covers both.
// Between invocations the environment is frozen: a moment after everyone waits
// in `next`, until the next event or the end.
// Reset after a timeout or failure, and shutdown, are the same steps with
// another reason: Shutdown.
//
// [A] as in lifecycle.h
// [B] recorded from the service in LocalStack's snapshot tests, read 2026-11: a
//     segmentation fault in Init is a Sandbox.Timedout. How long it waits between
//     its tries is ours.

#pragma once

#include "emulator/lifecycle/extensions.h"
#include "emulator/lifecycle/lifecycle.h"
#include "emulator/lifecycle/shutdown.h"

namespace mayfly::emulator {

class OnDemandLifecycle final : public Lifecycle {
 public:
  // Calls in quick succession do without freezing and thawing, which take longer
  // than they do.
  static constexpr std::chrono::milliseconds kIdleBeforeFreeze{10};
  // Before a crashed Init is tried again, doubled each time.
  static constexpr std::chrono::milliseconds kFirstRetryPause{100}, kLongestRetryPause{1'000};

  // All outlive the object.
  OnDemandLifecycle(const Settings& settings, Orders& orders, Witness& witness)
      : settings_(settings), orders_(orders), witness_(witness) {}

  bool is_free() const override { return phase_ == Phase::cold || phase_ == Phase::idle; }
  bool is_cold() const override { return phase_ == Phase::cold; }
  bool is_idle() const override { return phase_ == Phase::idle; }
  bool has_ended() const override { return phase_ == Phase::ended; }
  bool is_stopping() const override { return phase_ == Phase::stopping; }
  bool is_finishing() const override {
    return phase_ == Phase::invoking ? answered_ : is_stopping() && !invocation_ && !ending_;
  }
  std::size_t unanswered() const override { return invocation_ && !answered_ ? 1 : 0; }

  // An Init takes place when an invocation needs it, but for a runtime that is
  // started by hand: that one must find its API.
  void start() override {
    if (!settings_.start_runtime) begin_init("init");
  }
  void invoke(std::shared_ptr<const Invocation> invocation) override;
  // An invocation that is answered may end within 2 s.
  void shut_down() override;
  void kill() override;

  Accepted runtime_next() override;
  Accepted check_response(std::string_view request_id, std::string_view invocation_id, bool error) const override;
  Accepted runtime_response(std::string_view request_id, std::string_view invocation_id, std::string payload,
                            Clock::time_point first_byte, std::string content_type = {}) override;
  Accepted runtime_error(std::string_view request_id, std::string_view invocation_id, std::string payload,
                         std::string error_type, Clock::time_point first_byte) override;
  Accepted runtime_init_error(std::string payload, std::string error_type) override;

  bool wants_parts(std::string_view) const override { return invocation_ && invocation_->in_parts; }
  void response_begins(std::string_view request_id, Answer answer, Clock::time_point first_byte) override;
  bool response_continues(std::string_view request_id, std::size_t bytes) override;
  void response_ends(std::string_view request_id, Answer end, std::string_view status) override;
  void response_breaks(std::string_view request_id) override;

  bool is_external(std::string_view name) const override { return extensions_.is_external(name); }
  expected<std::string, ApiError> extension_register(const std::string& name, Registration events) override;
  expected<std::string, ApiError> extension_name(std::string_view identifier) const override {
    return extensions_.name(identifier);
  }
  Accepted extension_next(std::string_view identifier) override;
  Accepted extension_init_error(std::string_view identifier, std::string error_type) override;
  Accepted extension_exit_error(std::string_view identifier, std::string error_type) override;

  void process_exited(ProcessId id, std::string_view how, bool out_of_memory = false) override;
  void alarm() override;

 private:
  // pausing: before the next try of a crashed Init, inside an invocation.
  enum class Phase { cold, extension_init, runtime_init, idle, invoking, stopping, pausing, ended };
  enum class RuntimeState { started, ready, running, responding, response_sent, init_error };

  static std::string_view name_of(RuntimeState state);
  static unexpected<ApiError> refused(RuntimeState from, std::string_view to);

  bool is_initialising() const { return phase_ == Phase::extension_init || phase_ == Phase::runtime_init; }
  void start_clock();
  void begin_init(std::string_view phase);
  void start_runtime();
  void check_init();
  void end_init();
  void fail_init(std::string_view status, bool try_again = false);
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
  void fail_invocation(std::string_view status, const Fatal& fatal);
  void end_for_good();
  void abort_invocation();
  void begin_stop(std::string_view reason);
  void go_on_after_stop();

  const Settings& settings_;
  Orders& orders_;
  Witness& witness_;
  Extensions extensions_{orders_, witness_};
  Shutdown shutdown_{settings_, orders_, witness_, extensions_};

  Phase phase_ = Phase::cold;
  bool ever_initialised_ = false;  // an Init phase was tried: the next one is suppressed
  bool ever_answered_ = false;
  bool ending_ = false;  // after stopping: ended, not cold
  bool frozen_ = false;

  RuntimeState runtime_ = RuntimeState::started;
  bool runtime_alive_ = false;
  std::optional<Fatal> fatal_;

  // The init that runs, or the invocation; both within a suppressed init.
  std::string init_phase_;
  bool runtime_init_done_ = false;
  Clock::time_point init_started_{};
  std::chrono::milliseconds retry_pause_{0};  // 0: what is tried again starts at once
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
};

}  // namespace mayfly::emulator
