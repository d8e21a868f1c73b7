#include "extensions/telemetry/segment.h"

#include <doctest/doctest.h>

#include <chrono>

using namespace mayfly::telemetry;
using mayfly::core::WallTime;
using namespace std::chrono_literals;

namespace {

QueuedBatch make(std::string body, std::size_t records, std::uint64_t seq) {
  Batch batch{std::move(body), records, Signal::traces, true, WallTime(1'700'000'000s + 5ns)};
  return {std::make_shared<const Batch>(std::move(batch)), seq, 3, true};
}

SegmentName example_name() { return {WallTime(1'700'000'001s), 0xabc, 9, 0xd0d0, 3, 60, 2}; }

struct Example {
  std::string bytes;
  std::vector<std::size_t> ends;      // of each record
  std::vector<std::size_t> payloads;  // where each begins
};

// 600 bytes: three batches of 10, 20 and 30 records.
Example example() {
  Example e;
  e.bytes = segment_header(example_name());
  for (std::size_t i = 0; i < 3; ++i) {
    auto queued = make(std::string(144, static_cast<char>('a' + i)), 10 * (i + 1), i + 1);
    e.bytes += record_header(queued);
    e.payloads.push_back(e.bytes.size());
    e.bytes += queued.batch->body;
    e.ends.push_back(e.bytes.size());
  }
  return e;
}

}  // namespace

TEST_CASE("a segment reads as it was written") {
  auto e = example();
  CHECK(e.bytes.size() == 600);
  auto contents = read_segment(e.bytes);
  CHECK(contents.readable);
  CHECK(contents.destination == 0xd0d0);
  CHECK(contents.records == 60);
  REQUIRE(contents.batches.size() == 3);
  const auto& queued = contents.batches[1];
  CHECK(queued.batch->body == std::string(144, 'b'));
  CHECK(queued.batch->records == 20);
  CHECK(queued.batch->signal == Signal::traces);
  CHECK(queued.batch->has_error);
  CHECK(queued.batch->oldest == WallTime(1'700'000'000s + 5ns));
  CHECK(queued.seq == 2);
  CHECK(queued.attempts == 3);
  CHECK(queued.maybe_delivered);
}

TEST_CASE("of a segment that is cut anywhere the whole batches in front of the cut are there") {
  auto e = example();
  for (std::size_t size = 0; size <= e.bytes.size(); ++size) {
    auto contents = read_segment(std::string_view(e.bytes).substr(0, size));
    auto whole = static_cast<std::size_t>(std::ranges::count_if(e.ends, [&](auto end) { return end <= size; }));
    CHECK(contents.readable == (size >= kSegmentHeaderBytes));
    CHECK(contents.batches.size() == whole);
  }
}

TEST_CASE("a wrong bit costs one batch, in its header also those behind it, in the file's header all") {
  auto e = example();
  for (std::size_t bit = 0; bit < e.bytes.size() * 8; ++bit) {
    auto flipped = e.bytes;
    std::size_t at = bit / 8;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit % 8));
    std::size_t expected = 0;
    if (at >= kSegmentHeaderBytes) {
      std::size_t record = 0;
      while (e.ends[record] <= at) ++record;
      expected = at >= e.payloads[record] ? 2 : record;
    }
    auto contents = read_segment(flipped);
    CHECK(contents.batches.size() == expected);
    for (const auto& queued : contents.batches) CHECK(queued.batch->body == std::string(144, queued.batch->body[0]));
  }
}

TEST_CASE("a name reads as it was written, and nothing else is one") {
  auto name = example_name();
  CHECK(name.text() == "17979cfe71c4ca00-0000000000000abc-00000009-d000000000000d0d0-b3-n60-l2.seg");
  CHECK(parse_segment_name(name.text()) == name);
  SegmentName none;
  CHECK(parse_segment_name(none.text()) == none);
  for (const char* wrong :
       {"", ".seg", "ledger", "17979cfe71c4ca00-0000000000000abc-00000009-d000000000000d0d0-b3-n60-l2.seg.part",
        "17979cfe71c4ca00-0000000000000abc-00000009-d000000000000d0d0-b03-n60-l2.seg",
        "17979cfe71c4ca00-0000000000000abc-00000009-d000000000000d0d0-b3-n-1-l2.seg",
        "17979cfe71c4ca00-0000000000000abc-00000009-d000000000000d0d0-b3-n99999999999999999999-l2.seg",
        "17979cfe71c4ca00-0000000000000abc-00000009-d000000000000d0d0-b3-n60-l100.seg",
        "17979CFE71c4ca00-0000000000000abc-00000009-d000000000000d0d0-b3-n60-l2.seg",
        "f7979cfe71c4ca00-0000000000000abc-00000009-d000000000000d0d0-b3-n60-l2.seg",
        "17979cfe71c4ca0-0000000000000abc-00000009-d000000000000d0d0-b3-n60-l2.seg"}) {
    CHECK_MESSAGE(!parse_segment_name(wrong), wrong);
  }
}
