// Where encoded batches go.

#pragma once

#include <string_view>
#include <vector>

#include "extensions/telemetry/account.h"
#include "extensions/telemetry/batch_queue.h"
#include "extensions/telemetry/delivery.h"

namespace mayfly::telemetry {

// Called from the event loop. None of the calls waits for a network.
class Destination {
 public:
  virtual ~Destination() = default;

  virtual std::string_view name() const = 0;  // for log lines: no credentials
  virtual Encoding encoding() const = 0;
  virtual bool takes(Signal signal) const = 0;
  // Batches are written as they come, so they need not be large.
  virtual bool immediate() const { return false; }

  virtual void enqueue(SharedBatch batch) = 0;
  // A batch that an earlier life has left, sent behind all others. False: no room
  // for it, or none is kept here; nothing was counted.
  virtual bool recover(QueuedBatch) { return false; }
  // Records of an earlier life that are lost, by cause.
  virtual void count_lost(std::uint64_t records, Place cause) { static_cast<void>(records), static_cast<void>(cause); }

  // What the invocation allows from now on. There may have been a freeze before.
  virtual void enter(Window) {}
  // Everything is out, or waiting within the window would not get it out.
  virtual bool settled() { return true; }
  // What is enqueued now would only wait behind other batches.
  virtual bool stalled() { return false; }
  // It was waited for in vain.
  virtual void was_late() {}

  // What waits in memory, and giving one batch of it up.
  virtual std::size_t queued_bytes() { return 0; }
  virtual bool shed() { return false; }
  // Copies of what has not been settled, oldest first, the one in flight included.
  virtual std::vector<QueuedBatch> unsent() { return {}; }

  virtual Account account() = 0;
  virtual DeliveryCounters counters() { return {}; }

  // Nothing is sent afterwards. `keep` says where each batch that is left goes.
  virtual void close(const BatchQueue::Keep& keep) = 0;
};

}  // namespace mayfly::telemetry
