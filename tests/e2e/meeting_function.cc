// Invocations that wait for one another: what only a function can do that has
// several at once.
//
//   {"meet":4}        answers when so many are here at once, with the worker's number
//   {"hold":"a"}      answers, late, when somebody has sent {"release":"a"}
//   {"until":500}     answers when so many ms are left to the deadline, with what is left

#include <mayfly/log.h>
#include <mayfly/runtime.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>
#include <string>

namespace {

struct Event {
  std::optional<int> meet;
  std::optional<std::string> hold;
  std::optional<std::string> release;
  std::optional<int> until;
};

// All workers share one.
class Room {
 public:
  std::int64_t operator()(const Event& event, mayfly::Context& context) {
    thread_local const int worker = ++workers_;
    mayfly::log.info("hello", {{"worker", worker}, {"of", context.request_id()}});
    if (event.until) {
      auto token = context.stop_token(std::chrono::milliseconds(*event.until));
      std::mutex mine;
      std::unique_lock lock(mine);
      std::condition_variable_any().wait(lock, token, [] { return false; });
      return context.remaining().count();
    }
    std::unique_lock lock(mutex_);
    if (event.release) released_.insert(*event.release);
    if (event.meet && ++here_ == *event.meet) {
      here_ = 0;
      ++meetings_;
    }
    changed_.notify_all();
    changed_.wait(lock, [&, met = meetings_ + (here_ > 0 ? 1 : 0)] {
      return (!event.meet || meetings_ >= met) && (!event.hold || released_.contains(*event.hold));
    });
    return worker;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int here_ = 0;
  int meetings_ = 0;
  std::set<std::string> released_;
  static inline std::atomic<int> workers_ = 0;
};

}  // namespace

int main() { return mayfly::run_shared<Room>(); }
