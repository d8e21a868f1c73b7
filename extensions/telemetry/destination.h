// Where encoded batches go.

#pragma once

#include <chrono>
#include <string_view>

#include "core/clock.h"
#include "extensions/telemetry/account.h"
#include "extensions/telemetry/batch.h"

namespace mayfly::telemetry {

// Called from the event loop. None of the calls waits for a network.
class Destination {
 public:
  virtual ~Destination() = default;

  virtual std::string_view name() const = 0;  // for log lines: no credentials
  virtual Encoding encoding() const = 0;
  virtual void enqueue(SharedBatch batch) = 0;

  // An invocation has begun, and there may have been a freeze before: look at
  // the clocks again.
  virtual void wake() {}
  // Everything is out, or waiting for `patience` would not get it out.
  virtual bool settled(std::chrono::milliseconds) { return true; }
  // It was waited for in vain.
  virtual void was_late() {}
  // The Shutdown phase: nothing counts but to have everything out by then.
  virtual void hurry(core::Deadline) {}
  // What is left is dropped. Nothing is sent afterwards.
  virtual Account close() = 0;
};

}  // namespace mayfly::telemetry
