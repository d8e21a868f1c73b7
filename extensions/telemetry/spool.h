// What could not be sent before a reset, kept in /tmp for the next life.
//
// After a timeout or a crash Lambda kills all processes of an environment and
// starts them again in the same /tmp; at spindown /tmp goes too. So there is no
// fsync (the kernel outlives us), and nothing is written before a reset is near.
// Files can still be torn: by a kill in the middle of a write, by a full disk, by
// other code of the same user. So a segment is published by a rename, its name
// says how much it holds, and what cannot be read of it is counted: a segment
// that is loaded once is delivered, counted or deleted. Nothing found here can
// keep the daemon from starting, or come up again for ever.
//
//   first next         recover() ......... what is on disk, and what a kill has taken
//   a batch is in or   write_ledger() .... so that the next life knows what was in
//   a request settled                      memory; sync(), for the files that are done
//   deadline near      save() ............ a shadow copy of what is unsent
//   SHUTDOWN (reset)   save(), and write_ledger() as closed
//   the backend works  load()
//
// The books of one destination: what a life leaves in segments is what the next
// one loads, or counts as spool_corrupt, expired, spool_full or spool_io. What its
// ledger calls at risk, and no segment holds, was killed.
//
// Limits: 16 segments of 1 MiB (or of one batch), 16 MiB or an eighth of what is
// free in all, 6 hours, 5 lives. When it is full the oldest go.

#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/clock.h"
#include "extensions/telemetry/batch.h"
#include "extensions/telemetry/ledger.h"
#include "extensions/telemetry/segment.h"
#include "extensions/telemetry/spool_folder.h"

namespace mayfly::telemetry {

enum class SpoolCause : std::uint8_t { spool_full, spool_io, spool_corrupt, expired, killed };
inline constexpr std::size_t kSpoolCauses = 5;

// Records that are gone, of a destination's fingerprint.
struct SpoolLoss {
  std::uint64_t destination = 0;
  SpoolCause cause = SpoolCause::spool_io;
  std::uint64_t records = 0;
  bool operator==(const SpoolLoss&) const = default;
};

// Pure but for what it asks of its folder. Thread-safety: one thread at a time.
class Spool {
 public:
  struct Limits {
    std::size_t segment_bytes = 1024 * 1024;
    std::size_t segments = 16;
    std::uint64_t total_bytes = 16 * 1024 * 1024;
    std::uint64_t share_of_free = 8;  // at most 1/8 of what is free
    std::chrono::seconds age{6 * 3600};
    int lives = 5;  // that have loaded it in vain
  };

  // `writer`: a random number that tells this life from all others.
  Spool(std::unique_ptr<SpoolFolder> folder, std::uint64_t writer) : Spool(std::move(folder), writer, Limits()) {}
  Spool(std::unique_ptr<SpoolFolder> folder, std::uint64_t writer, Limits limits)
      : folder_(std::move(folder)), writer_(writer), limits_(limits) {}

  // Looks at what an earlier life has left. Once, before all others. What is not
  // on disk any more and was, or was only in the memory of a killed life, is a loss.
  std::vector<SpoolLoss> recover(core::WallTime now);

  // Why nothing is saved and loaded any more: a call to the operating system
  // failed. Empty while all is well.
  const std::string& failure() const { return failure_; }

  // Of segments that are not loaded, as their names say.
  std::uint64_t waiting(std::uint64_t destination) const;
  // Of all segments on disk.
  std::uint64_t bytes() const;

  // The oldest segment of a destination that is not larger than `room` in bytes.
  // From now on its batches are in memory too, see sync().
  struct Loaded {
    std::vector<QueuedBatch> batches;
    std::uint64_t records = 0;      // that were waiting: batches and losses together; 0: nothing waits
    std::vector<SpoolLoss> losses;  // spool_corrupt, expired, spool_io
  };
  Loaded load(std::uint64_t destination, std::size_t room, core::WallTime now);

  // `unsent` are all batches of a destination that are not settled, oldest first.
  // Segments that hold a copy of none of them are deleted.
  void sync(std::uint64_t destination, std::span<const QueuedBatch> unsent);
  // False: sync() would have nothing to do.
  bool holds_copies(std::uint64_t destination) const;

  // sync(), and writes a copy of each that has none yet.
  struct Saved {
    std::vector<bool> on_disk;                  // for each of `unsent`
    SpoolCause cause = SpoolCause::spool_full;  // of those that are not
    std::vector<SpoolLoss> losses;              // segments of earlier lives that had to make room
  };
  Saved save(std::uint64_t destination, std::span<const QueuedBatch> unsent, core::WallTime now);

  // `records` of each destination are queued or in flight. `closed`: this life
  // ends here, and what it leaves in segments is not sent any more.
  struct InMemory {
    std::uint64_t destination = 0;
    std::uint64_t records = 0;
    bool operator==(const InMemory&) const = default;
  };
  void write_ledger(std::span<const InMemory> rows, bool closed = false);

 private:
  struct Copy {
    std::uint64_t records = 0;
    bool maybe_delivered = false;
  };
  using Copies = std::map<std::weak_ptr<const Batch>, Copy, std::owner_less<>>;
  // A file. `live`: its batches are in memory too.
  struct Segment {
    SegmentName name;
    std::uint64_t bytes = 0;
    bool live = false;
    bool foreign = false;  // of another version: left alone until it is too old
    bool suspect = false;  // any of its batches may have been delivered
    bool changed = false;  // live: it holds more than what is left of it
    Copies copies;         // live: that are not settled
    std::uint64_t records_left() const;
  };
  using Segments = std::map<std::uint64_t, Segment>;  // oldest first

  template <class F>
  void each_live(std::uint64_t destination, F f);
  bool is_too_old(const SegmentName& name, core::WallTime now) const;
  Segments::iterator add(const SegmentName& name, std::uint64_t bytes);
  Segments::iterator remove(Segments::iterator segment);
  bool rename(Segment& segment, const SegmentName& name);
  std::optional<SegmentName> salvage(const SpoolFolder::Entry& part, const SegmentName& intended);
  void count_killed(std::vector<SpoolLoss>& losses);
  void read_batches(Segments::iterator segment, Loaded& loaded);
  std::uint64_t limit();
  std::vector<std::span<const QueuedBatch* const>> divide(std::span<const QueuedBatch* const> batches);
  bool make_room(std::uint64_t bytes, std::vector<SpoolLoss>& losses);
  bool remove_changed(std::uint64_t destination, Copies& copies);
  bool write(std::uint64_t destination, std::span<const QueuedBatch* const> batches, core::WallTime now);
  void fail(const core::Failure& failure);

  std::unique_ptr<SpoolFolder> folder_;
  const std::uint64_t writer_;
  const Limits limits_;
  std::string failure_;
  bool recovered_ = false;
  bool ledger_failed_ = false;
  Segments segments_;
  std::uint64_t next_segment_ = 1;
  std::uint32_t next_sequence_ = 1;
};

}  // namespace mayfly::telemetry
