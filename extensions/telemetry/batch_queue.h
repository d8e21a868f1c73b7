// The batches that wait for one destination, bounded by bytes. When a new one
// does not fit, the oldest make room: fresh telemetry is worth more, and memory
// that grows while a backend is down takes the function with it.

#pragma once

#include <cstddef>
#include <deque>

#include "extensions/telemetry/account.h"
#include "extensions/telemetry/batch.h"

namespace mayfly::telemetry {

// Thread-safety: one thread at a time.
class BatchQueue {
 public:
  // Holds at most `max_bytes` of bodies, the batch in flight included.
  explicit BatchQueue(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  // Counts the batch's records and what it displaces.
  void push(SharedBatch batch);

  bool empty() const { return batches_.empty(); }
  std::size_t bytes() const { return bytes_; }
  // The oldest batch is in flight from here on, until settle() or put_back().
  SharedBatch take();
  // The batch in flight has found its place: `rejected` of its records, at most
  // all, were refused by the backend.
  void settle(Place place, std::size_t rejected = 0);
  // The batch in flight is the oldest in the queue again.
  void put_back();
  // Nothing will be sent any more: all that is left, in flight or queued, goes.
  void drop_all(Place cause);

  const SharedBatch& in_flight() const { return in_flight_; }
  const Account& account() const { return account_; }

 private:
  void drop_oldest(Place cause);

  const std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  std::deque<SharedBatch> batches_;
  SharedBatch in_flight_;
  Account account_;
};

}  // namespace mayfly::telemetry
