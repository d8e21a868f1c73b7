// What is left of functions that crash, as processes.

#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include <mayfly/json.h>

#include "tests/runtime/bootstrap_run.h"

namespace json = mayfly::json;
namespace test = mayfly::test;
using mayfly::test::accepted;
using mayfly::test::contains;
using mayfly::test::error_type;
using mayfly::test::event_answer;
using mayfly::test::kError;
using mayfly::test::kInitError;
using mayfly::test::kNext;
using mayfly::test::ScriptedServer;

namespace {

// Members of a line of the log.
struct Line {
  std::string timestamp, level;
  std::optional<std::string> requestId;
  std::string message, errorMessage, errorType;
  std::vector<std::string> stackTrace;
};

struct Error {
  std::string errorMessage, errorType;
  std::vector<std::string> stackTrace;
};

template <class T>
T parsed(const std::string& text) {
  json::Document document;
  auto value = json::parse<T>(document, text, text.size());
  if (!value) FAIL(value.error().to_string() << " in " << text);
  return *value;
}

struct Crash {
  test::Ended ended;
  std::vector<test::Request> requests;

  // The last line, and the only one but for what others have said before.
  Line line(std::ptrdiff_t lines = 1) const {
    const std::string& all = ended.standard_error;
    CAPTURE(all);
    CHECK(std::ranges::count(all, '\n') == lines);
    return parsed<Line>(all.substr(all.rfind('\n', all.size() - 2) + 1));
  }

  // What Lambda was told is what the line says.
  void is_reported(std::string_view type, std::string_view message, std::string_view function) const {
    auto said = line();
    CHECK(said.level == "FATAL");
    CHECK(said.errorType == type);
    CHECK(said.errorMessage.starts_with(message));
    CAPTURE(ended.standard_error);
    CHECK(std::ranges::any_of(said.stackTrace, [&](auto& frame) { return contains(frame, function); }));
    REQUIRE(requests.size() == 1);
    CHECK(error_type(requests[0]) == type);
    auto told = parsed<Error>(requests[0].body);
    CHECK(told.errorType == type);
    CHECK(told.errorMessage == said.errorMessage);
    CHECK(told.stackTrace == said.stackTrace);
  }
};

Crash crash_of(std::string act, std::vector<std::string> environment = {}) {
  ScriptedServer server({{std::string(kNext), event_answer(act)}, {std::string(kError), accepted()}});
  auto ended = test::run_program(TEST_CRASHING, server, std::move(environment));
  return {std::move(ended), server.requests("POST ")};
}

}  // namespace

TEST_CASE("a fault leaves a line with request id and stack, and its error is posted") {
  struct Case {
    std::string act;
    int signal;
    std::string type, message, function;
  };
  for (const auto& [act, signal, type, message, function] :
       {Case{"write", SIGSEGV, "Function.SegmentationFault", "segmentation fault (SIGSEGV) at address 0x0",
             "write_to_null"},
        Case{"call", SIGSEGV, "Function.SegmentationFault", "segmentation fault (SIGSEGV) at address 0x0", "call_null"},
        Case{"overflow", SIGSEGV, "Function.StackOverflow", "stack overflow (SIGSEGV) at address 0x", "overflow"},
        Case{"abort", SIGABRT, "Function.Abort", "abort (SIGABRT)", "perform"},
        Case{"divide", SIGFPE, "Function.ArithmeticError", "integer division by zero", "divide"},
        Case{"trap", SIGILL, "Function.IllegalInstruction", "illegal instruction (SIGILL) at address 0x", "perform"},
        Case{"bus", SIGBUS, "Function.BusError", "bus error (SIGBUS) at address 0x", "read_past_end_of_file"},
        Case{"write in a thread", SIGSEGV, "Function.SegmentationFault", "segmentation fault (SIGSEGV) at address 0x0",
             "write_to_null"}}) {
    CAPTURE(act);
    auto crash = crash_of(act);
    CHECK(crash.ended.code == -signal);
    crash.is_reported(type, message, function);
    CHECK(crash.line().requestId == "r1");
    CHECK(crash.line().message == "the function has crashed");
    CHECK(crash.requests[0].line == "POST /2018-06-01/runtime/invocation/r1/error HTTP/1.1");
  }
}

TEST_CASE("the stack of a crash ends where the handler was called") {
  auto stack = crash_of("write").line().stackTrace;
  REQUIRE(stack.size() >= 2);
  CHECK(contains(stack[0], "write_to_null"));
  CHECK(contains(stack[1], "perform"));
  CHECK_FALSE(contains(stack.back(), "runtime"));
}

TEST_CASE("an exception that nobody catches is reported as itself, with the stack of its throw") {
  auto crash = crash_of("noexcept");
  CHECK(crash.ended.code == -SIGABRT);
  crash.is_reported("Order.Invalid", "no \"pieces\"", "refuse()");
  CHECK(crash.line().message == "an exception was not caught");

  crash = crash_of("throw in a thread");
  CHECK(crash.ended.code == -SIGABRT);
  crash.is_reported("std::runtime_error", "lost", "thread");
  CHECK(crash.line().requestId == "r1");
}

TEST_CASE("std::terminate without an exception is reported with the stack of its call") {
  auto crash = crash_of("terminate");
  CHECK(crash.ended.code == -SIGABRT);
  crash.is_reported("Function.Terminate", "std::terminate without an exception", "perform");
}

TEST_CASE("a crash while a crash is reported has one line, too") {
  auto crash = crash_of("bad what");
  CHECK(crash.ended.code == -SIGSEGV);
  crash.is_reported("Function.SegmentationFault", "segmentation fault", "BadWhat");
}

TEST_CASE("a crash inside the heap is reported without it") {
#if !defined(__SANITIZE_ADDRESS__)
  auto crash = crash_of("heap");
  CHECK(crash.ended.code == -SIGABRT);
  auto line = crash.line(2);  // glibc says what is wrong
  CHECK(line.errorType == "Function.Abort");
  CHECK(std::ranges::any_of(line.stackTrace, [](auto& frame) { return contains(frame, "damage_heap"); }));
  CHECK(crash.requests.size() == 1);
#endif
}

TEST_CASE("a crash of Init is reported to init/error") {
  for (std::string act : {"write", "noexcept", "fatal", "overflow"}) {
    CAPTURE(act);
    ScriptedServer server({{std::string(kInitError), accepted()}});
    auto ended = test::run_program(TEST_CRASHING, server, {"CRASH_IN_INIT=" + act});
    CHECK(std::ranges::count(ended.standard_error, '\n') == 1);
    CHECK_FALSE(contains(ended.standard_error, "requestId"));
    CHECK(server.requests().size() == 1);
    CHECK(server.requests(kInitError).size() == 1);
  }
}

TEST_CASE("the stack of a worker's thread may overflow, too") {
  // Two workers, of which one runs on the main thread.
  ScriptedServer server({{std::string(kNext), event_answer("overflow in a thread")},
                         {std::string(kNext), event_answer("overflow in a thread")},
                         {std::string(kError), accepted()}});
  auto ended = test::run_program(TEST_CRASHING, server, {"AWS_LAMBDA_MAX_CONCURRENCY=2"});
  Crash crash{std::move(ended), server.requests("POST ")};
  CHECK(crash.ended.code == -SIGSEGV);
  crash.is_reported("Function.StackOverflow", "stack overflow", "overflow");
}

TEST_CASE("mayfly::fatal reports, and nothing runs behind it") {
  for (std::string act : {"fatal", "fatal in a thread"}) {
    CAPTURE(act);
    auto crash = crash_of(act, {"AWS_LAMBDA_LOG_FORMAT=JSON"});
    CHECK(crash.ended.code == 1);
    crash.is_reported("Prices.Corrupt", "the price table is damaged", "perform");
    CHECK(crash.line().requestId == "r1");
    CHECK(crash.line().message == "fatal error");
  }
}

TEST_CASE("a crash is a crash without a Runtime API that answers") {
  ScriptedServer server({{std::string(kNext), event_answer("write")}});
  auto ended = test::run_program(TEST_CRASHING, server, {});
  CHECK(std::ranges::count(ended.standard_error, '\n') == 1);
  CHECK((ended.code == -SIGSEGV || ended.code == -SIGTERM));  // the server ends the play with SIGTERM
}

TEST_CASE("a child that the function has forked crashes for itself") {
  auto crash = crash_of("child");
  CHECK(crash.ended.standard_error.empty());
  REQUIRE(crash.requests.size() == 1);
  CHECK(crash.requests[0].body == std::to_string(SIGSEGV));
}

TEST_CASE("a handler of signals that the program has brought is left alone") {
  auto crash = crash_of("write", {"OWN_HANDLER=1"});
  CHECK(crash.ended.code == 42);
  CHECK(crash.ended.standard_error.empty());
}
