// The environment variable _X_AMZN_TRACE_ID, in which the X-Ray SDKs look for
// the tracing header of the invocation. Lambda leaves setting it to runtimes of
// the provided.* family.
//
// setenv(3) keeps every value it has ever been given, so a warm function would
// grow by one with each invocation; putenv(3) takes our own buffer.
//
// Thread-safety: none, as with the environment as a whole. Only a runtime that
// runs one invocation at a time may use it.

#pragma once

#include <string>
#include <string_view>

namespace mayfly::runtime {

class TraceVariable {
 public:
  TraceVariable();
  ~TraceVariable();
  TraceVariable(const TraceVariable&) = delete;
  TraceVariable& operator=(const TraceVariable&) = delete;

  // Unset when empty.
  void set(std::string_view trace_id);

 private:
  std::string assignment_;  // "_X_AMZN_TRACE_ID=...", part of the environment
};

}  // namespace mayfly::runtime
