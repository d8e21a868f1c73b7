#include "extensions/telemetry/spool.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

namespace mayfly::telemetry {
namespace {

constexpr std::string_view kPart = ".part";

}  // namespace

// ---- what an earlier life has left

std::vector<SpoolLoss> Spool::recover(core::WallTime now) {
  std::vector<SpoolLoss> losses;
  recovered_ = true;
  auto entries = folder_->list();
  if (!entries) {
    fail(entries.error());
    return losses;
  }
  std::vector<std::pair<SegmentName, std::uint64_t>> found;
  for (const auto& entry : *entries) {
    bool part = entry.name.ends_with(kPart);
    auto name =
        parse_segment_name(std::string_view(entry.name).substr(0, entry.name.size() - (part ? kPart.size() : 0)));
    if (name && part) name = salvage(entry, *name);
    if (name) found.emplace_back(*name, entry.bytes);
  }
  std::ranges::sort(found, {}, [](const auto& f) {
    return std::tuple(f.first.created, f.first.writer, f.first.sequence, f.first.text());
  });
  for (const auto& [name, bytes] : found) add(name, bytes);
  count_killed(losses);
  for (auto at = segments_.begin(); at != segments_.end();) {
    const SegmentName& name = at->second.name;
    if (!is_too_old(name, now)) {
      ++at;
      continue;
    }
    losses.push_back({name.destination, SpoolCause::expired, name.records});
    at = remove(at);
  }
  // So that nobody counts the killed twice.
  write_ledger({});
  return losses;
}

bool Spool::is_too_old(const SegmentName& name, core::WallTime now) const {
  return now - name.created > limits_.age || name.lives >= limits_.lives;
}

// What a kill has left of a segment that was being written: no one was told of
// it, so it is worth what is whole in it.
std::optional<SegmentName> Spool::salvage(const SpoolFolder::Entry& part, const SegmentName& intended) {
  auto bytes = folder_->read(part.name, limits_.total_bytes);
  auto contents = bytes ? read_segment(*bytes) : SegmentContents();
  SegmentName name = intended;
  name.batches = static_cast<std::uint32_t>(contents.batches.size());
  name.records = contents.records;
  if (name.batches > 0 && contents.destination == name.destination && folder_->rename(part.name, name.text()))
    return name;
  if (auto removed = folder_->remove(part.name); !removed) fail(removed.error());
  return std::nullopt;
}

void Spool::count_killed(std::vector<SpoolLoss>& losses) {
  auto bytes = folder_->read_ledger();
  if (!bytes) {
    ledger_failed_ = true;
    return fail(bytes.error());
  }
  auto ledger = telemetry::read_ledger(*bytes);
  if (!ledger) return;
  for (auto& [id, segment] : segments_)
    if (segment.name.writer == ledger->writer && !ledger->closed) segment.suspect = true;
  for (const auto& row : ledger->rows) {
    std::uint64_t saved = 0;
    for (const auto& [id, segment] : segments_) {
      const SegmentName& name = segment.name;
      if (name.writer == ledger->writer && name.destination == row.destination && name.sequence > ledger->last_sequence)
        saved += name.records;
    }
    if (row.at_risk > saved) losses.push_back({row.destination, SpoolCause::killed, row.at_risk - saved});
  }
}

std::uint64_t Spool::waiting(std::uint64_t destination) const {
  std::uint64_t records = 0;
  for (const auto& [id, segment] : segments_)
    if (!segment.live && segment.name.destination == destination) records += segment.name.records;
  return records;
}

std::uint64_t Spool::bytes() const {
  std::uint64_t sum = 0;
  for (const auto& [id, segment] : segments_) sum += segment.bytes;
  return sum;
}

Spool::Loaded Spool::load(std::uint64_t destination, std::size_t room, core::WallTime now) {
  Loaded loaded;
  if (!failure_.empty()) return loaded;
  auto at = std::ranges::find_if(segments_, [&](const auto& entry) {
    const Segment& segment = entry.second;
    return !segment.live && !segment.foreign && segment.name.destination == destination && segment.bytes <= room;
  });
  if (at == segments_.end()) return loaded;
  Segment& segment = at->second;
  loaded.records = segment.name.records;
  if (is_too_old(segment.name, now)) {
    loaded.losses.push_back({destination, SpoolCause::expired, segment.name.records});
    remove(at);
    return loaded;
  }
  // Before anything in it is looked at: what kills us does so five times at most.
  SegmentName name = segment.name;
  ++name.lives;
  if (rename(segment, name)) {
    read_batches(at, loaded);
  } else {
    loaded.losses.push_back({destination, SpoolCause::spool_io, segment.name.records});
    remove(at);
  }
  return loaded;
}

void Spool::read_batches(Segments::iterator at, Loaded& loaded) {
  Segment& segment = at->second;
  const SegmentName name = segment.name;
  auto bytes = folder_->read(name.text(), limits_.total_bytes);
  if (!bytes) {
    loaded.losses.push_back({name.destination, SpoolCause::spool_io, name.records});
    remove(at);
    return;
  }
  auto contents = read_segment(*bytes);
  if (contents.foreign) {
    segment.foreign = true;
    loaded.records = 0;
    return;
  }
  std::uint64_t left = name.records;
  if (contents.destination == name.destination) {
    for (auto& queued : contents.batches) {
      if (queued.batch->records > left) break;  // more than was promised is not ours
      left -= queued.batch->records;
      queued.maybe_delivered |= segment.suspect || name.lives > 1;
      segment.copies[queued.batch] = {queued.batch->records, queued.maybe_delivered};
      loaded.batches.push_back(std::move(queued));
    }
  }
  if (left > 0) loaded.losses.push_back({name.destination, SpoolCause::spool_corrupt, left});
  if (loaded.batches.empty()) {
    remove(at);
    return;
  }
  segment.live = true;
  segment.changed = left > 0;
}

// ---- what this life leaves

// Those of which nothing is left when f returns are deleted.
template <class F>
void Spool::each_live(std::uint64_t destination, F f) {
  for (auto at = segments_.begin(); at != segments_.end();) {
    Segment& segment = at->second;
    bool live = segment.live && segment.name.destination == destination;
    if (live) f(segment);
    at = live && segment.copies.empty() ? remove(at) : std::next(at);
  }
}

void Spool::sync(std::uint64_t destination, std::span<const QueuedBatch> unsent) {
  std::set<std::weak_ptr<const Batch>, std::owner_less<>> left;
  for (const auto& queued : unsent) left.insert(queued.batch);
  each_live(destination, [&](Segment& segment) {
    auto gone = std::erase_if(segment.copies, [&](const auto& copy) { return !left.contains(copy.first); });
    segment.changed = segment.changed || gone > 0;
  });
}

bool Spool::holds_copies(std::uint64_t destination) const {
  return std::ranges::any_of(
      segments_, [&](const auto& entry) { return entry.second.live && entry.second.name.destination == destination; });
}

Spool::Saved Spool::save(std::uint64_t destination, std::span<const QueuedBatch> unsent, core::WallTime now) {
  Saved saved;
  sync(destination, unsent);
  // Where a part is settled the rest moves, so that the next life sends only that.
  Copies current, all;
  each_live(destination, [&](Segment& segment) {
    // So does a segment of which a batch has been in a request since.
    segment.changed = segment.changed || std::ranges::any_of(unsent, [&](const auto& queued) {
                        auto copy = segment.copies.find(queued.batch);
                        return copy != segment.copies.end() && copy->second.maybe_delivered != queued.maybe_delivered;
                      });
    all.insert(segment.copies.begin(), segment.copies.end());
    if (!segment.changed) current.insert(segment.copies.begin(), segment.copies.end());
  });
  std::set<std::weak_ptr<const Batch>, std::owner_less<>> written;
  std::vector<const QueuedBatch*> bare;
  for (const auto& queued : unsent) {
    if (!current.contains(queued.batch)) bare.push_back(&queued);
  }

  if (!failure_.empty()) {
    saved.cause = SpoolCause::spool_io;
  } else {
    for (auto segment : divide(bare)) {
      std::uint64_t size = kSegmentHeaderBytes;
      for (const auto* queued : segment) size += spooled_bytes(*queued->batch);
      // What is to be moved gives its place, should there be no other: left where it is,
      // the part of it that is settled would be sent once more.
      bool room = make_room(size, saved.losses);
      while (!room && remove_changed(destination, all)) room = make_room(size, saved.losses);
      if (!room) continue;
      if (!write(destination, segment, now)) {
        saved.cause = SpoolCause::spool_io;
        break;
      }
      for (const auto* queued : segment) written.insert(queued->batch);
    }
    if (failure_.empty()) {
      while (remove_changed(destination, all)) {
      }
    }
  }
  for (const auto& queued : unsent)
    saved.on_disk.push_back(written.contains(queued.batch) || all.contains(queued.batch));
  return saved;
}

// The oldest of its segments that hold more than what is left of them; what was
// not moved out of it is not on disk any more.
bool Spool::remove_changed(std::uint64_t destination, Copies& copies) {
  auto changed = std::ranges::find_if(segments_, [&](const auto& entry) {
    return entry.second.live && entry.second.changed && entry.second.name.destination == destination;
  });
  if (changed == segments_.end()) return false;
  for (const auto& [batch, copy] : changed->second.copies) copies.erase(batch);
  remove(changed);
  return true;
}

std::uint64_t Spool::limit() {
  return std::min(limits_.total_bytes, (folder_->free_bytes() + bytes()) / limits_.share_of_free);
}

// The newest that fit, into segments that are filled from the end.
std::vector<std::span<const QueuedBatch* const>> Spool::divide(std::span<const QueuedBatch* const> batches) {
  std::vector<std::span<const QueuedBatch* const>> segments;
  std::uint64_t most = limit();
  std::uint64_t total = 0;
  std::size_t end = batches.size();
  while (end > 0 && segments.size() < limits_.segments) {
    std::size_t begin = end;
    std::size_t size = kSegmentHeaderBytes;
    while (begin > 0) {
      auto more = spooled_bytes(*batches[begin - 1]->batch);
      bool fits = begin == end || size + more <= limits_.segment_bytes;
      if (!fits || total + size + more > most) break;
      size += more;
      --begin;
    }
    if (begin == end) break;
    total += size;
    segments.insert(segments.begin(), batches.subspan(begin, end - begin));
    end = begin;
  }
  return segments;
}

bool Spool::make_room(std::uint64_t size, std::vector<SpoolLoss>& losses) {
  while (bytes() + size > limit() || segments_.size() >= limits_.segments) {
    auto oldest = std::ranges::find_if(segments_, [](const auto& entry) { return !entry.second.live; });
    if (oldest == segments_.end()) return false;
    const SegmentName& name = oldest->second.name;
    losses.push_back({name.destination, SpoolCause::spool_full, name.records});
    remove(oldest);
  }
  return true;
}

bool Spool::write(std::uint64_t destination, std::span<const QueuedBatch* const> batches, core::WallTime now) {
  SegmentName name;
  name.created = now;
  name.writer = writer_;
  name.sequence = next_sequence_++;
  name.destination = destination;
  name.batches = static_cast<std::uint32_t>(batches.size());
  std::uint64_t size = kSegmentHeaderBytes;
  bool suspect = false;
  for (const auto* queued : batches) {
    name.records += queued->batch->records;
    size += spooled_bytes(*queued->batch);
  }
  // Moved from a segment that others have tried: its age and lives go on.
  each_live(destination, [&](const Segment& old) {
    if (std::ranges::none_of(batches, [&](const auto* queued) { return old.copies.contains(queued->batch); })) return;
    name.lives = std::max(name.lives, old.name.lives);
    name.created = std::min(name.created, old.name.created);
    suspect = suspect || old.suspect;
  });
  std::vector<std::string> headers{segment_header(name)};
  std::vector<std::string_view> parts;
  for (const auto* queued : batches) headers.push_back(record_header(*queued));
  parts.push_back(headers[0]);
  for (std::size_t i = 0; i < batches.size(); ++i) {
    parts.push_back(headers[i + 1]);
    parts.push_back(batches[i]->batch->body);
  }
  std::string part = name.text() + std::string(kPart);
  auto written = folder_->create(part, parts);
  if (written) {
    written = folder_->rename(part, name.text());
    if (!written) (void)folder_->remove(part);
  }
  if (!written) {
    fail(written.error());
    return false;
  }
  each_live(destination, [&](Segment& old) {
    for (const auto* queued : batches) old.copies.erase(queued->batch);
  });
  Segment& segment = add(name, size)->second;
  segment.live = true;
  segment.suspect = suspect;
  for (const auto* queued : batches) segment.copies[queued->batch] = {queued->batch->records, queued->maybe_delivered};
  return true;
}

std::uint64_t Spool::Segment::records_left() const {
  std::uint64_t records = 0;
  for (const auto& [batch, copy] : copies) records += copy.records;
  return records;
}

void Spool::write_ledger(std::span<const InMemory> rows, bool closed) {
  if (!recovered_ || ledger_failed_) return;
  Ledger ledger;
  ledger.writer = writer_;
  ledger.last_sequence = next_sequence_ - 1;
  ledger.closed = closed;
  for (const auto& row : rows) {
    std::uint64_t saved = 0;
    for (const auto& [id, segment] : segments_)
      if (segment.live && segment.name.destination == row.destination) saved += segment.records_left();
    ledger.rows.push_back({row.destination, row.records - std::min(row.records, saved)});
  }
  auto written = folder_->write_ledger(telemetry::write_ledger(ledger));
  if (written) return;
  ledger_failed_ = true;
  fail(written.error());
}

// ---- files

Spool::Segments::iterator Spool::add(const SegmentName& name, std::uint64_t bytes) {
  return segments_.emplace(next_segment_++, Segment{name, bytes, false, false, false, false, {}}).first;
}

Spool::Segments::iterator Spool::remove(Segments::iterator segment) {
  if (auto removed = folder_->remove(segment->second.name.text()); !removed) fail(removed.error());
  return segments_.erase(segment);
}

bool Spool::rename(Segment& segment, const SegmentName& name) {
  if (!folder_->rename(segment.name.text(), name.text())) return false;
  segment.name = name;
  return true;
}

void Spool::fail(const core::Failure& failure) {
  if (failure_.empty()) failure_ = failure.message;
}

}  // namespace mayfly::telemetry
