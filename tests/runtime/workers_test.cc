// Many invocations at once. The thread sanitizer runs this program, too; with
// MAYFLY_TEST_INVOCATIONS=100000 for as long as one likes.

#include "runtime/src/workers.h"

#include <mayfly/log.h>
#include <mayfly/runtime.h>
#include <mayfly/stream.h>

#include <doctest/doctest.h>
#include <poll.h>

#include <atomic>
#include <barrier>
#include <csignal>
#include <cstdlib>
#include <latch>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/uri.h"
#include "tests/runtime/busy_server.h"
#include "tests/runtime/captured_output.h"

using namespace mayfly;
using test::BusyServer;

namespace {

// The log's form is read with its first line, which is one of this program.
const bool kJsonLog = setenv("AWS_LAMBDA_LOG_FORMAT", "JSON", 1) == 0;

std::size_t invocations() {
  const char* text = std::getenv("MAYFLY_TEST_INVOCATIONS");
  return text ? std::strtoul(text, nullptr, 10) : 2'000;
}

// Runs so many workers until the server has had all its answers.
core::Failure run(BusyServer& server, const runtime::HandlerSource& source, std::size_t workers) {
  std::vector<runtime::Handler> handlers;
  while (handlers.size() < workers) handlers.push_back(source.make(source.from));
  auto end = runtime::run_workers(*core::parse_host_port(server.address()), handlers, server.done_fd());
  for (const auto& handler : handlers) handler.destroy(handler.state);
  return end;
}

// mayfly::run() with this many workers, ended by SIGTERM when the server is done.
template <class Run>
int run_process(BusyServer& server, std::size_t workers, Run run_it) {
  setenv("AWS_LAMBDA_RUNTIME_API", server.address().c_str(), 1);
  setenv("AWS_LAMBDA_MAX_CONCURRENCY", std::to_string(workers).c_str(), 1);
  std::thread end([&] {
    pollfd done{server.done_fd(), POLLIN, 0};
    poll(&done, 1, -1);
    kill(getpid(), SIGTERM);
  });
  int code = run_it();
  end.join();
  unsetenv("AWS_LAMBDA_RUNTIME_API");
  unsetenv("AWS_LAMBDA_MAX_CONCURRENCY");
  return code;
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t begin = 0, end; (end = text.find('\n', begin)) != text.npos; begin = end + 1) {
    out.push_back(text.substr(begin, end - begin));
  }
  return out;
}

}  // namespace

TEST_CASE("AWS_LAMBDA_MAX_CONCURRENCY is the number of workers, and anything but a number in its range is one") {
  struct Case {
    const char* value;
    std::size_t workers;
    bool complains;
  };
  for (auto [value, workers, complains] :
       {Case{nullptr, 1, false}, Case{"", 1, false}, Case{"1", 1, false}, Case{"16", 16, false},
        Case{"1600", 1'600, false}, Case{"1601", 1, true}, Case{"0", 1, true}, Case{"-4", 1, true}, Case{"4x", 1, true},
        Case{"99999999999999999999", 1, true}}) {
    CAPTURE(value ? value : "not set");
    value ? setenv("AWS_LAMBDA_MAX_CONCURRENCY", value, 1) : unsetenv("AWS_LAMBDA_MAX_CONCURRENCY");
    test::CapturedStandardError log;
    CHECK(runtime::worker_count() == workers);
    CHECK(log.text().empty() != complains);
  }
  unsetenv("AWS_LAMBDA_MAX_CONCURRENCY");
}

TEST_CASE("sixteen workers give each invocation its own answer and its own request id in the log") {
  struct Job {
    int n;
  };
  auto handler = [](const Job& job, Context& context, Writer& out) -> Result<void> {
    auto n = std::to_string(job.n);
    if (job.n % 50 == 0) mayfly::log.info("job", {{"n", job.n}, {"trace", context.trace_id()}});
    switch (job.n % 4) {
      case 0: return unexpected(Error("Job.Failed", n));
      case 1: throw Error("Job.Thrown", n);
      default: out << "job " << n;
    }
    return {};
  };
  const auto count = invocations();
  BusyServer server(count, [](std::size_t n) { return "{\"n\":" + std::to_string(n) + "}"; });
  std::string log;
  {
    test::CapturedStandardError captured;
    CHECK(run(server, runtime::source_of(handler), 16).code == core::Errc::interrupted);
    log = captured.text();
  }
  CHECK(server.faults().empty());
  CHECK(server.connections() == 16);
  auto answers = server.answers();
  REQUIRE(answers.size() == count);
  std::size_t wrong = 0;
  for (const auto& [i, answer] : answers) {
    auto n = std::to_string(i);
    bool failed = i % 4 < 2;
    auto wanted = failed ? "{\"errorMessage\":\"" + n + "\""
                         : "4\r\njob \r\n" + std::to_string(n.size()) + "\r\n" + n + "\r\n0\r\n\r\n";
    if (answer.route != (failed ? "error" : "response") || !answer.body.starts_with(wanted)) ++wrong;
  }
  CHECK(wrong == 0);

  std::size_t jobs = 0, foreign = 0;
  for (const auto& line : lines(log)) {
    CHECK(line.starts_with("{\"timestamp\":"));
    CHECK(line.ends_with('}'));
    auto at = line.find(",\"n\":");
    if (at == line.npos) continue;
    ++jobs;
    auto n = line.substr(at + 5, line.find(',', at + 1) - at - 5);
    if (line.find("\"requestId\":\"r" + n + "\"") == line.npos || line.find("\"trace\":\"t" + n + "\"") == line.npos)
      ++foreign;
  }
  CHECK(jobs == (count + 49) / 50);
  CHECK(foreign == 0);
}

TEST_CASE("a handler that blocks holds up nobody else") {
  constexpr std::size_t kOthers = 30;
  std::latch others(kOthers);
  auto handler = [&](std::string_view event) {
    event == "block" ? others.wait() : others.count_down();
    return event;
  };
  // Three of four workers are held until the one that is left has done all else.
  BusyServer server(kOthers + 3, [](std::size_t n) { return n < 3 ? "block" : "go on"; });
  CHECK(run(server, runtime::source_of(handler), 4).code == core::Errc::interrupted);
  CHECK(server.answers().size() == kOthers + 3);
  CHECK(server.faults().empty());
}

TEST_CASE("a worker that cannot reach the Runtime API ends alone") {
  BusyServer server(
      200, [](std::size_t n) { return std::to_string(n); }, 3);
  // The last invocation waits until the fourth worker has given up.
  test::CapturedStandardError log;
  auto handler = [&](std::string_view event) {
    while (event == "199" && log.text().find("a worker has ended") == std::string::npos) std::this_thread::yield();
    return event;
  };
  CHECK(run(server, runtime::source_of(handler), 4).code == core::Errc::interrupted);
  CHECK(server.answers().size() == 200);
  CHECK(log.text().find("\"workers\":3") != std::string::npos);
}

TEST_CASE("when no worker reaches the Runtime API, that is the end") {
  BusyServer server(
      1, [](std::size_t) { return "1"; }, 0);
  test::CapturedStandardError log;
  auto handler = [](std::string_view event) { return event; };
  auto end = run(server, runtime::source_of(handler), 3);
  CHECK(end.code == core::Errc::refused);
  CHECK(end.message == "no next invocation from the Runtime API: HTTP status 500");
  CHECK(lines(log.text()).size() == 2);  // the last one is the caller's to tell
}

namespace {

// What the Apps of the next test do together.
std::atomic<int> constructed, destroyed, shut_down, overlaps;
std::barrier<>* all_at_once = nullptr;
std::atomic<int> meetings;

struct App {
  App() { ++constructed; }
  ~App() { ++destroyed; }
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  std::string operator()(std::string_view, const Context& context) {
    if (++inside > 1) ++overlaps;
    if (meetings.fetch_sub(1) > 0) all_at_once->arrive_and_wait();
    // Nobody changes the environment while others may read it.
    std::string answer = std::getenv("_X_AMZN_TRACE_ID") ? "" : std::string(context.trace_id());
    --inside;
    return answer;
  }
  void before_shutdown() { ++shut_down; }

  std::atomic<int> inside = 0;
};

void reset(std::barrier<>& barrier) {
  constructed = destroyed = shut_down = overlaps = 0;
  all_at_once = &barrier;
  meetings = 4;
}

}  // namespace

TEST_CASE("each worker has an App of its own") {
  BusyServer server(100, [](std::size_t n) { return std::to_string(n); });
  std::barrier<> barrier(4);
  reset(barrier);
  CHECK(run_process(server, 4, [] { return mayfly::run<App>(); }) == 0);
  CHECK(server.faults().empty());
  CHECK(server.answers()[7].body == "t7");
  CHECK(constructed == 4);
  CHECK(overlaps == 0);
  CHECK(shut_down == 4);
  CHECK(destroyed == 4);
}

TEST_CASE("run_shared has one App, which all workers call at once") {
  BusyServer server(100, [](std::size_t n) { return std::to_string(n); });
  std::barrier<> barrier(4);
  reset(barrier);
  CHECK(run_process(server, 4, [] { return mayfly::run_shared<App>(); }) == 0);
  CHECK(server.answers().size() == 100);
  CHECK(constructed == 1);
  CHECK(overlaps > 0);
  CHECK(shut_down == 1);
  CHECK(destroyed == 1);
}

TEST_CASE("one handler of the caller's is called by all workers, and hears of the end once") {
  BusyServer server(100, [](std::size_t n) { return std::to_string(n); });
  std::barrier<> barrier(4);
  reset(barrier);
  App app;
  CHECK(run_process(server, 4, [&] { return mayfly::run(app); }) == 0);
  CHECK(overlaps > 0);
  CHECK(shut_down == 1);
}

TEST_CASE("when one of the Apps cannot be constructed, Init has failed") {
  struct Fragile {
    Fragile() {
      if (++constructed == 3) throw Error("Fragile.Broken", "the third");
    }
    std::string_view operator()(std::string_view event) { return event; }
  };
  constructed = 0;
  BusyServer server(1, [](std::size_t n) { return std::to_string(n); });
  setenv("AWS_LAMBDA_RUNTIME_API", server.address().c_str(), 1);
  setenv("AWS_LAMBDA_MAX_CONCURRENCY", "4", 1);
  test::CapturedStandardError log;
  CHECK(mayfly::run<Fragile>() == 1);
  unsetenv("AWS_LAMBDA_RUNTIME_API");
  unsetenv("AWS_LAMBDA_MAX_CONCURRENCY");
  CHECK(constructed == 3);
  CHECK(server.answers().empty());
  REQUIRE(!server.faults().empty());
  CHECK(server.faults()[0] == "POST /2018-06-01/runtime/init/error");
}
