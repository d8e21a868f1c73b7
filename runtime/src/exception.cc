#include <mayfly/exception.h>

#include <unistd.h>

#include <cstdio>

#include "runtime/src/crash_report.h"
#include "runtime/src/current_sink.h"
#include "runtime/src/error_json.h"
#include "runtime/src/stack_trace.h"

namespace mayfly {
namespace runtime {
namespace {

thread_local ResponseSink* sink_of_thread = nullptr;
thread_local bool* fatal_of_test = nullptr;

}  // namespace

CurrentSink::CurrentSink(ResponseSink& sink, bool* fatal_in_test)
    : sink_before_(sink_of_thread), fatal_before_(fatal_of_test) {
  sink_of_thread = &sink;
  fatal_of_test = fatal_in_test;
}

CurrentSink::~CurrentSink() {
  sink_of_thread = sink_before_;
  fatal_of_test = fatal_before_;
}

ResponseSink* CurrentSink::get() { return sink_of_thread; }
bool* CurrentSink::fatal_in_test() { return fatal_of_test; }

}  // namespace runtime

void log_exception(std::string_view message, Logger::Fields fields, LogLocation at) {
  runtime::log_error(message, runtime::current_exception_report(), {fields.begin(), fields.size()}, LogLevel::error,
                     at);
}

[[gnu::noinline]] void fatal(const Error& error) {
  auto report = runtime::report_of(error);
  report.stack_trace = runtime::stack_from(__builtin_return_address(0));
  runtime::log_error("fatal error", report, {}, LogLevel::fatal);
  auto json = runtime::error_json(report);
  if (auto* sink = runtime::CurrentSink::get()) {
    sink->fail(report.type, json);
    if (bool* in_test = runtime::CurrentSink::fatal_in_test()) {
      *in_test = true;
      throw runtime::FatalInTest();
    }
  } else {
    std::fflush(stdout);
    runtime::post_error_apart(report.type, json);
  }
  _exit(1);
}

}  // namespace mayfly
