#include "extensions/telemetry/batch_queue.h"

#include <doctest/doctest.h>

using namespace mayfly::telemetry;

namespace {

SharedBatch make(std::size_t bytes, std::size_t records) {
  return std::make_shared<const Batch>(Batch{std::string(bytes, 'x'), records});
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
  CHECK(queue.take()->records == 2);
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
  queue.put_back();
  CHECK(queue.take()->records == 1);
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
  queue.drop_all(Place::shutdown);
  CHECK(queue.empty());
  CHECK(queue.bytes() == 0);
  CHECK(queue.account().count(Place::shutdown) == 3);
  CHECK(queue.account().dropped() == 3);
  CHECK(queue.account().balanced());
}
