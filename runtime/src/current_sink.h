// Where the invocation of this thread is answered, for code that is called from
// anywhere inside the handler: mayfly::fatal().

#pragma once

#include <mayfly/runtime/handler.h>

namespace mayfly::runtime {

class CurrentSink {
 public:
  // `fatal_in_test`: what would end the process sets it and throws FatalInTest.
  explicit CurrentSink(ResponseSink& sink, bool* fatal_in_test = nullptr);
  ~CurrentSink();
  CurrentSink(const CurrentSink&) = delete;
  CurrentSink& operator=(const CurrentSink&) = delete;

  // Of this thread; null outside of Init and invocations.
  static ResponseSink* get();
  static bool* fatal_in_test();

 private:
  ResponseSink* const sink_before_;
  bool* const fatal_before_;
};

// No std::exception, so that a handler's own catch does not meet it.
struct FatalInTest {};

}  // namespace mayfly::runtime
