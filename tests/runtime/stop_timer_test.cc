// Context::stop_token().

#include <mayfly/context.h>

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "tests/runtime/recording_sink.h"

using namespace mayfly;
using namespace std::chrono_literals;
using Clock = std::chrono::system_clock;

namespace {

// An invocation with so much time left.
struct Invocation {
  explicit Invocation(std::chrono::milliseconds left)
      : deadline(std::chrono::floor<std::chrono::milliseconds>(Clock::now()) + left),
        text(std::to_string(deadline.time_since_epoch() / 1ms)),
        fields(test::fields({{"Lambda-Runtime-Deadline-Ms", text}})),
        context(fields) {}

  std::chrono::time_point<Clock, std::chrono::milliseconds> deadline;
  std::string text;
  std::vector<mayfly_field> fields;
  Context context;
};

int timer_threads() {
  int count = 0;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    std::ifstream(thread.path() / "comm") >> name;  // which fails for one that has just ended
    if (name == "stop-timer") ++count;
  }
  return count;
}

// A thread that was joined is seen for a moment more.
void no_timer_threads() {
  while (timer_threads() > 0) std::this_thread::yield();
}

// The thread's name is its first deed.
void one_timer_thread() {
  while (timer_threads() == 0) std::this_thread::yield();
  CHECK(timer_threads() == 1);
}

// Waits for the stop; when it came.
Clock::time_point stop_of(const std::stop_token& token) {
  std::latch stopped(1);
  Clock::time_point at;
  std::stop_callback on_stop(token, [&] {
    at = Clock::now();
    stopped.count_down();
  });
  stopped.wait();
  return at;
}

}  // namespace

TEST_CASE("a stop is asked for so long before the deadline, and not sooner") {
  Invocation invocation(60ms);
  auto late = invocation.context.stop_token(10ms);
  auto early = invocation.context.stop_token(40ms);
  CHECK(stop_of(early) >= invocation.deadline - 40ms);
  CHECK(stop_of(late) >= invocation.deadline - 10ms);
  CHECK(early.stop_requested());
}

TEST_CASE("a stop is asked for at once when no more is left, and never without a deadline") {
  no_timer_threads();
  Invocation invocation(1h);
  CHECK(invocation.context.stop_token(1h).stop_requested());
  CHECK(invocation.context.stop_token(std::chrono::milliseconds::max()).stop_requested());
  CHECK(Invocation(-1ms).context.stop_token(0ms).stop_requested());
  CHECK_FALSE(Context({}).stop_token(1h).stop_possible());
  CHECK(timer_threads() == 0);
}

TEST_CASE("a thread exists from the first token that has to wait to the end of the invocation") {
  no_timer_threads();
  std::stop_token token;
  {
    Invocation invocation(1h);
    invocation.context.remaining();
    CHECK(timer_threads() == 0);
    token = invocation.context.stop_token(1s);
    for (int i = 2; i < 9; ++i) invocation.context.stop_token(std::chrono::seconds(i));
    CHECK(invocation.context.stop_token(1s) == token);
    one_timer_thread();
  }
  no_timer_threads();
  CHECK_FALSE(token.stop_requested());
}

TEST_CASE("threads of a handler may ask for tokens at once") {
  Invocation invocation(20ms);
  std::vector<std::jthread> asking;
  for (int i = 0; i < 8; ++i) {
    asking.emplace_back([&, i] { stop_of(invocation.context.stop_token(std::chrono::milliseconds(i))); });
  }
}
