// A function from Init to Shutdown, in this process.

#include <mayfly/runtime.h>

#include <doctest/doctest.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>

#include "tests/runtime/captured_output.h"
#include "tests/runtime/scripted_server.h"

using namespace mayfly;
using test::accepted;
using test::answer_with_status;
using test::event_answer;
using test::kExtensionNext;
using test::kInitError;
using test::kNext;
using test::kRegister;
using test::kResponse;
using test::registered;
using test::ScriptedServer;
using test::Step;

namespace {

Step step(std::string_view expects, std::string answer, Step::Then then = Step::Then::keep) {
  return {std::string(expects), std::move(answer), then};
}

// Sets a variable for the time of a test.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) { setenv(name, value.c_str(), 1); }
  ~Variable() { unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
};

int shutdowns = 0;

struct NeedsShutdown {
  std::string_view operator()(std::string_view event) {
    if (event == "end") std::raise(SIGTERM);
    return event;
  }
  void before_shutdown() { ++shutdowns; }
};

}  // namespace

TEST_CASE("without an address the program says which variable is missing and how to run it") {
  unsetenv("AWS_LAMBDA_RUNTIME_API");
  test::CapturedStandardError log;
  CHECK(run([] {}) == 1);
  CHECK(log.text().find("AWS_LAMBDA_RUNTIME_API is not set") != std::string::npos);
  std::string program = program_invocation_name;
  CHECK(log.text().ends_with("FATAL\tAWS_LAMBDA_RUNTIME_API is not set: " + program +
                             " is a Lambda function. To call it here: mayfly invoke --payload '{}' -- " + program +
                             " (mayfly run -- " + program + " keeps it running)\n"));
}

TEST_CASE("an address in any other form than host:port is named") {
  const std::string path = "expected host:port, without a scheme and without a path";
  const std::string port = "the port must be a number from 1 to 65535";
  for (auto [address, wanted] : {std::pair<std::string, std::string>{"http://127.0.0.1:9001", path},
                                 {"127.0.0.1:9001/", path},
                                 {"127.0.0.1:9001/2018-06-01", path},
                                 {"127.0.0.1", "expected host:port"},
                                 {":9001", "no valid host name"},
                                 {"127.0.0.1:", port},
                                 {"127.0.0.1:0", port},
                                 {"127.0.0.1:99999", port},
                                 {"127.0.0.1:http", port},
                                 {"a b:1", "no valid host name"},
                                 {"::1:9001", "no valid host name"}}) {
    CAPTURE(address);
    Variable variable("AWS_LAMBDA_RUNTIME_API", address);
    test::CapturedStandardError log;
    CHECK(run([] {}) == 1);
    CHECK(log.text().ends_with("\tFATAL\tAWS_LAMBDA_RUNTIME_API: '" + address + "': " + wanted + "\n"));
    CHECK(std::ranges::count(log.text(), '\n') == 1);
  }
}

TEST_CASE("what an App's constructor throws is reported to init/error, and the program ends with 1") {
  struct App {
    App() { throw std::runtime_error("no database"); }
    void operator()() {}
  };
  ScriptedServer server({step(kInitError, accepted())});
  Variable address("AWS_LAMBDA_RUNTIME_API", server.address());
  test::CapturedStandardError log;
  CHECK(run<App>() == 1);
  REQUIRE(server.requests().size() == 1);
  auto request = server.requests()[0];
  CHECK(request.line == "POST /2018-06-01/runtime/init/error HTTP/1.1");
  CHECK(request.field("Lambda-Runtime-Function-Error-Type") == "std::runtime_error");
  CHECK(request.body.starts_with(R"({"errorMessage":"no database","errorType":"std::runtime_error","stackTrace":[)"));
  CHECK(log.text().find("no database") != std::string::npos);
}

TEST_CASE("an init error that nobody takes is logged") {
  struct App {
    App() { throw Error("App.NoConfiguration", "no table name"); }
    void operator()() {}
  };
  ScriptedServer server({step(kInitError, answer_with_status(403))});
  Variable address("AWS_LAMBDA_RUNTIME_API", server.address());
  test::CapturedStandardError log;
  CHECK(run<App>() == 1);
  CHECK(log.text().find("route=init/error status=403") != std::string::npos);
}

TEST_CASE("_HANDLER chooses among named handlers") {
  ScriptedServer server({step(kNext, event_answer("")), step(kResponse, accepted(), Step::Then::leave)});
  Variable address("AWS_LAMBDA_RUNTIME_API", server.address());
  Variable handler("_HANDLER", "refunds");
  test::CapturedStandardError log;
  CHECK(run({{"orders", [] { return 1; }}, {"refunds", [] { return 2; }}}) == 1);
  REQUIRE(server.requests(kResponse).size() == 1);
  CHECK(server.requests(kResponse)[0].body == "2");
}

TEST_CASE("an unknown name in _HANDLER is reported to init/error with the known ones") {
  ScriptedServer server({step(kInitError, accepted())});
  Variable address("AWS_LAMBDA_RUNTIME_API", server.address());
  Variable handler("_HANDLER", "refund");
  test::CapturedStandardError log;
  CHECK(run({{"orders", [] {}}, {"refunds", [] {}}}) == 1);
  REQUIRE(server.requests(kInitError).size() == 1);
  CHECK(server.requests(kInitError)[0].field("Lambda-Runtime-Function-Error-Type") == "Runtime.HandlerNotFound");
  CHECK(server.requests(kInitError)[0].body.find(
            "no handler 'refund' (_HANDLER) in this program; it has: orders, refunds") != std::string::npos);
  CHECK(server.requests(kNext).empty());
}

TEST_CASE("the program ends with 1 when the Runtime API goes away") {
  ScriptedServer server({step(kNext, event_answer("1")), step(kResponse, accepted(), Step::Then::leave)});
  Variable address("AWS_LAMBDA_RUNTIME_API", server.address());
  test::CapturedStandardError log;
  CHECK(run([](std::string_view event) { return event; }) == 1);
  CHECK(log.text().find("FATAL\tno next invocation from the Runtime API: ") != std::string::npos);
}

TEST_CASE("a function without before_shutdown registers no extension") {
  ScriptedServer server({step(kNext, event_answer("1")), step(kResponse, accepted(), Step::Then::leave)});
  Variable address("AWS_LAMBDA_RUNTIME_API", server.address());
  test::CapturedStandardError log;
  run([](std::string_view event) { return event; });
  CHECK(server.requests("POST /2020").empty());
  CHECK(server.requests("GET /2020").empty());
}

TEST_CASE("an App with before_shutdown registers an extension without events before its first next, and parks it") {
  ScriptedServer server({step(kRegister, registered()), step(kExtensionNext, ""), step(kNext, event_answer("end")),
                         step(kResponse, accepted())});
  Variable address("AWS_LAMBDA_RUNTIME_API", server.address());
  shutdowns = 0;
  CHECK(run<NeedsShutdown>() == 0);
  auto requests = server.requests();
  REQUIRE(requests.size() >= 3);
  CHECK(requests[0].line.starts_with(kRegister));
  CHECK(requests[0].body == R"({"events":[]})");
  CHECK_FALSE(requests[0].field("Lambda-Extension-Name").empty());
  REQUIRE(server.requests(kExtensionNext).size() == 1);
  CHECK(server.requests(kExtensionNext)[0].field("Lambda-Extension-Identifier") == "id-1");
  CHECK(server.requests(kExtensionNext)[0].connection == requests[0].connection);
  CHECK(server.requests(kNext)[0].connection != requests[0].connection);
}

TEST_CASE("SIGTERM during an invocation lets it be answered, then calls before_shutdown, and the program ends with 0") {
  Step slowly_accepted = step(kResponse, accepted());
  slowly_accepted.delay_ms = 100;  // the signal is there long before the answer
  ScriptedServer server(
      {step(kRegister, registered()), step(kExtensionNext, ""), step(kNext, event_answer("end")), slowly_accepted});
  Variable address("AWS_LAMBDA_RUNTIME_API", server.address());
  shutdowns = 0;
  CHECK(run<NeedsShutdown>() == 0);
  CHECK(shutdowns == 1);
  REQUIRE(server.requests(kResponse).size() == 1);
  CHECK(server.requests(kResponse)[0].body == "end");
}

TEST_CASE("SIGTERM while next waits calls before_shutdown, and the program ends with 0") {
  ScriptedServer server({step(kRegister, registered()), step(kExtensionNext, "")});
  Variable address("AWS_LAMBDA_RUNTIME_API", server.address());
  shutdowns = 0;
  std::thread lambda([&] {
    pollfd next_waits{server.done_fd(), POLLIN, 0};
    poll(&next_waits, 1, -1);
    kill(getpid(), SIGTERM);
  });
  CHECK(run<NeedsShutdown>() == 0);
  lambda.join();
  CHECK(shutdowns == 1);
}

TEST_CASE("a refused extension costs the notice of the end, not the function") {
  ScriptedServer server(
      {step(kRegister, answer_with_status(404)), step(kNext, event_answer("end")), step(kResponse, accepted())});
  Variable address("AWS_LAMBDA_RUNTIME_API", server.address());
  test::CapturedStandardError log;
  CHECK(run<NeedsShutdown>() == 0);
  CHECK(server.requests(kResponse).size() == 1);
  CHECK(log.text().find("before_shutdown may not run reason=\"HTTP status 404\"") != std::string::npos);
}

TEST_CASE("an exception in before_shutdown is logged, and the program ends with 1") {
  struct App {
    void operator()() { std::raise(SIGTERM); }
    void before_shutdown() { throw std::runtime_error("cannot close"); }
  };
  ScriptedServer server({step(kRegister, registered()), step(kExtensionNext, ""), step(kNext, event_answer("1")),
                         step(kResponse, accepted())});
  Variable address("AWS_LAMBDA_RUNTIME_API", server.address());
  test::CapturedStandardError log;
  CHECK(run<App>() == 1);
  CHECK(
      log.text().find("Z\tERROR\tbefore_shutdown failed errorType=std::runtime_error errorMessage=\"cannot close\"") !=
      std::string::npos);  // no invocation's request id
}

TEST_CASE("SIGTERM interrupts none of the function's own calls") {
  struct App {
    bool operator()() {
      struct sigaction action;
      sigaction(SIGTERM, nullptr, &action);
      return (action.sa_flags & SA_RESTART) != 0;
    }
    void before_shutdown() {}
  };
  ScriptedServer server({step(kRegister, registered()), step(kExtensionNext, ""), step(kNext, event_answer("1")),
                         step(kResponse, accepted(), Step::Then::leave)});
  Variable address("AWS_LAMBDA_RUNTIME_API", server.address());
  test::CapturedStandardError log;
  run<App>();
  REQUIRE(server.requests(kResponse).size() == 1);
  CHECK(server.requests(kResponse)[0].body == "true");
}

TEST_CASE("SIGTERM has its old meaning again when run has returned") {
  ScriptedServer server({step(kRegister, registered()), step(kExtensionNext, ""), step(kNext, event_answer("end")),
                         step(kResponse, accepted())});
  Variable address("AWS_LAMBDA_RUNTIME_API", server.address());
  struct sigaction before, after;
  sigaction(SIGTERM, nullptr, &before);
  run<NeedsShutdown>();
  sigaction(SIGTERM, nullptr, &after);
  CHECK((after.sa_handler == before.sa_handler));
}

TEST_CASE("the trace id is in the environment while the handler runs, and only its own") {
  ScriptedServer server({step(kNext, event_answer("1", "r1", "Lambda-Runtime-Trace-Id: Root=1\r\n")),
                         step(kResponse, accepted()), step(kNext, event_answer("2")),
                         step(kResponse, accepted(), Step::Then::leave)});
  Variable address("AWS_LAMBDA_RUNTIME_API", server.address());
  test::CapturedStandardError log;
  run([] {
    const char* trace = std::getenv("_X_AMZN_TRACE_ID");
    return std::string(trace ? trace : "none");
  });
  REQUIRE(server.requests(kResponse).size() == 2);
  CHECK(server.requests(kResponse)[0].body == "Root=1");
  CHECK(server.requests(kResponse)[1].body == "none");
}
