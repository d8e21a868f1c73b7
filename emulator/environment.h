// One execution environment in the real world: the lifecycle's orders become
// processes, timers and answers of the APIs on a loopback port of its own; what
// happens there is told to the lifecycle.
//
// Each set of processes is a generation with API objects, telemetry and
// connections of its own, so that nothing of a killed process is ever taken for
// a word of its successor.

#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/failure.h"
#include "core/http_server/http_server.h"
#include "emulator/apis/extensions_api.h"
#include "emulator/apis/runtime_api.h"
#include "emulator/apis/telemetry_api.h"
#include "emulator/invocation.h"
#include "emulator/lifecycle/lifecycle.h"
#include "emulator/sandbox/process.h"
#include "emulator/settings.h"
#include "emulator/telemetry/journal.h"
#include "emulator/telemetry/telemetry.h"

namespace mayfly::emulator {

// Held by shared_ptr: requests that are being served keep it alive.
class Environment final : public Orders, public std::enable_shared_from_this<Environment> {
 public:
  // All references outlive the environment. `number`: 1, 2, ... of those of a
  // service. `on_settled` is called through the io_context whenever is_free() or
  // has_ended() may have become true.
  Environment(boost::asio::io_context& io, const Settings& settings, const Observer& observer, Clock::time_point origin,
              ProcessTable& processes, std::uint32_t number, std::function<void()> on_settled);
  ~Environment() override;

  bool is_free() const { return lifecycle_.is_free(); }
  bool has_ended() const { return lifecycle_.has_ended() && !settling_; }
  // Its caller has the answer: it will be free without anybody's doing.
  bool is_finishing() const { return lifecycle_.is_finishing(); }
  // Invocations that have no answer yet.
  std::size_t unanswered() const { return lifecycle_.unanswered(); }
  bool is_idle() const { return is_free() && lifecycle_.unanswered() == 0; }
  // Init, where that does not wait for an invocation.
  void start() { lifecycle_.start(); }
  // Only when is_free(). `on_answer` is called once.
  void invoke(std::shared_ptr<const Invocation> invocation, std::function<void(Answer)> on_answer);
  void shut_down();
  void kill() { lifecycle_.kill(); }

 private:
  struct Generation;

  // Orders
  Clock::time_point now() override { return Clock::now(); }
  core::WallTime wall_now() override { return core::wall_now(); }
  std::string new_uuid() override;
  void set_alarm(Clock::time_point at) override;
  std::vector<std::string> new_generation() override;
  expected<void, LaunchFailure> start_runtime() override;
  expected<void, LaunchFailure> start_extension(ProcessId id, const std::string& name) override;
  void send_signal(ProcessId id, int signal) override;
  void hand_to_runtime(const RuntimeEvent& event) override;
  void hand_to_extension(const std::string& identifier, const ExtensionEvent& event) override;
  void answer(const Invocation& invocation, Answer answer) override;
  void ended(const Invocation& invocation) override;
  void drain_output() override;
  void flush_telemetry() override;
  int max_memory_mb() override;
  void freeze() override;
  void thaw() override;
  void settled() override;

  // Of an invocation that has not ended.
  struct Caller {
    std::uint32_t number;
    std::function<void(Answer)> on_answer;   // null: it was called
    std::shared_ptr<ResponseStream> stream;  // that the caller has, until its end
    Answer held;                             // until its log tail is complete
    bool cold = false;                       // processes were started for it
  };
  Caller& caller_of(const Invocation& invocation);
  static void deliver(Caller& caller, Answer answer);
  void measure(ProcessId id);
  void measure_all();
  void set_timer(Clock::time_point at);
  void close_generation();
  bool killed_for_memory(const std::string& how);
  core::Outcome<void> listen();
  void process_exited(ProcessId id, std::shared_ptr<Generation> generation, std::string how);
  expected<void, LaunchFailure> launch(ProcessId id, const std::string& name, ProcessSpec spec);

  boost::asio::io_context& io_;
  const Settings& settings_;
  ProcessTable& processes_;
  const std::unique_ptr<FileView> view_;
  const std::unique_ptr<SandboxGroup> group_;  // what is in it ends before its files do
  std::function<void()> on_settled_;
  const std::string log_stream_;
  Journal journal_;
  const std::unique_ptr<Lifecycle> owned_lifecycle_;
  Lifecycle& lifecycle_;
  boost::asio::steady_timer timer_;
  Clock::time_point alarm_at_ = Clock::time_point::max(), timer_at_ = Clock::time_point::max();  // max(): not set

  std::shared_ptr<Generation> generation_;
  core::Origin runtime_api_;
  std::vector<std::filesystem::path> extension_files_;
  std::vector<std::shared_ptr<Process>> running_;  // by ProcessId; null: not started
  std::int64_t peak_kb_ = 0;
  std::int64_t out_of_memory_kills_ = 0;
  Clock::time_point measured_{};
  std::vector<Caller> callers_;
  bool settling_ = false;
};

}  // namespace mayfly::emulator
