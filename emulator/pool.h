// The execution environments of a function: each runs one invocation at a time,
// as on Lambda [A], or some at a time under Managed Instances. An invocation goes
// to an environment that is warm and free, the least loaded first, then the last
// one used; else to a new one.
//
// One rule is ours: an invocation waits for an environment that has answered its
// caller already and only finishes its work behind the answer, instead of
// starting another one. So calls made one after another stay in one environment
// and find its state, however slow its extensions are.
//
// [A] AWS Lambda Developer Guide, "Understanding Lambda function scaling",
//     "Tenant isolation", read 2026-11.

#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "emulator/environment.h"
#include "emulator/invocation.h"
#include "emulator/settings.h"

namespace mayfly::emulator {

class Pool : public std::enable_shared_from_this<Pool> {
 public:
  // Asynchronous invocations that wait for an environment, and their bytes.
  static constexpr std::size_t kMaxEvents = 1'000;
  static constexpr std::size_t kMaxEventBytes = 256 * 1024 * 1024;

  // All references outlive the pool. `on_ended` is called through the
  // io_context once shut_down() has been called and no environment is left.
  Pool(boost::asio::io_context& io, const Settings& settings, const Observer& observer, Clock::time_point origin,
       ProcessTable& processes, std::function<void()> on_ended);

  // Under Managed Instances, and for a runtime that is started by hand, the first
  // environment starts now.
  void start();

  // False: throttled. A synchronous invocation is, when as many are without an
  // answer as all environments may have at a time; an asynchronous one, when too many wait.
  // `on_answer` is called once, maybe not before the return; after false, never.
  bool submit(std::shared_ptr<const Invocation> invocation, std::function<void(Answer)> on_answer);

  // Every environment ends, one with an invocation after it. What waits, and
  // what comes, gets new ones.
  void retire();

  // Ends all environments; what waits is answered as aborted.
  void shut_down();
  void kill();  // after shut_down(): at once
  bool has_ended() const { return stopping_ && members_.empty(); }

 private:
  struct Member {
    std::shared_ptr<Environment> environment;
    std::string tenant_id;  // of every invocation that it ever gets
    Clock::time_point created, used;
    bool retired = false;  // gets no further invocation
    bool ending = false;
  };
  struct Waiting {
    std::shared_ptr<const Invocation> invocation;
    std::function<void(Answer)> on_answer;
  };
  using Queue = std::deque<Waiting>;
  struct Demand;

  Member* find_free(const std::string& tenant_id);
  Member& add(const std::string& tenant_id);
  void run(Member& member, Waiting waiting);
  void place();
  void place(Queue& queue, Demand& demand);
  void settle();
  void watch_age();
  void end_old();
  void end_retired();

  boost::asio::io_context& io_;
  const Settings& settings_;
  const Observer& observer_;
  const Clock::time_point origin_;
  ProcessTable& processes_;
  const std::function<void()> on_ended_;

  std::vector<std::unique_ptr<Member>> members_;  // in the order of use: the last one used is the last
  std::uint32_t started_ = 0;                     // environments, ever
  Queue calls_, events_;                          // that wait: synchronous and asynchronous
  std::size_t event_bytes_ = 0;
  boost::asio::steady_timer age_;
  bool watching_age_ = false;
  bool stopping_ = false;
};

}  // namespace mayfly::emulator
