#include "extensions/telemetry/persistence.h"

#include <mayfly/log.h>

#include <algorithm>
#include <set>
#include <utility>

#include "extensions/telemetry/random.h"

namespace mayfly::telemetry {
namespace {

using std::chrono::milliseconds;

// Writing to a disk file, with a whole CPU [measured: 20 ms for 8 MiB]. A function
// has a CPU for each 1769 MB of its memory.
constexpr double kMillisecondsPerMiB = 2.5;
constexpr double kMegabytesPerCpu = 1769;
constexpr std::size_t kUnknownMemory = 128;
constexpr std::size_t kMost = 16 * 1024 * 1024;  // as the spool's limit

Place place_of(SpoolCause cause) {
  switch (cause) {
    case SpoolCause::spool_full: return Place::spool_full;
    case SpoolCause::spool_io: return Place::spool_io;
    case SpoolCause::spool_corrupt: return Place::spool_corrupt;
    case SpoolCause::expired: return Place::expired;
    case SpoolCause::killed: return Place::killed;
  }
  return Place::spool_io;
}

}  // namespace

void Persistence::open() {
  if (std::exchange(opened_, true) || folder_.empty() || members_.empty()) return;
  auto folder = open_spool_folder(folder_);
  if (!folder) {
    log.warn("what cannot be sent before a reset is lost: " + folder.error().message);
    return;
  }
  spool_.emplace(std::move(*folder), random_bits());
  count(spool_->recover(core::wall_now()));
  tell_failure();
}

void Persistence::count(const std::vector<SpoolLoss>& losses) {
  for (const auto& loss : losses) {
    auto member = std::ranges::find(members_, loss.destination, &Member::fingerprint);
    if (member != members_.end()) {
      member->destination->count_lost(loss.records, place_of(loss.cause));
    } else {
      log.warn("telemetry for a destination that is not there any more was lost",
               {{"records", loss.records}, {"cause", to_string(place_of(loss.cause))}});
    }
  }
}

void Persistence::tell_failure() {
  if (!spool_ || spool_->failure().empty() || std::exchange(told_failure_, true)) return;
  log.warn("what cannot be sent before a reset is lost: " + spool_->failure());
}

void Persistence::update(const OpenRecords& open_records, bool live) {
  if (!spool_) return;
  std::vector<Spool::InMemory> rows;
  bool copies = false;  // what is at risk depends on them too
  for (const Member& member : members_) {
    if (spool_->holds_copies(member.fingerprint)) {
      spool_->sync(member.fingerprint, member.destination->unsent());
      copies = true;
    }
    auto account = member.destination->account();
    bool works = account.count(Place::delivered) > 0;
    if (live && works && !spool_->holds_copies(member.fingerprint) && load_one(member)) {
      account = member.destination->account();
      copies = true;
    }
    rows.push_back({member.fingerprint, account.count(Place::queued) + account.count(Place::in_flight) +
                                            open_records(*member.destination)});
  }
  if (copies || rows != last_rows_) spool_->write_ledger(rows);
  last_rows_ = std::move(rows);
  tell_failure();
}

bool Persistence::load_one(const Member& member) {
  // Beside what is new: never more than what a segment is meant to hold.
  auto loaded = spool_->load(member.fingerprint, kMost, core::wall_now());
  count(loaded.losses);
  for (auto& queued : loaded.batches) {
    auto records = queued.batch->records;
    if (!member.destination->recover(std::move(queued))) member.destination->count_lost(records, Place::queue_full);
  }
  return loaded.records > 0;
}

void Persistence::load_all() {
  if (!spool_) return;
  for (const Member& member : members_) {
    while (load_one(member)) {
    }
  }
}

milliseconds Persistence::longest_writing_time(std::size_t queue_bytes) const {
  auto memory = static_cast<double>(memory_mb_ == 0 ? kUnknownMemory : memory_mb_);
  double cpus = std::min(memory / kMegabytesPerCpu, 1.0);
  double mebibytes = static_cast<double>(std::min(queue_bytes, kMost)) / (1 << 20);
  return milliseconds(static_cast<std::int64_t>(mebibytes * kMillisecondsPerMiB / cpus) + 1);
}

milliseconds Persistence::writing_time() const {
  std::size_t bytes = 0;
  for (const Member& member : members_) bytes += member.destination->queued_bytes();
  return longest_writing_time(bytes);
}

void Persistence::save_copies() {
  if (!spool_) return;
  auto now = core::wall_now();
  for (const Member& member : members_) {
    auto unsent = member.destination->unsent();
    if (!unsent.empty()) count(spool_->save(member.fingerprint, unsent, now).losses);
  }
  last_rows_.clear();  // fewer records are at risk
  tell_failure();
}

void Persistence::close(bool reset) {
  for (const Member& member : members_) close_member(member, reset && spool_);
  if (spool_) spool_->write_ledger({}, true);
  tell_failure();
}

void Persistence::close_member(const Member& member, bool reset) {
  if (!reset) {
    member.destination->close([](const QueuedBatch&) { return Place::shutdown; });
    if (!spool_) return;
    // /tmp goes with the environment.
    if (auto waiting = spool_->waiting(member.fingerprint); waiting > 0)
      member.destination->count_lost(waiting, Place::shutdown);
    return spool_->sync(member.fingerprint, {});
  }
  auto unsent = member.destination->unsent();
  auto saved = spool_->save(member.fingerprint, unsent, core::wall_now());
  count(saved.losses);
  std::set<SharedBatch> on_disk;
  for (std::size_t i = 0; i < unsent.size(); ++i)
    if (saved.on_disk[i]) on_disk.insert(unsent[i].batch);
  std::vector<QueuedBatch> left;
  member.destination->close([&](const QueuedBatch& queued) {
    if (!on_disk.contains(queued.batch)) return place_of(saved.cause);
    left.push_back(queued);
    return Place::spooled;
  });
  // What was settled meanwhile.
  spool_->sync(member.fingerprint, left);
}

}  // namespace mayfly::telemetry
