#include "extensions/telemetry/spool.h"

#include <doctest/doctest.h>

#include <numeric>
#include <set>

#include "tests/extensions/memory_folder.h"

using namespace mayfly::telemetry;
using mayfly::core::WallTime;
using namespace std::chrono_literals;
using Fault = MemoryFolder::Fault;

namespace {

constexpr std::uint64_t kA = 0xa, kB = 0xb;  // destinations
const WallTime kNow{1'700'000'000s};

QueuedBatch make(std::size_t records, std::size_t bytes = 100) {
  return {std::make_shared<const Batch>(Batch{std::string(bytes, 'x'), records, Signal::logs, false, kNow}), 1, 0,
          false};
}

std::uint64_t sum(const std::vector<SpoolLoss>& losses) {
  return std::accumulate(losses.begin(), losses.end(), std::uint64_t{0},
                         [](auto n, const auto& loss) { return n + loss.records; });
}

std::uint64_t records(const std::vector<QueuedBatch>& batches) {
  return std::accumulate(batches.begin(), batches.end(), std::uint64_t{0},
                         [](auto n, const auto& queued) { return n + queued.batch->records; });
}

// A life of the daemon over files that stay.
struct Life {
  explicit Life(MemoryFiles& files, std::uint64_t writer = 1, Spool::Limits limits = {}, WallTime now = kNow)
      : spool(std::make_unique<MemoryFolder>(files), writer, limits), losses(spool.recover(now)) {}
  void close() { spool.write_ledger({}, true); }
  Spool spool;
  std::vector<SpoolLoss> losses;
};

}  // namespace

TEST_CASE("what one life saves the next one loads, oldest first, and deletes when all of it is settled") {
  MemoryFiles files;
  {
    Life life(files, 1);
    std::vector a{make(1), make(2)}, b{make(8)};
    CHECK(life.spool.save(kA, a, kNow).on_disk == std::vector{true, true});
    a.push_back(make(4));
    CHECK(life.spool.save(kA, a, kNow + 1s).on_disk == std::vector{true, true, true});
    life.spool.save(kB, b, kNow);
    CHECK(files.files.size() == 3);
    life.close();
  }
  Life life(files, 2);
  CHECK(life.losses.empty());
  CHECK(life.spool.waiting(kA) == 7);
  CHECK(life.spool.waiting(kB) == 8);
  CHECK_FALSE(life.spool.holds_copies(kA));
  auto loaded = life.spool.load(kA, 1 << 20, kNow);
  CHECK(loaded.records == 3);
  REQUIRE(loaded.batches.size() == 2);
  CHECK_FALSE(loaded.batches[0].maybe_delivered);
  CHECK(life.spool.waiting(kA) == 4);
  CHECK(life.spool.holds_copies(kA));
  life.spool.sync(kA, std::span(loaded.batches).last(1));
  CHECK(files.files.size() == 3);
  life.spool.sync(kA, {});
  CHECK(files.files.size() == 2);
  CHECK(records(life.spool.load(kA, 1 << 20, kNow).batches) == 4);
  CHECK(life.spool.load(kA, 1 << 20, kNow).records == 0);
  CHECK(life.spool.load(kB, 10, kNow).records == 0);  // no room for it
  CHECK(life.spool.failure().empty());
}

TEST_CASE("a shadow copy goes when its batches are settled, and is not written twice") {
  MemoryFiles files;
  Life life(files);
  std::vector batches{make(1), make(2)};
  life.spool.save(kA, batches, kNow);
  life.spool.save(kA, batches, kNow);
  CHECK(files.files.size() == 1);
  // The rest moves, so that the next life does not send the first one again.
  auto rest = std::span<const QueuedBatch>(batches).last(1);
  life.spool.save(kA, rest, kNow);
  CHECK(files.files.size() == 1);
  MemoryFiles kept = files;
  Life next(kept, 2);
  CHECK(records(next.spool.load(kA, 1 << 20, kNow).batches) == 2);
  life.spool.sync(kA, {});
  CHECK(files.files.empty());
}

TEST_CASE("a batch that two destinations share has a copy for each of them") {
  MemoryFiles files;
  Life life(files);
  std::vector shared{make(3)};
  CHECK(life.spool.save(kA, shared, kNow).on_disk == std::vector{true});
  CHECK(life.spool.save(kB, shared, kNow).on_disk == std::vector{true});
  CHECK(files.files.size() == 2);
  life.spool.sync(kA, {});
  CHECK(files.files.size() == 1);
  life.spool.write_ledger(std::vector<Spool::InMemory>{{kB, 3}});
  Life next(files, 2);
  CHECK(next.losses.empty());
  CHECK(next.spool.waiting(kB) == 3);
}

TEST_CASE("a copy says what is known about the batch when it is written last") {
  MemoryFiles files;
  {
    Life life(files);
    std::vector batches{make(3)};
    life.spool.save(kA, batches, kNow);
    batches[0].maybe_delivered = true;
    life.spool.save(kA, batches, kNow);
    life.close();
  }
  CHECK(files.files.size() == 1);
  Life life(files, 2);
  CHECK(life.spool.load(kA, 1 << 20, kNow).batches.at(0).maybe_delivered);
}

TEST_CASE("a batch of which more is known takes its whole segment along, and is in one only") {
  MemoryFiles files;
  {
    Life life(files);
    std::vector batches{make(1), make(2), make(4)};
    life.spool.save(kA, batches, kNow);
    batches[1].maybe_delivered = true;
    CHECK(life.spool.save(kA, batches, kNow).on_disk == std::vector{true, true, true});
    life.close();
  }
  Life life(files, 2);
  CHECK(life.spool.waiting(kA) == 7);
}

TEST_CASE("what was in memory only when the daemon was killed is counted") {
  MemoryFiles files;
  {
    Life life(files, 1);
    std::vector shadow{make(30)};
    life.spool.write_ledger(std::vector<Spool::InMemory>{{kA, 100}, {kB, 5}});
    life.spool.save(kA, shadow, kNow);
    // Killed between the shadow and the next ledger.
  }
  {
    Life life(files, 2);
    CHECK(life.losses == std::vector<SpoolLoss>{{kA, SpoolCause::killed, 70}, {kB, SpoolCause::killed, 5}});
    CHECK(life.spool.waiting(kA) == 30);
    // Killed again, at once: they are not counted again.
  }
  {
    Life life(files, 3);
    CHECK(life.losses.empty());
    auto loaded = life.spool.load(kA, 1 << 20, kNow);
    // 30 of 34 in memory are on disk too.
    life.spool.write_ledger(std::vector<Spool::InMemory>{{kA, 34}});
  }
  Life life(files, 4);
  CHECK(life.losses == std::vector<SpoolLoss>{{kA, SpoolCause::killed, 4}});
  auto loaded = life.spool.load(kA, 1 << 20, kNow);
  REQUIRE(loaded.batches.size() == 1);
  CHECK(loaded.batches[0].maybe_delivered);  // the life before may have sent it
}

TEST_CASE("what a life has left that was killed may have been delivered") {
  for (bool killed : {false, true}) {
    MemoryFiles files;
    {
      Life life(files, 1);
      std::vector batches{make(1), make(2)};
      life.spool.save(kA, batches, kNow);
      if (!killed) life.close();
    }
    Life life(files, 2);
    auto loaded = life.spool.load(kA, 1 << 20, kNow);
    REQUIRE(loaded.batches.size() == 2);
    CHECK(loaded.batches[1].maybe_delivered == killed);
  }
}

TEST_CASE("a full spool loses its oldest segments, and keeps the newest batches") {
  MemoryFiles files;
  Spool::Limits limits;
  limits.segment_bytes = 1'000;
  limits.segments = 4;
  {
    Life life(files, 1, limits);
    std::vector old{make(1, 800), make(2, 800), make(4, 800)};
    life.spool.save(kA, old, kNow);
    CHECK(files.files.size() == 3);
  }
  Life life(files, 2, limits);
  std::vector fresh{make(8, 800), make(16, 800)};
  auto saved = life.spool.save(kA, fresh, kNow + 1s);
  CHECK(saved.losses == std::vector<SpoolLoss>{{kA, SpoolCause::spool_full, 1}});
  std::vector many{make(32, 800), make(64, 800), make(128, 800)};
  saved = life.spool.save(kB, many, kNow + 2s);
  // What is in memory too does not make room.
  CHECK(sum(saved.losses) == 2 + 4);
  CHECK(saved.cause == SpoolCause::spool_full);
  CHECK(std::ranges::count(saved.on_disk, false) == 1);
  CHECK(files.files.size() == 4);
}

TEST_CASE("a batch larger than a segment has one of its own, and bytes are bounded by what is free") {
  MemoryFiles files;
  Spool::Limits limits;
  limits.segment_bytes = 1'000;
  limits.total_bytes = 10'000;
  Life life(files, 1, limits);
  std::vector large{make(1, 5'000), make(2, 11'000)};
  auto saved = life.spool.save(kA, large, kNow);
  CHECK_FALSE(saved.on_disk[1]);
  CHECK(saved.cause == SpoolCause::spool_full);
  std::vector fits{make(1, 5'000)};
  CHECK(life.spool.save(kA, fits, kNow).on_disk == std::vector{true});

  MemoryFiles small;
  small.capacity = 8'000;
  Life poor(small, 1, limits);
  std::vector two{make(1, 600), make(2, 600)};
  CHECK(poor.spool.save(kA, two, kNow).on_disk == std::vector{false, true});
  CHECK(poor.spool.bytes() <= 1'000);
}

TEST_CASE("segments expire by age and by the lives that have loaded them") {
  MemoryFiles files;
  {
    Life life(files);
    std::vector batches{make(3)};
    life.spool.save(kA, batches, kNow);
  }
  MemoryFiles aged = files;
  CHECK(Life(aged, 2, {}, kNow + 6h).losses.empty());
  CHECK(Life(aged, 2, {}, kNow + 6h + 1s).losses == std::vector<SpoolLoss>{{kA, SpoolCause::expired, 3}});
  CHECK(aged.files.empty());
  CHECK(Life(files, 2, {}, kNow - 24h).losses.empty());  // a clock that was set back

  for (std::uint64_t i = 0; i < 5; ++i) {
    Life life(files, 10 + i);
    CHECK(life.spool.load(kA, 1 << 20, kNow).batches.size() == 1);
  }
  CHECK(Life(files, 20).losses == std::vector<SpoolLoss>{{kA, SpoolCause::expired, 3}});
}

TEST_CASE("what is damaged is counted, once, and the rest is delivered") {
  MemoryFiles files;
  {
    Life life(files);
    std::vector batches{make(1), make(2), make(4)};
    life.spool.save(kA, batches, kNow);
  }
  REQUIRE(files.files.size() == 1);
  std::string& bytes = files.files.begin()->second;
  bytes[bytes.size() - 150] ^= 1;  // the payload of the second
  MemoryFiles cut = files;
  {
    Life life(files, 2);
    auto loaded = life.spool.load(kA, 1 << 20, kNow);
    CHECK(loaded.records == 7);
    CHECK(records(loaded.batches) == 5);
    CHECK(loaded.losses == std::vector<SpoolLoss>{{kA, SpoolCause::spool_corrupt, 2}});
    life.spool.save(kA, loaded.batches, kNow);  // the end, and nothing was sent
  }
  Life life(files, 3);
  auto loaded = life.spool.load(kA, 1 << 20, kNow);
  CHECK(loaded.losses.empty());
  CHECK(records(loaded.batches) == 5);

  cut.files.begin()->second.resize(kSegmentHeaderBytes - 1);
  Life other(cut, 2);
  loaded = other.spool.load(kA, 1 << 20, kNow);
  CHECK(loaded.batches.empty());
  CHECK(loaded.losses == std::vector<SpoolLoss>{{kA, SpoolCause::spool_corrupt, 7}});
  CHECK(cut.files.empty());
}

TEST_CASE("a segment of another version stays until it is too old, a name that lies counts nothing twice") {
  MemoryFiles files;
  {
    Life life(files);
    std::vector batches{make(1), make(2)};
    life.spool.save(kA, batches, kNow);
  }
  auto [name, bytes] = *files.files.begin();
  auto renamed = [&](auto change) {
    SegmentName n = *parse_segment_name(name);
    change(n);
    MemoryFiles out;
    out.files[n.text()] = bytes;
    return out;
  };
  // It says less than it holds.
  auto fewer = renamed([](SegmentName& n) { n.records = 1; });
  Life life(fewer, 2);
  auto loaded = life.spool.load(kA, 1 << 20, kNow);
  CHECK(loaded.records == 1);
  CHECK(records(loaded.batches) == 1);
  // It says more.
  auto more = renamed([](SegmentName& n) { n.records = 10; });
  Life second(more, 2);
  CHECK(sum(second.spool.load(kA, 1 << 20, kNow).losses) == 7);
  // It is another destination's.
  auto other = renamed([](SegmentName& n) { n.destination = kB; });
  Life third(other, 2);
  loaded = third.spool.load(kB, 1 << 20, kNow);
  CHECK(loaded.batches.empty());
  CHECK(sum(loaded.losses) == 3);
  CHECK(other.files.empty());
}

TEST_CASE("files that are not the spool's are left alone") {
  MemoryFiles files;
  files.files["notes.txt"] = "x";
  files.files["x.seg"] = "x";
  files.files[".part"] = "x";
  Life life(files);
  CHECK(life.losses.empty());
  CHECK(files.files.size() == 3);
}

namespace {

constexpr std::uint64_t kEach = 25;  // records of a batch

struct Tally {
  std::set<std::string> received;   // batches by their body
  std::set<std::string> delivered;  // likewise
  std::uint64_t lost = 0;           // records that are counted

  std::uint64_t missing() const {
    auto is_missing = [&](const std::string& body) { return !delivered.contains(body); };
    return kEach * static_cast<std::uint64_t>(std::ranges::count_if(received, is_missing));
  }
};

// A life that takes four batches in, takes up what there is, saves all, delivers
// two and saves the rest. Returns the number of file operations, also when it is killed.
int live(MemoryFiles& files, Fault fault, int at, std::uint64_t writer, Tally& tally) {
  auto folder = std::make_unique<MemoryFolder>(files, fault, at);
  const MemoryFolder& operations = *folder;
  Spool::Limits limits;
  limits.segment_bytes = 400;
  Spool spool(std::move(folder), writer, limits);
  try {
    tally.lost += sum(spool.recover(kNow));
    std::vector<QueuedBatch> queue;
    auto ledger = [&] { spool.write_ledger(std::vector<Spool::InMemory>{{kA, records(queue)}}); };
    for (std::size_t i = 0; i < 4; ++i) {
      std::string body = std::to_string(writer) + "." + std::to_string(i);
      body.resize(100);
      queue.push_back({std::make_shared<const Batch>(Batch{body, kEach, Signal::logs, false, kNow}), i, 0, false});
      ledger();
      tally.received.insert(body);
    }
    auto loaded = spool.load(kA, 1 << 20, kNow);
    tally.lost += sum(loaded.losses);
    queue.insert(queue.end(), loaded.batches.begin(), loaded.batches.end());
    tally.lost += sum(spool.save(kA, queue, kNow).losses);
    ledger();
    for (int i = 0; i < 2; ++i) {
      auto queued = queue.front();
      tally.delivered.insert(queued.batch->body);
      queue.erase(queue.begin());
      spool.sync(kA, queue);
      ledger();
    }
    auto saved = spool.save(kA, queue, kNow);
    tally.lost += sum(saved.losses);
    tally.lost += kEach * static_cast<std::uint64_t>(std::ranges::count(saved.on_disk, false));
    queue.clear();
    ledger();
  } catch (const Killed&) {
  }
  return operations.operations();
}

// A life that delivers all there is.
void deliver(MemoryFiles& files, std::uint64_t writer, Tally& tally) {
  Life life(files, writer);
  tally.lost += sum(life.losses);
  for (int i = 0; i < 32; ++i) {
    auto loaded = life.spool.load(kA, 1 << 20, kNow);
    if (loaded.records == 0) break;
    tally.lost += sum(loaded.losses);
    for (const auto& queued : loaded.batches) tally.delivered.insert(queued.batch->body);
    life.spool.sync(kA, {});
  }
  CHECK(life.spool.failure().empty());
}

}  // namespace

TEST_CASE("whatever call fails or is the last one, the next life starts and no record is lost uncounted") {
  for (auto fault : {Fault::none, Fault::fails_once, Fault::fails_from_then_on, Fault::kills}) {
    for (int at = 1;; ++at) {
      CAPTURE(static_cast<int>(fault));
      CAPTURE(at);
      MemoryFiles files;
      Tally tally;
      live(files, Fault::none, 0, 1, tally);
      bool reached = live(files, fault, at, 2, tally) >= at;
      deliver(files, 3, tally);
      deliver(files, 4, tally);
      CHECK(files.files.empty());
      CHECK(tally.lost >= tally.missing());
      // A ledger that could not be rewritten is read as it stood: it may say too much, by what was in memory.
      CHECK(tally.lost - tally.missing() <= (fault == Fault::none ? 0 : 6 * kEach));
      if (!reached || fault == Fault::none) break;
      REQUIRE(at < 200);
    }
  }
}
