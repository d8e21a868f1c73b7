// The batches that wait for one destination, bounded by bytes. When a new one
// does not fit, the oldest make room, those without an error before those with
// one: fresh telemetry is worth more, errors are worth most, and memory that
// grows while a backend is down takes the function with it.

#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

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
  // A batch of an earlier life, behind all others. False, and nothing is counted:
  // it does not fit.
  bool recover(QueuedBatch batch);
  // Records of an earlier life that did not come so far.
  void count_lost(std::uint64_t records, Place cause) { account_.recover(records, cause); }
  // Makes room by one batch that is not in flight. False: there is none.
  bool shed();

  bool empty() const { return batches_.empty(); }
  std::size_t bytes() const { return bytes_; }
  const QueuedBatch& oldest() const { return batches_.front(); }

  // The oldest batch is in flight from here on, until settle(), split() or put_back().
  const QueuedBatch& take();
  const std::optional<QueuedBatch>& in_flight() const { return in_flight_; }
  // The batch in flight has found its place: `rejected` of its records, at most
  // all, were refused by the backend.
  void settle(Place place, std::size_t rejected = 0);
  // The batch in flight is the oldest in the queue again, after an attempt or
  // before one was made.
  void put_back(bool attempted, bool maybe_delivered);
  // In its place come two that hold the same records, first and second.
  void split(SharedBatch first, SharedBatch second);

  // All that is left, in flight or queued, oldest first.
  std::vector<QueuedBatch> unsent() const;
  // Nothing will be sent any more: `keep` says for each batch that is left where
  // its records go.
  using Keep = std::function<Place(const QueuedBatch&)>;
  void leave(const Keep& keep);

  const Account& account() const { return account_; }

 private:
  void drop(std::deque<QueuedBatch>::iterator at, Place cause);

  const std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  std::uint64_t next_seq_ = 1;
  std::deque<QueuedBatch> batches_;
  std::optional<QueuedBatch> in_flight_;
  Account account_;
};

}  // namespace mayfly::telemetry
