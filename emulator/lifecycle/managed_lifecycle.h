// The life of an environment of Managed Instances [A]: many invocations at a time.
//
//   cold -> init -> ready -> stopping -> ended
//
// Init takes place at the start and ends when the runtime has called `next` once
// and every extension has. Each `next` that waits is one idle worker; an
// invocation beyond them waits for one, on its own timeout. Nothing is frozen,
// and no invocation touches another: a timeout answers its caller and lets the
// function's code run on, whose late answer is refused (410). When a process
// ends, all that is open fails for it and the environment ends: it is replaced,
// never reset.
//
// [A] AWS Lambda Developer Guide, "Lambda Managed Instances" and "Understanding
//     the Lambda Managed Instances execution environment", read 2026-11. Refusals:
//     the official Runtime Interface Emulator with AWS_LAMBDA_MAX_CONCURRENCY.

#pragma once

#include <deque>
#include <list>

#include "emulator/lifecycle/extensions.h"
#include "emulator/lifecycle/lifecycle.h"
#include "emulator/lifecycle/shutdown.h"

namespace mayfly::emulator {

class ManagedLifecycle final : public Lifecycle {
 public:
  // So many timed out invocations are known by their request id, the latest ones.
  static constexpr std::size_t kMaxLate = 1'000;

  // All outlive the object.
  ManagedLifecycle(const Settings& settings, Orders& orders, Witness& witness)
      : settings_(settings), orders_(orders), witness_(witness) {}

  bool is_free() const override { return phase_ < Phase::stopping && calls_.size() < settings_.max_concurrency; }
  bool is_idle() const override { return phase_ == Phase::ready && calls_.empty(); }
  bool is_cold() const override { return phase_ == Phase::cold; }
  bool is_stopping() const override { return phase_ == Phase::stopping; }
  bool has_ended() const override { return phase_ == Phase::ended; }
  bool is_finishing() const override { return false; }
  std::size_t unanswered() const override { return calls_.size(); }

  void start() override;
  // Also before Init has ended: then it begins with its end.
  void invoke(std::shared_ptr<const Invocation> invocation) override;
  void shut_down() override;
  void kill() override;

  Accepted runtime_next() override;
  Accepted check_response(std::string_view request_id, std::string_view invocation_id, bool error) const override;
  Accepted runtime_response(std::string_view request_id, std::string_view invocation_id, std::string payload,
                            Clock::time_point first_byte, std::string content_type = {}) override;
  // Also while the same invocation's response is streamed: then it cuts that off.
  Accepted runtime_error(std::string_view request_id, std::string_view invocation_id, std::string payload,
                         std::string error_type, Clock::time_point first_byte) override;
  Accepted runtime_init_error(std::string payload, std::string error_type) override;

  bool wants_parts(std::string_view request_id) const override;
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
  enum class Phase { cold, extension_init, runtime_init, ready, stopping, ended };

  struct Call {
    std::shared_ptr<const Invocation> invocation;
    std::string invocation_id;  // empty: no worker has it yet
    Clock::time_point started{}, handed_out{}, first_byte{};
    std::int64_t deadline_ms = 0;
    bool announced = false;   // START is written
    bool responding = false;  // streamed
    bool broken = false;      // ... and the connection is gone
    RuntimeSpans spans{};
  };
  using Calls = std::list<Call>;

  void begin_init();
  void start_runtime();
  void check_init();
  void end_init();
  void fail_init(std::string_view status);
  void begin(Call& call);
  void hand_out(Call& call);
  void hand_out_waiting();
  void finish(Calls::iterator call, Answer answer, std::string_view status);
  void end(Calls::iterator call, Answer answer, std::string_view status, const std::string& error_type);
  void fail(Calls::iterator call, std::string_view status, const Fatal& fatal);
  void fail_all(const Fatal& fatal);
  void abort(Calls::iterator call);
  void end_broken_responses();
  void expire();
  void watch_deadline();
  void begin_stop(std::string_view reason);
  void stopped();
  void tell(Observation::Kind kind, const Call& call, std::string_view status = {}, const Answer& answer = {});
  Calls::iterator find(std::string_view request_id);
  Calls::const_iterator find(std::string_view request_id) const;
  Calls::iterator responding(std::string_view request_id);

  const Settings& settings_;
  Orders& orders_;
  Witness& witness_;
  Extensions extensions_{orders_, witness_};
  Shutdown shutdown_{settings_, orders_, witness_, extensions_};

  Phase phase_ = Phase::cold;
  bool runtime_ready_ = false;
  bool runtime_alive_ = false;
  bool runtime_failed_ = false;  // has posted init/error
  std::optional<Fatal> fatal_;
  Clock::time_point init_started_{};

  Calls calls_;                   // in the order of their deadlines
  std::size_t waiting_ = 0;       // of them, for a worker
  std::size_t idle_workers_ = 0;  // in `next`
  bool watching_deadline_ = false;
  bool ever_answered_ = false;
  bool told_of_waiting_ = false;
  std::deque<std::string> late_;  // request ids
};

}  // namespace mayfly::emulator
