#include "extensions/telemetry/batch_queue.h"

#include <doctest/doctest.h>

using namespace mayfly::telemetry;

namespace {

SharedBatch make(std::size_t bytes, std::size_t records, bool has_error = false) {
  return std::make_shared<const Batch>(Batch{std::string(bytes, 'x'), records, Signal::logs, has_error, {}});
}

}  // namespace

TEST_CASE("the oldest batches make room for a new one, and every record stays accounted for") {
  BatchQueue queue(100);
  queue.push(make(40, 1));
  queue.push(make(40, 2));
  queue.push(make(60, 4));
  CHECK(queue.bytes() == 100);
  CHECK(queue.account().count(Place::queue_full) == 1);
  CHECK(queue.account().count(Place::queued) == 6);
  CHECK(queue.take().batch->records == 2);
  CHECK(queue.account().balanced());
}

TEST_CASE("a batch larger than the whole queue goes alone") {
  BatchQueue queue(100);
  queue.push(make(100, 1));
  queue.push(make(101, 7));
  CHECK(queue.bytes() == 100);
  CHECK(queue.account().count(Place::too_large) == 7);
  CHECK(queue.account().count(Place::queued) == 1);
}

TEST_CASE("the batch in flight keeps its room and cannot be displaced") {
  BatchQueue queue(100);
  queue.push(make(60, 1));
  queue.take();
  queue.push(make(50, 2));
  CHECK(queue.account().count(Place::queue_full) == 2);
  queue.settle(Place::delivered);
  CHECK(queue.bytes() == 0);
  queue.push(make(50, 4));
  CHECK(queue.account().count(Place::delivered) == 1);
  CHECK(queue.account().count(Place::queued) == 4);
  CHECK(queue.account().balanced());
}

TEST_CASE("a batch that is put back is the oldest again") {
  BatchQueue queue(100);
  queue.push(make(10, 1));
  queue.push(make(10, 2));
  queue.take();
  queue.put_back(true, false);
  CHECK(queue.take().batch->records == 1);
  CHECK(queue.bytes() == 20);
  CHECK(queue.account().count(Place::in_flight) == 1);
}

TEST_CASE("a backend cannot reject more records than it was given") {
  BatchQueue queue(100);
  queue.push(make(10, 3));
  queue.take();
  queue.settle(Place::delivered, 1'000'000);
  CHECK(queue.account().count(Place::rejected) == 3);
  CHECK(queue.account().count(Place::delivered) == 0);
  CHECK(queue.account().balanced());
}

TEST_CASE("what is left at the end is dropped with its cause") {
  BatchQueue queue(100);
  queue.push(make(10, 1));
  queue.push(make(10, 2));
  queue.take();
  queue.leave([](const QueuedBatch&) { return Place::shutdown; });
  CHECK(queue.empty());
  CHECK(queue.bytes() == 0);
  CHECK(queue.account().count(Place::shutdown) == 3);
  CHECK(queue.account().dropped() == 3);
  CHECK(queue.account().balanced());
}

TEST_CASE("a batch with an error makes room after all others") {
  BatchQueue queue(100);
  queue.push(make(40, 1, true));
  queue.push(make(40, 2));
  queue.push(make(40, 4));
  CHECK(queue.account().count(Place::queue_full) == 2);
  queue.push(make(100, 8, true));
  CHECK(queue.account().count(Place::queue_full) == 2 + 4 + 1);
  CHECK(queue.take().batch->records == 8);
}

TEST_CASE("a batch that is put back knows what became of it") {
  BatchQueue queue(100);
  queue.push(make(10, 1));
  queue.take();
  queue.put_back(true, true);
  CHECK(queue.take().attempts == 1);
  queue.put_back(false, false);
  CHECK(queue.take().attempts == 1);
  CHECK(queue.in_flight()->maybe_delivered);
}

TEST_CASE("the halves of a batch take its place") {
  BatchQueue queue(100);
  queue.push(make(40, 3));
  queue.push(make(40, 8));
  queue.take();
  queue.split(make(30, 1), make(30, 2));
  CHECK(queue.bytes() == 100);
  CHECK(queue.account().count(Place::queued) == 11);
  CHECK(queue.take().batch->records == 1);
  queue.settle(Place::delivered);
  CHECK(queue.take().batch->records == 2);
  CHECK(queue.account().balanced());
}

TEST_CASE("what an earlier life has left is in the books beside what is new") {
  BatchQueue queue(100);
  CHECK(queue.recover({make(60, 5), 17, 2, true}));
  CHECK_FALSE(queue.recover({make(60, 5), 18, 0, false}));
  CHECK(queue.account().recovered() == 5);
  CHECK(queue.take().attempts == 2);
  auto left = queue.unsent();
  REQUIRE(left.size() == 1);
  queue.leave([](const QueuedBatch& batch) { return batch.maybe_delivered ? Place::spooled : Place::shutdown; });
  CHECK(queue.account().count(Place::spooled) == 5);
  CHECK(queue.account().balanced());
}
