#include "extensions/telemetry/batch_queue.h"

#include <algorithm>
#include <utility>

namespace mayfly::telemetry {

void BatchQueue::push(SharedBatch batch) {
  auto records = batch->records;
  auto bytes = batch->body.size();
  account_.enqueue(records);
  if (bytes > max_bytes_) return account_.move(records, Place::queued, Place::too_large);
  while (bytes_ + bytes > max_bytes_ && shed()) {
  }
  // What is in flight cannot make room.
  if (bytes_ + bytes > max_bytes_) return account_.move(records, Place::queued, Place::queue_full);
  bytes_ += bytes;
  batches_.push_back({std::move(batch), next_seq_++, 0, false});
}

bool BatchQueue::recover(QueuedBatch batch) {
  if (bytes_ + batch.batch->body.size() > max_bytes_) return false;
  account_.recover(batch.batch->records);
  bytes_ += batch.batch->body.size();
  batch.seq = next_seq_++;
  batches_.push_back(std::move(batch));
  return true;
}

bool BatchQueue::shed() {
  if (batches_.empty()) return false;
  auto victim = std::ranges::find_if(batches_, [](const auto& queued) { return !queued.batch->has_error; });
  drop(victim == batches_.end() ? batches_.begin() : victim, Place::queue_full);
  return true;
}

const QueuedBatch& BatchQueue::take() {
  in_flight_ = std::move(batches_.front());
  batches_.pop_front();
  account_.move(in_flight_->batch->records, Place::queued, Place::in_flight);
  return *in_flight_;
}

void BatchQueue::settle(Place place, std::size_t rejected) {
  auto records = in_flight_->batch->records;
  rejected = std::min(rejected, records);
  account_.move(records - rejected, Place::in_flight, place);
  account_.move(rejected, Place::in_flight, Place::rejected);
  bytes_ -= in_flight_->batch->body.size();
  in_flight_.reset();
}

void BatchQueue::put_back(bool attempted, bool maybe_delivered) {
  account_.move(in_flight_->batch->records, Place::in_flight, Place::queued);
  if (attempted) ++in_flight_->attempts;
  in_flight_->maybe_delivered |= maybe_delivered;
  batches_.push_front(std::move(*in_flight_));
  in_flight_.reset();
}

void BatchQueue::split(SharedBatch first, SharedBatch second) {
  QueuedBatch whole = std::move(*in_flight_);
  in_flight_.reset();
  account_.move(whole.batch->records, Place::in_flight, Place::queued);
  bytes_ += first->body.size() + second->body.size() - whole.batch->body.size();
  for (auto* part : {&second, &first}) {
    QueuedBatch queued = whole;
    queued.batch = std::move(*part);
    batches_.push_front(std::move(queued));
  }
}

std::vector<QueuedBatch> BatchQueue::unsent() const {
  std::vector<QueuedBatch> all;
  if (in_flight_) {
    all.push_back(*in_flight_);
    all.back().maybe_delivered = true;
  }
  all.insert(all.end(), batches_.begin(), batches_.end());
  return all;
}

void BatchQueue::leave(const Keep& keep) {
  if (in_flight_) {
    in_flight_->maybe_delivered = true;
    settle(keep(*in_flight_));
  }
  while (!batches_.empty()) drop(batches_.begin(), keep(batches_.front()));
}

void BatchQueue::drop(std::deque<QueuedBatch>::iterator at, Place cause) {
  account_.move(at->batch->records, Place::queued, cause);
  bytes_ -= at->batch->body.size();
  batches_.erase(at);
}

}  // namespace mayfly::telemetry
