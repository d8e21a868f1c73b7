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
//   first next      recover() ............ records that are on disk, and those that a kill has taken
//   a batch is in, or out   write_ledger() .. so that the next life knows what was in memory
//   deadline near   save() ............... a shadow copy; each batch that is settled later says so
//   SHUTDOWN (reset)  save(), write_ledger()
//   backend is back   load(), then settled() for each of its batches
//
// The books of one destination: what a life has saved and not settled is what
// the next one finds: `waiting`, then loaded, spool_corrupt or expired. What its
// last ledger calls `at_risk` and no segment holds is killed.
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
  struct Loaded {
    std::vector<QueuedBatch> batches;  // all with `segment`, and maybe_delivered where it was or may be
    std::uint64_t records = 0;         // that were waiting: batches and losses together
    std::vector<SpoolLoss> losses;     // spool_corrupt, expired, spool_io
  };
  // Nothing waits when `records` is 0.
  Loaded load(std::uint64_t destination, std::size_t room, core::WallTime now);

  // Writes copies of the batches, oldest first, and sets their `segment`; those
  // that have one with no settled batch in it stay where they are. A batch whose
  // `segment` is 0 afterwards is not on disk, and is the caller's to count under
  // the cause. Losses: segments that had to make room.
  struct Saved {
    SpoolCause cause = SpoolCause::spool_full;  // of batches without a segment
    std::vector<SpoolLoss> losses;
  };
  Saved save(std::uint64_t destination, std::span<QueuedBatch> batches, core::WallTime now);

  // A batch with a `segment` was delivered or dropped. With the last one the
  // segment is deleted.
  void settled(const QueuedBatch& batch);

  // `in_memory` records of each destination are queued or in flight; those of
  // them that are on disk too are not at risk.
  struct InMemory {
    std::uint64_t destination = 0;
    std::uint64_t records = 0;
  };
  void write_ledger(std::span<const InMemory> rows);

 private:
  // A file. `live`: its batches are in memory too.
  struct Segment {
    SegmentName name;
    std::uint64_t bytes = 0;
    bool live = false;
    bool foreign = false;            // of another version: left alone until it is too old
    bool changed = false;            // live: it holds more than what is left of it
    std::size_t batches_left = 0;    // live: not settled
    std::uint64_t records_left = 0;  // live: not settled
  };
  using Segments = std::map<std::uint64_t, Segment>;  // by the number in QueuedBatch::segment

  bool is_too_old(const SegmentName& name, core::WallTime now) const;
  Segments::iterator add(const SegmentName& name, std::uint64_t bytes);
  Segments::iterator remove(Segments::iterator segment);
  bool rename(Segment& segment, const SegmentName& name);
  std::optional<SegmentName> salvage(const SpoolFolder::Entry& part, const SegmentName& intended);
  void count_killed(std::vector<SpoolLoss>& losses);
  void read_batches(Segments::iterator segment, Loaded& loaded);
  bool make_room(std::uint64_t bytes, std::vector<SpoolLoss>& losses);
  bool write(std::uint64_t destination, std::span<QueuedBatch* const> batches, core::WallTime now);
  void fail(const core::Failure& failure);

  std::unique_ptr<SpoolFolder> folder_;
  const std::uint64_t writer_;
  const Limits limits_;
  std::string failure_;
  bool recovered_ = false;
  bool ledger_failed_ = false;
  Segments segments_;  // oldest first
  std::uint64_t next_segment_ = 1;
  std::uint32_t next_sequence_ = 1;
};

}  // namespace mayfly::telemetry
