// A failed invocation, or a failed Init phase, as Lambda wants to hear of it:
// {"errorMessage":"...","errorType":"...","stackTrace":["...",...],"cause":{...}}.

#pragma once

#include <exception>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <mayfly/error.h>
#include <mayfly/log.h>
#include <mayfly/runtime/handler.h>

namespace mayfly::runtime {

struct ErrorReport {
  std::string type;
  std::string message;  // cut to 64 KiB
  std::vector<std::string> stack_trace;
  // What std::throw_with_nested has put inside; at most 8 in a row.
  std::unique_ptr<ErrorReport> cause = nullptr;
};

// An error that is JSON already, because a shared object has written it. Thrown
// by our own handlers only, where an answer cannot be given otherwise.
struct ReportedError : std::exception {
  ReportedError(std::string type_of_error, std::string json_of_error)
      : type(std::move(type_of_error)), json(std::move(json_of_error)) {}
  const char* what() const noexcept override { return type.c_str(); }

  std::string type;
  std::string json;
};

// The exception that is being handled. An Error has its own type; any other
// exception that of its class, without template arguments: "std::out_of_range".
ErrorReport current_exception_report();

std::string error_json(const ErrorReport& report);

// Logs the error and throws it as a ReportedError: for handlers that cannot be made.
[[noreturn]] void fail_init(std::string type, std::string message);

// An error of type and message, without a stack.
ErrorReport report_of(const Error& error);

// One line: errorType, errorMessage and, when there are any, stackTrace and cause.
void log_error(std::string_view message, const ErrorReport& report, std::span<const LogField> more = {},
               LogLevel level = LogLevel::error, LogLocation at = {nullptr, 0});

// Logs the exception that is being handled, with `what` as the message, and hands
// it to the sink. To be called in a catch (...).
void fail_with_current_exception(ResponseSink& sink, std::string_view what = "the invocation failed");

}  // namespace mayfly::runtime
