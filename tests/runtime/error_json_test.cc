#include "runtime/src/error_json.h"

#include <doctest/doctest.h>

#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/runtime/captured_output.h"

using namespace mayfly;
using runtime::ErrorReport;

namespace orders {
struct Gone : std::runtime_error {
  using std::runtime_error::runtime_error;
};
template <class T>
struct Wrong : std::exception {
  const char* what() const noexcept override { return "wrong"; }
};
[[gnu::noinline]] void refuse() { throw Error("Order.Refused", "no"); }
[[gnu::noinline]] void call_refuse() {
  refuse();
  asm volatile("");  // not a tail call
}
}  // namespace orders

namespace {

struct Hidden : std::exception {
  const char* what() const noexcept override { return "hidden"; }
};

template <class F>
ErrorReport report_of(F throwing) {
  try {
    throwing();
  } catch (...) {
    return runtime::current_exception_report();
  }
  return {};
}

}  // namespace

TEST_CASE("an Error has the type and the message its user gave") {
  auto report = report_of([] { throw Error("Order.Invalid", "quantity must be positive"); });
  CHECK(report.type == "Order.Invalid");
  CHECK(report.message == "quantity must be positive");
}

TEST_CASE("other exceptions have the short name of their class") {
  CHECK(report_of([] { throw std::runtime_error("m"); }).type == "std::runtime_error");
  CHECK(report_of([] { throw std::runtime_error("m"); }).message == "m");
  CHECK(report_of([] { throw orders::Gone("m"); }).type == "orders::Gone");
  CHECK(report_of([] { throw orders::Wrong<std::vector<std::string>>(); }).type == "orders::Wrong");
  CHECK(report_of([] { throw Hidden(); }).type == "Hidden");
}

TEST_CASE("a class that carries a nested exception keeps its name") {
  auto nested = [](auto outer) {
    return report_of([&] {
      try {
        orders::refuse();
      } catch (...) {
        std::throw_with_nested(outer);
      }
    });
  };
  CHECK(nested(orders::Gone("m")).type == "orders::Gone");
  CHECK(nested(orders::Wrong<std::vector<int>>()).type == "orders::Wrong");
  CHECK(nested(Hidden()).type == "Hidden");
}

TEST_CASE("a thrown value that is no exception is named by its type") {
  CHECK(report_of([] { throw 42; }).type == "int");
  CHECK(report_of([] { throw 42; }).message == "an exception of type int, which is no std::exception");
  CHECK(report_of([] { throw std::string("s"); }).type == "std::basic_string");
}

TEST_CASE("error JSON is valid whatever the message holds") {
  CHECK(runtime::error_json({"T", "é \"quoted\" \\ \n", {"a", "b"}}) ==
        R"({"errorMessage":"é \"quoted\" \\ \n","errorType":"T","stackTrace":["a","b"]})");
  CHECK(runtime::error_json({"T", std::string("\0\x01\xff", 3), {}}) ==
        "{\"errorMessage\":\"\\u0000\\u0001\xEF\xBF\xBD\",\"errorType\":\"T\",\"stackTrace\":[]}");
}

TEST_CASE("a message longer than 64 KiB is cut") {
  auto report = report_of([] { throw std::runtime_error(std::string(1'000'000, 'x')); });
  CHECK(report.message.size() == 64 * 1024);
}

TEST_CASE("the stack trace begins where the exception was thrown") {
  auto report = report_of([] { orders::call_refuse(); });
  REQUIRE(report.stack_trace.size() >= 2);
  CHECK(report.stack_trace[0].starts_with("orders::refuse() (runtime_test+0x"));
  CHECK(report.stack_trace[1].starts_with("orders::call_refuse() (runtime_test+0x"));
}

TEST_CASE("the stack trace is that of the exception at hand, not of the last one thrown") {
  auto report = report_of([] {
    try {
      orders::call_refuse();
    } catch (...) {
      try {
        throw Hidden();
      } catch (...) {
      }
      throw;
    }
  });
  REQUIRE_FALSE(report.stack_trace.empty());
  CHECK(report.stack_trace[0].starts_with("orders::refuse() (runtime_test+0x"));
}

TEST_CASE("an exception of which no throw was seen has no stack, and never another's") {
  // The last one to lie at this address, most likely: both are of one size.
  report_of([] { throw std::runtime_error("m"); });
  auto of_another_class = std::make_exception_ptr(std::out_of_range("m"));
  auto report = report_of([&] { std::rethrow_exception(of_another_class); });
  CHECK(report.type == "std::out_of_range");
  CHECK(report.stack_trace == std::vector<std::string>{});

  of_another_class = nullptr;
  report_of([] { throw std::out_of_range("m"); });
  auto of_this_class = std::make_exception_ptr(std::out_of_range("m"));
  report = report_of([&] { std::rethrow_exception(of_this_class); });
  CHECK(report.stack_trace == std::vector<std::string>{});
}

TEST_CASE("a chain of nested exceptions is a chain of causes, each with its own stack") {
  auto report = report_of([] {
    try {
      try {
        orders::refuse();
      } catch (...) {
        std::throw_with_nested(Hidden());
      }
    } catch (...) {
      std::throw_with_nested(std::runtime_error("cannot price"));
    }
  });
  CHECK(report.type == "std::runtime_error");
  CHECK(report.message == "cannot price");
  REQUIRE(report.cause);
  CHECK(report.cause->type == "Hidden");
  REQUIRE(report.cause->cause);
  CHECK(report.cause->cause->type == "Order.Refused");
  CHECK(report.cause->cause->stack_trace.at(0).starts_with("orders::refuse() (runtime_test+0x"));
  CHECK_FALSE(report.cause->cause->cause);

  report.stack_trace = report.cause->stack_trace = report.cause->cause->stack_trace = {};
  CHECK(runtime::error_json(report) ==
        R"({"errorMessage":"cannot price","errorType":"std::runtime_error","stackTrace":[],"cause":)"
        R"({"errorMessage":"hidden","errorType":"Hidden","stackTrace":[],"cause":)"
        R"({"errorMessage":"no","errorType":"Order.Refused","stackTrace":[]}}})");
}

TEST_CASE("a longer chain than of eight causes loses its end") {
  auto report = report_of([] {
    std::function<void(int)> nest = [&](int depth) {
      if (depth == 0) throw std::runtime_error("0");
      try {
        nest(depth - 1);
      } catch (...) {
        std::throw_with_nested(std::runtime_error(std::to_string(depth)));
      }
    };
    nest(20);
  });
  int causes = 0;
  const ErrorReport* last = &report;
  for (; last->cause; last = last->cause.get()) ++causes;
  CHECK(causes == 8);
  CHECK(last->message == "12");
}

TEST_CASE("an error in the log has type, message, stack and cause as members of the line") {
  test::CapturedStandardError log;
  ErrorReport report{"Order.Invalid", "no pieces", {"f() (p+0x1)", "main (p+0x2)"}};
  report.cause = std::make_unique<ErrorReport>(ErrorReport{"Cause", "it", {}});
  runtime::log_error("the invocation failed", report);
  runtime::log_error("Init failed", {"T", "m", {}});
  CHECK(log.text().find("\tERROR\tthe invocation failed errorType=Order.Invalid errorMessage=\"no pieces\" "
                        "stackTrace=[\"f() (p+0x1)\",\"main (p+0x2)\"] "
                        "cause={\"errorMessage\":\"it\",\"errorType\":\"Cause\",\"stackTrace\":[]}\n") !=
        std::string::npos);
  CHECK(log.text().ends_with("\tERROR\tInit failed errorType=T errorMessage=m\n"));
}
