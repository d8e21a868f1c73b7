#include "extensions/telemetry/batch_queue.h"

#include <algorithm>
#include <utility>

namespace mayfly::telemetry {

void BatchQueue::push(SharedBatch batch) {
  account_.enqueue(batch->records);
  if (batch->body.size() > max_bytes_) return account_.move(batch->records, Place::queued, Place::too_large);
  while (!batches_.empty() && bytes_ + batch->body.size() > max_bytes_) drop_oldest(Place::queue_full);
  // What is in flight cannot make room.
  if (bytes_ + batch->body.size() > max_bytes_) return account_.move(batch->records, Place::queued, Place::queue_full);
  bytes_ += batch->body.size();
  batches_.push_back(std::move(batch));
}

SharedBatch BatchQueue::take() {
  in_flight_ = std::move(batches_.front());
  batches_.pop_front();
  account_.move(in_flight_->records, Place::queued, Place::in_flight);
  return in_flight_;
}

void BatchQueue::settle(Place place, std::size_t rejected) {
  rejected = std::min(rejected, in_flight_->records);
  account_.move(in_flight_->records - rejected, Place::in_flight, place);
  account_.move(rejected, Place::in_flight, Place::rejected);
  bytes_ -= in_flight_->body.size();
  in_flight_.reset();
}

void BatchQueue::put_back() {
  account_.move(in_flight_->records, Place::in_flight, Place::queued);
  batches_.push_front(std::move(in_flight_));
  in_flight_.reset();
}

void BatchQueue::drop_all(Place cause) {
  if (in_flight_) settle(cause);
  while (!batches_.empty()) drop_oldest(cause);
}

void BatchQueue::drop_oldest(Place cause) {
  account_.move(batches_.front()->records, Place::queued, cause);
  bytes_ -= batches_.front()->body.size();
  batches_.pop_front();
}

}  // namespace mayfly::telemetry
