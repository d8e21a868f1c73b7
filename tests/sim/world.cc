#include "tests/sim/world.h"

#include <utility>

namespace mayfly::telemetry::test {

std::vector<int> ids_of(const Batch& batch) {
  std::vector<int> ids;
  for (std::size_t at = 0; at < batch.body.size();) {
    ids.push_back(std::stoi(batch.body.substr(at)));
    at = batch.body.find('\n', at) + 1;
  }
  return ids;
}

// ---- a life

void World::draw() {
  settings_ = choose_.of<FlushSettings>({{Kind::adaptive, milliseconds(10'000)},
                                         {Kind::end, milliseconds(200)},
                                         {Kind::continuous, milliseconds(1'000)},
                                         {Kind::periodic, milliseconds(5'000)},
                                         {Kind::adaptive, milliseconds(100)},
                                         {Kind::end, milliseconds(50)}});
  managed_ = choose_.below(8) == 7;
  queue_bytes_ = choose_.of<std::size_t>({1'000, 96, 64});
  seal_at_ = choose_.of<std::size_t>({4, 2, 9});
  for (auto& d : destinations_) {
    unsigned mix = choose_.byte() | choose_.byte() << 8;
    for (unsigned fault = 0; fault < kFaults; ++fault) {
      if (mix >> fault & 1) d.backend.rate[fault] = choose_.of<unsigned>({20, 100, 250});
    }
    d.backend.body_limit = choose_.of<std::size_t>({8, 16, 4});  // a record is 8 bytes long
  }
  frozen_rate_ = choose_.of<unsigned>({256, 128, 0});
  late_rate_ = choose_.of<unsigned>({0, 40});
  jump_rate_ = choose_.of<unsigned>({0, 20});
  kill_rate_ = choose_.of<unsigned>({0, 10});
  slack_ = late_rate_ > 0 ? 40 : 0;
  spool_fails_ = choose_.below(4) == 3;
  tmp_.capacity = choose_.of<std::uint64_t>({1 << 20, 8'192});
  for (std::size_t i = 0; i < destinations_.size(); ++i) destinations_[i].fingerprint = i + 1;
}

void World::born() {
  policy_ = std::make_unique<FlushPolicy>(settings_, managed_);
  window_ = {};
  closing_ = stopped_ = false;
  for (auto& d : destinations_) {
    Delivery::Options options;
    options.queue_bytes = queue_bytes_;
    options.refreshable = true;
    options.halve = halve_lines;
    options.protocol = settings_.kind == Kind::end ? Protocol::ndjson : Protocol::otlp;
    options.timeout = milliseconds(5'000);
    d.delivery = std::make_unique<Delivery>(options);
    d.flight.reset();
    d.was_open = d.waited_in_vain = d.backend.used = false;
    d.lost = 0;
    d.model.last_acked = -1;
    d.model.recovered.clear();
    d.model.copied.clear();
    d.model.enqueued.clear();
    d.model.settled.clear();
    d.model.acked = d.model.rejected = 0;
  }
  bool fails = faults_ && spool_fails_ && choose_.below(3) == 2;
  spool_failed_ |= fails;
  auto fault = fails ? MemoryFolder::Fault::fails_from_then_on : MemoryFolder::Fault::none;
  Spool::Limits limits;
  limits.segment_bytes = 200;  // of two batches or three
  limits.segments = 4;
  spool_ = std::make_unique<Spool>(std::make_unique<MemoryFolder>(tmp_, fault, 1 + static_cast<int>(choose_.below(20))),
                                   ++lives_, limits);
  rows_.clear();
  lose(spool_->recover(now().wall));
  tell("a life begins");
  policy_->began(now());
  act();
}

void World::live() {
  born();
  unsigned invocations = 1 + choose_.below(12);
  for (unsigned i = 0; i < invocations && !choose_.done(); ++i) {
    for (auto& d : destinations_) {
      if (faults_ && choose_.below(8) == 7) d.backend.dead = !d.backend.dead;
      if (happens(d.backend.rate[kAuth] / 8)) d.backend.secret_changed = true;
    }
    Ms timeout = choose_.of<Ms>({3'000, 900'000, 300, 1'000, 60'000});
    Ms takes = choose_.of<Ms>({5, 0, 100, 260, 2'800, 20'000, 999'999'999});
    Ms gap = choose_.of<Ms>({100, 0, 1'000, 20'000, 600'000, 7'200'000});
    if (happens(jump_rate_)) {
      wall_ += choose_.of<Ms>({3'600'000, -3'600'000});
      seen("wall clock jumped");
    }
    bool killed = happens(kill_rate_);
    if (takes >= timeout || killed) {
      takes = std::min(takes, timeout);
      invoke(timeout, timeout + 1, choose_.below(9), 0, false);
      written_.clear();  // died with Lambda's buffer; not ours
      if (killed) return kill();
      seen("timeout");
      return shut_down(true, 2'000, false);
    }
    invoke(timeout, takes, choose_.below(9), gap, choose_.byte() < frozen_rate_);
  }
  shut_down(false, choose_.of<Ms>({2'000, 500, 300, 0}), choose_.below(2) == 1);
}

// No faults any more: all must come right.
void World::calm() {
  faults_ = false;
  for (auto& d : destinations_) {
    auto dull = Backend{};
    d.backend = dull;
  }
  born();
  std::array<std::uint64_t, 2> lost{};
  for (Ms begin = real_; real_ < begin + 120'000;) {
    invoke(3'000, 300, 1, 2'000, true);
    for (std::size_t i = 0; i < 2; ++i) {
      // Only of what earlier lives have left some may be gone, or find no room.
      lost[i] = destinations_[i].lost;
      check(destinations_[i].delivery->queue().account().dropped() == lost[i], "something was lost without a fault");
    }
  }
  shut_down(false, 2'000, true);
  for (std::size_t i = 0; i < 2; ++i) {
    auto& d = destinations_[i];
    const auto& account = d.delivery->queue().account();
    check(!d.delivery->breaker_is_open(), "a breaker is open at the end of 120 s without faults");
    check(account.count(Place::delivered) == account.enqueued() + account.recovered() - lost[i],
          "not all arrived in 120 s without faults");
    // All lives together: nothing has vanished between two of them.
    if (spool_failed_) continue;
    auto told = d.delivered + d.dropped;
    check(told >= d.received, "something has vanished between two lives");
    check(told <= d.received + d.repeated, "something was counted twice");
  }
}

// ---- invocations

void World::log(unsigned lines) {
  for (unsigned i = 0; i < lines; ++i) written_.push_back(next_id_++);
}

// Lambda delivers what was written.
void World::telemetry() {
  for (int id : std::exchange(written_, {})) {
    if (open_.empty()) {
      open_since_ = now().wall;
      open_error_ = id % 7 == 0;
    }
    open_.push_back(id);
    if (open_.size() >= seal_at_) flush();
  }
  act();
}

void World::invoke(Ms timeout, Ms takes, unsigned lines, Ms gap, bool freezes) {
  const Ms began = real_, deadline = began + timeout;
  const bool dies = takes > timeout;
  tell("INVOKE, timeout " + std::to_string(timeout) + ", takes " + std::to_string(takes));
  asked_ = managed_;
  if (!managed_) policy_->invoked(now(), milliseconds(timeout));
  act();
  if (settings_.kind == Kind::continuous) check(asked_, "a policy that never waits has waited");
  telemetry();  // of the invocation before, if it was frozen with it
  log(lines);
  // Lambda buffers for 25 ms.
  const Ms until = dies ? deadline : began + takes;
  const Ms last = dies ? std::max(began, until - 60) : until;
  for (Ms part = 0; part < 3 && real_ < last; ++part) {
    run_until(std::min(last, real_ + std::max<Ms>(25, takes / 3)));
    telemetry();
    log(lines > 6 ? 1 : 0);
  }
  run_until(last);
  if (dies) save_copies();
  run_until(until);
  if (dies) {
    if (!managed_) check(asked_, "next was not asked for before the deadline");
    return;
  }
  tell("the function has answered");
  Ms latest =
      std::min(std::max(real_, began) + (settings_.kind == Kind::end ? settings_.time.count() : 200), deadline - 100);
  if (settings_.kind == Kind::end) latest = std::max(latest, real_ + 25);  // it is not known before
  latest = std::max(latest, real_ + 25);
  bool waited = !asked_;
  if (waited || !freezes) {
    run_until(real_ + 25);
    telemetry();
    if (!managed_) policy_->answered(now(), milliseconds(25));
    act();
  }
  while (!asked_) {
    check(real_ <= latest + slack_, "next was asked for too late");
    run_until(real_ + 5);
  }
  if (waited) seen("held open");
  if (gap == 0) return;
  if (!freezes) {
    run_until(real_ + std::min<Ms>(gap, 30'000));
    return;
  }
  tell("frozen for " + std::to_string(gap));
  for (auto& d : destinations_) {
    if (!d.flight) continue;
    seen("frozen with a request under way");
    if (d.flight->at <= real_ + gap) seen("thawed with an answer waiting");
    if (happens(d.backend.rate[kDeadIdle])) {
      seen("a connection died in the freeze");
      d.flight->reply = Reply{};
      d.flight->reply.sent = true;
      d.flight->at = real_;
    }
  }
  real_ += gap;
  if (choose_.below(2) == 1) stood_still_ += gap;
}

void World::shut_down(bool survives, Ms left, bool report) {
  const Ms began = real_;
  tell("SHUTDOWN");
  closing_ = true;
  for (auto& d : destinations_) {
    while (!survives && load_one(d)) {
    }
  }
  policy_->shut_down(now(), milliseconds(left), report);
  telemetry();
  if (report && choose_.below(2) == 1) {
    run_until(real_ + 60);
    if (!stopped_) {
      seen("the last report was waited for");
      log(1);
      policy_->reported();
      telemetry();
    }
  }
  while (!stopped_) {
    check(real_ <= began + std::clamp<Ms>(left - 300, 0, 1'500) + slack_, "SHUTDOWN took too long");
    run_until(real_ + 5);
  }
  flush();
  written_.clear();
  for (auto& d : destinations_) {
    close_spool(d, survives);
    d.flight.reset();
    const auto& account = d.delivery->queue().account();
    check(account.balanced(), "the books do not close at the end of a life");
    check(account.count(Place::queued) + account.count(Place::in_flight) == 0, "something is left behind");
    if (account.count(Place::shutdown) > 0) seen("shutdown");
    for (auto place : {Place::spooled, Place::spool_full, Place::spool_io}) {
      if (account.count(place) > 0) out_.seen.insert(std::string(to_string(place)));
    }
  }
  spool_->write_ledger({}, true);
  end_life();
}

void World::kill() {
  tell("killed");
  seen("killed");
  for (auto& d : destinations_) {
    d.received += open_.size();
    d.flight.reset();
    d.model.unknown.insert(d.model.copied.begin(), d.model.copied.end());
    d.repeated += d.model.copied.size();
  }
  open_.clear();
  end_life();
}

void World::end_life() {
  for (auto& d : destinations_) {
    // A file that cannot be taken away any more is found again.
    if (!spool_->failure().empty()) d.model.unknown.insert(d.model.copied.begin(), d.model.copied.end());
    const auto& account = d.delivery->queue().account();
    d.received += account.enqueued();
    d.delivered += account.count(Place::delivered);
    d.dropped += account.dropped();
    std::string books =
        "books: enqueued " + std::to_string(account.enqueued()) + ", recovered " + std::to_string(account.recovered());
    for (std::size_t place = 0; place < kPlaces; ++place) {
      auto records = account.count(static_cast<Place>(place));
      if (records == 0) continue;
      books.append(", ").append(to_string(static_cast<Place>(place))).append(" ").append(std::to_string(records));
    }
    tell(books);
  }
}

// ---- the daemon around the two: as in daemon.cc

bool World::open() {
  if (open_.empty()) return false;
  return closing_ || std::ranges::any_of(destinations_, [](const auto& d) {
           return !d.delivery->breaker_is_open() || d.delivery->queue().empty();
         });
}

void World::flush() {
  if (open_.empty()) return;
  std::string body;
  for (int id : open_) body += std::to_string(id) + "\n";
  auto batch = std::make_shared<const Batch>(Batch{body, open_.size(), Signal::logs, open_error_, open_since_});
  tell("sealed " + std::to_string(open_.size()) + " up to " + std::to_string(open_.back()));
  for (auto& d : destinations_) {
    d.delivery->enqueue(batch);
    d.model.enqueued.insert(open_.begin(), open_.end());
  }
  open_.clear();
  verify();
}

void World::act() {
  for (;;) {
    check(++steps_ < 200'000, "it does not come to rest");
    if (policy_->window() != window_) {
      window_ = policy_->window();
      for (auto& d : destinations_) d.delivery->enter(window_, now());
    }
    bool settled = std::ranges::all_of(destinations_, [&](auto& d) { return d.delivery->settled(now()); });
    auto orders = policy_->advance(now(), open(), settled);
    if (orders.flush) {
      flush();
      continue;
    }
    if (orders.late) {
      for (auto& d : destinations_) {
        if (d.delivery->settled(now())) continue;
        seen("late");
        check(!d.waited_in_vain, "a backend was waited for in vain twice");
        d.waited_in_vain = true;
        d.delivery->was_late(now());
      }
    }
    if (orders.stop) {
      stopped_ = true;
      return;
    }
    if (orders.next) {
      check(!asked_, "next was asked for twice");
      asked_ = true;
      tell("next");
      continue;
    }
    if (policy_->window() == window_) break;
  }
  update_spool();
}

}  // namespace mayfly::telemetry::test
