// As in persistence.cc, between pure parts.

#include <utility>

#include "tests/sim/world.h"

namespace mayfly::telemetry::test {
namespace {

Place place_of(SpoolCause cause) {
  constexpr std::array<Place, kSpoolCauses> kPlacesOf{Place::spool_full, Place::spool_io, Place::spool_corrupt,
                                                      Place::expired, Place::killed};
  return kPlacesOf[static_cast<std::size_t>(cause)];
}

}  // namespace

void World::lose(const std::vector<SpoolLoss>& losses) {
  for (const auto& loss : losses) {
    for (auto& d : destinations_) {
      if (d.fingerprint != loss.destination) continue;
      d.delivery->count_lost(loss.records, place_of(loss.cause));
      d.lost += loss.records;
      out_.seen.insert("earlier life: " + std::string(to_string(place_of(loss.cause))));
    }
  }
}

bool World::load_one(Destination& d) {
  auto loaded = spool_->load(d.fingerprint, 1 << 20, now().wall);
  lose(loaded.losses);
  for (auto& left : loaded.batches) {
    auto ids = ids_of(*left.batch);
    if (d.delivery->recover(std::move(left))) {
      seen("recovered");
      std::string which;
      for (int id : ids) which += " " + std::to_string(id);
      tell("from the spool of " + std::to_string(d.fingerprint) + ":" + which);
      for (int id : ids) check(!d.model.enqueued.contains(id), "a record comes twice from the spool");
      d.model.enqueued.insert(ids.begin(), ids.end());
      d.model.recovered.insert(ids.begin(), ids.end());
      d.model.copied.insert(ids.begin(), ids.end());
    } else {
      d.delivery->count_lost(ids.size(), Place::queue_full);
      d.lost += ids.size();
    }
  }
  return loaded.records > 0;
}

void World::update_spool() {
  std::vector<Spool::InMemory> rows;
  bool copies = false;
  for (auto& d : destinations_) {
    if (spool_->holds_copies(d.fingerprint)) {
      spool_->sync(d.fingerprint, d.delivery->queue().unsent());
      copies = true;
    }
    bool works = d.delivery->queue().account().count(Place::delivered) > 0;
    if (window_.phase == Phase::running && works && !spool_->holds_copies(d.fingerprint)) copies |= load_one(d);
    const auto& account = d.delivery->queue().account();
    rows.push_back({d.fingerprint, account.count(Place::queued) + account.count(Place::in_flight) + open_.size()});
  }
  if (copies || rows != rows_) spool_->write_ledger(rows);
  rows_ = std::move(rows);
}

void World::save_copies() {
  flush();
  for (auto& d : destinations_) {
    auto unsent = d.delivery->queue().unsent();
    if (unsent.empty()) continue;
    seen("copied before a deadline");
    for (const auto& queued : unsent) {
      for (int id : ids_of(*queued.batch)) d.model.copied.insert(id);
    }
    lose(spool_->save(d.fingerprint, unsent, now().wall).losses);
  }
  rows_.clear();
  update_spool();
}

void World::close_spool(Destination& d, bool reset) {
  if (!reset) {
    d.delivery->leave([](const QueuedBatch&) { return Place::shutdown; });
    auto waiting = spool_->waiting(d.fingerprint);
    d.delivery->count_lost(waiting, Place::shutdown);
    d.lost += waiting;
    return spool_->sync(d.fingerprint, {});
  }
  auto unsent = d.delivery->queue().unsent();
  auto saved = spool_->save(d.fingerprint, unsent, now().wall);
  lose(saved.losses);
  for (std::size_t i = 0; i < unsent.size(); ++i) {
    std::string which = saved.on_disk[i] ? "to" : "not to";
    which += " the spool of " + std::to_string(d.fingerprint) + ":";
    for (int id : ids_of(*unsent[i].batch)) which += " " + std::to_string(id);
    tell(which);
  }
  std::size_t at = 0;
  std::vector<QueuedBatch> left;
  d.delivery->leave([&](const QueuedBatch& queued) {
    if (!saved.on_disk[at++]) return place_of(saved.cause);
    left.push_back(queued);
    return Place::spooled;
  });
  spool_->sync(d.fingerprint, left);
}

}  // namespace mayfly::telemetry::test
