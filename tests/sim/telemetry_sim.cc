#include "tests/sim/telemetry_sim.h"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "extensions/telemetry/delivery.h"
#include "extensions/telemetry/flush_policy.h"
#include "extensions/telemetry/spool.h"
#include "tests/extensions/memory_folder.h"

namespace mayfly::telemetry::test {
namespace {

using std::chrono::milliseconds;
using Ms = std::int64_t;
using Phase = Window::Phase;
using Kind = FlushSettings::Kind;

// Thrown to leave a run: a promise was broken, or the bytes are used up.
struct Broken {
  std::string what;
};

class Choices {
 public:
  explicit Choices(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  bool done() const { return at_ >= bytes_.size(); }
  // 0 when the bytes are used up: the dullest choice everywhere.
  unsigned byte() { return done() ? 0 : bytes_[at_++]; }
  unsigned below(unsigned n) { return byte() % n; }
  template <class T>
  T of(std::initializer_list<T> list) {
    return list.begin()[below(static_cast<unsigned>(list.size()))];
  }
  std::uint64_t random() { return byte() * 0x9E3779B97F4A7C15u; }

 private:
  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
};

// ---- the backend

enum Fault : unsigned {
  kSlow,
  kLater,
  kRefusals,
  kUnreachable,
  kCutBefore,    // the body was not written whole
  kTakenSilent,  // taken, and no answer
  kSilent,
  kPartial,
  kUnparsed,
  kTooLarge,
  kDeadIdle,  // kept connections die
  kAuth,
  kFaults
};

struct Exchange {
  std::vector<int> ids;
  Reply reply;
  Ms at = 0;           // real time of the reply; never: INT64_MAX
  bool taken = false;  // the backend has the records, said so or not
};

struct Backend {
  std::array<unsigned, kFaults> rate{};  // of 256
  bool dead = false;                     // for a while: answers nothing
  bool secret_changed = false;
  std::size_t body_limit = 0;  // with kTooLarge
  bool used = false;           // there is a connection that has served
};

// ---- the records of one destination, as numbers in sets: the model

struct Model {
  std::set<int> enqueued, settled;  // settled: by an answer
  std::size_t acked = 0, rejected = 0;
  std::map<int, int> arrived;
  std::set<int> unknown;  // were in a request of unknown outcome
  int last_acked = -1;
  std::set<int> recovered;
  std::set<int> copied;  // on disk too: a kill makes the next life send them again
};

std::vector<int> ids_of(const Batch& batch) {
  std::vector<int> ids;
  for (std::size_t at = 0; at < batch.body.size();) {
    ids.push_back(std::stoi(batch.body.substr(at)));
    at = batch.body.find('\n', at) + 1;
  }
  return ids;
}

class World {
 public:
  World(std::span<const std::uint8_t> bytes, Simulated& out) : choose_(bytes), out_(out) {}

  void run() {
    draw();
    int lives = 0;
    while (!choose_.done() && lives++ < 6) live();
    calm();
  }

 private:
  struct Destination {
    std::unique_ptr<Delivery> delivery;
    Backend backend;
    Model model;
    std::optional<Exchange> flight;
    bool was_open = false;
    bool waited_in_vain = false;  // and has not answered since
    std::uint64_t fingerprint = 0;
    std::uint64_t lost = 0;  // in this life, of what an earlier one has left
    // Over all lives.
    std::uint64_t received = 0, delivered = 0, dropped = 0;
    std::uint64_t repeated = 0;  // at most: on disk and in memory when a life was killed
  };

  void check(bool kept, const std::string& promise) {
    if (!kept) throw Broken{promise};
  }
  void tell(const std::string& what) { out_.story.push_back(std::to_string(real_) + " " + what); }
  void seen(const char* place) { out_.seen.insert(place); }
  Moment now() const {
    return {Steady(milliseconds(real_ - stood_still_ + 1'000'000)), core::WallTime(milliseconds(real_ + wall_))};
  }
  Ms real_of(Steady at) const {
    if (at == Steady::max()) return INT64_MAX;
    return std::chrono::ceil<milliseconds>(at.time_since_epoch()).count() + stood_still_ - 1'000'000;
  }
  bool happens(unsigned rate) { return faults_ && rate > 0 && choose_.byte() < rate; }

  void draw();
  void live();
  void calm();
  void born();
  void invoke(Ms timeout, Ms takes, unsigned lines, Ms gap, bool freezes);
  void thaw();
  void shut_down(bool survives, Ms left, bool report);
  void kill();
  void end_life();

  void lose(const std::vector<SpoolLoss>& losses);
  bool load_one(Destination& d);
  void update_spool();
  void save_copies();
  void close_spool(Destination& d, bool reset);

  void log(unsigned lines);
  void telemetry();
  void act();
  bool open();
  void flush();
  void run_until(Ms until);
  void rest_a_while(Ms& until);
  void send(Destination& d);
  void answer(Destination& d, const Request& request);
  void end(Destination& d, const Reply& reply, const char* how);
  void verify();

  Choices choose_;
  Simulated& out_;
  bool faults_ = true;
  unsigned frozen_rate_ = 0, late_rate_ = 0, jump_rate_ = 0, kill_rate_ = 0;
  Ms real_ = 0, stood_still_ = 0, wall_ = 1'000'000'000;
  FlushSettings settings_;
  bool managed_ = false;
  std::size_t queue_bytes_ = 0;
  std::size_t seal_at_ = 0;

  MemoryFiles tmp_;
  std::unique_ptr<Spool> spool_;
  bool spool_fails_ = false, spool_failed_ = false;
  unsigned lives_ = 0;
  std::vector<Spool::InMemory> rows_;

  std::unique_ptr<FlushPolicy> policy_;
  std::array<Destination, 2> destinations_;
  Window window_;
  int next_id_ = 1'000'000;   // all of one width
  std::vector<int> written_;  // by the function, not delivered by Lambda yet
  std::vector<int> open_;
  core::WallTime open_since_{};
  bool open_error_ = false;
  bool closing_ = false, stopped_ = false, asked_ = false;
  Ms slack_ = 0;
  int steps_ = 0;
};

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

// ---- the spool: as in persistence.cc

Place place_of(SpoolCause cause) {
  constexpr std::array<Place, kSpoolCauses> kPlacesOf{Place::spool_full, Place::spool_io, Place::spool_corrupt,
                                                      Place::expired, Place::killed};
  return kPlacesOf[static_cast<std::size_t>(cause)];
}

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

// ---- the sending threads and the network

void World::run_until(Ms until) {
  for (;;) {
    for (auto& d : destinations_) send(d);
    if (stopped_) return;
    Ms next = until;
    if (auto alarm = policy_->alarm(now())) next = std::min(next, real_ + alarm->count());
    for (auto& d : destinations_) {
      if (d.flight) {
        next = std::min({next, d.flight->at, real_of(d.delivery->give_up_at())});
      } else if (auto rest = d.delivery->wait(now()); rest != Delivery::kForever) {
        next = std::min(next, real_ + rest.count());
      }
    }
    bool late = next > real_ && happens(late_rate_);
    real_ = std::max(real_, next);
    if (late) real_ += 1 + choose_.below(20);
    for (auto& d : destinations_) send(d);
    act();
    verify();
    if (real_ >= until || stopped_) return;
  }
}

void World::send(Destination& d) {
  for (int requests = 0;; ++requests) {
    check(++steps_ < 200'000, "it does not come to rest");
    if (d.flight && d.flight->at <= real_) {
      end(d, d.flight->reply, "an answer");
    } else if (d.flight && real_ >= real_of(d.delivery->give_up_at())) {
      Reply reply;
      reply.sent = true;
      seen("given up");
      end(d, reply, "no answer in time");
    } else if (!d.flight) {
      bool open = d.delivery->breaker_is_open();
      auto request = d.delivery->start(now());
      if (!request) return;
      check(requests < 100, "requests in a burst");
      check(window_.phase != Phase::idle, "a request begins while the environment may be frozen");
      check(!open || window_.phase == Phase::running || window_.phase == Phase::closing,
            "a probe while the environment is held open");
      check(real_ < real_of(window_.until), "a request begins after its time");
      if (open && window_.phase == Phase::running) seen("probe");
      answer(d, *request);
    } else {
      return;
    }
  }
}

void World::answer(Destination& d, const Request& request) {
  Backend& backend = d.backend;
  Exchange exchange;
  exchange.ids = ids_of(*request.batch);
  check(exchange.ids.size() == request.batch->records, "a batch has another count than records");
  if (request.fresh_credentials) {
    seen("credentials refreshed");
    backend.secret_changed = happens(100);
  }
  Reply& reply = exchange.reply;
  reply.kind = Reply::Kind::answered;
  reply.status = 200;
  reply.rejected = 0;
  Ms takes = 5;
  auto rate = [&](Fault fault) { return happens(backend.rate[fault]); };
  bool takes_it = true;
  if (backend.used && rate(kDeadIdle)) {
    reply = Reply{};
    reply.reused = true;
    reply.sent = choose_.below(2) == 1;
    takes_it = false;
  } else if ((faults_ && backend.dead) || rate(kSilent)) {
    reply = Reply{};
    reply.sent = true;
    takes = INT64_MAX / 2;
    takes_it = false;
  } else if (rate(kUnreachable)) {
    reply = Reply{};
    takes = choose_.of<Ms>({0, 200});
    takes_it = false;
  } else if (rate(kCutBefore)) {
    reply = Reply{};
    takes_it = false;
  } else if (rate(kTakenSilent)) {
    reply = Reply{};
    reply.sent = true;
  } else if (backend.secret_changed) {
    reply.status = 401;
    takes_it = false;
  } else if (faults_ && backend.rate[kTooLarge] > 0 && request.batch->body.size() > backend.body_limit) {
    reply.status = 413;
    takes_it = false;
  } else if (rate(kLater)) {
    reply.status = choose_.of({503, 429, 504});
    reply.retry_after = choose_.of<std::optional<milliseconds>>(
        {std::nullopt, milliseconds(0), milliseconds(1'000), milliseconds(300'000)});
    takes_it = false;
  } else if (rate(kRefusals)) {
    reply.status = choose_.of({400, 301, 500, 404, 501});
    takes_it = false;
  } else if (rate(kPartial)) {
    auto k = std::min<std::size_t>(choose_.below(4), exchange.ids.size());
    reply.rejected = choose_.below(3) == 2 ? std::size_t{1'000'000} : k;
  } else if (rate(kUnparsed)) {
    reply.rejected.reset();
    seen("response_unparsed");
  }
  if (takes_it && rate(kSlow)) takes = choose_.of<Ms>({150, 400, 3'000});
  exchange.taken = takes_it;
  exchange.at = real_ + takes;
  d.flight = std::move(exchange);
  tell("request of " + std::to_string(request.batch->records));
}

void World::end(Destination& d, const Reply& reply, const char* how) {
  Exchange exchange = std::move(*d.flight);
  d.flight.reset();
  Model& model = d.model;
  bool answered = reply.kind == Reply::Kind::answered;
  // What the backend has, whether it could say so or not.
  if (exchange.taken) {
    for (int id : exchange.ids) {
      int times = ++model.arrived[id];
      check(times == 1 || model.unknown.contains(id), "a record has arrived twice that was answered for");
    }
  }
  if (!answered && reply.sent) model.unknown.insert(exchange.ids.begin(), exchange.ids.end());
  if (answered) {
    d.backend.used = true;
    d.waited_in_vain = false;
  } else {
    d.backend.used = false;
  }

  const Account before = d.delivery->queue().account();
  const DeliveryCounters counted = d.delivery->counters();
  bool was_open = d.delivery->breaker_is_open();
  d.delivery->ended(reply, now(), choose_.random());
  const Account& after = d.delivery->queue().account();
  bool is_open = d.delivery->breaker_is_open();
  tell(std::string(how) + (answered ? " " + std::to_string(reply.status) : ""));

  std::size_t settled = 0;
  for (auto place : {Place::delivered, Place::rejected, Place::http_3xx, Place::http_4xx, Place::http_5xx, Place::auth,
                     Place::too_large, Place::expired}) {
    auto by = after.count(place) - before.count(place);
    settled += by;
    if (by > 0) out_.seen.insert(std::string(to_string(place)));
  }
  check(settled == 0 || settled == exchange.ids.size(), "a batch was settled in part");
  if (settled > 0) model.settled.insert(exchange.ids.begin(), exchange.ids.end());
  if (answered && reply.status == 200) {
    auto refused = std::min(reply.rejected.value_or(0), exchange.ids.size());
    model.acked += exchange.ids.size() - refused;
    model.rejected += refused;
    for (int id : exchange.ids) {
      if (model.recovered.contains(id)) continue;
      check(id > model.last_acked, "records arrive out of order");
      model.last_acked = id;
    }
  }
  check(after.count(Place::delivered) == model.acked, "delivered is not what was acknowledged");
  check(after.count(Place::rejected) == model.rejected, "rejected is not what the backend has rejected");
  if (d.delivery->counters().splits > counted.splits) seen("split");
  if (!was_open && is_open)
    seen(!answered                                  ? "opened: no answer"
         : reply.retry_after >= milliseconds(1'000) ? "opened: Retry-After"
         : reply.status == 401                      ? "opened: credentials"
                                                    : "opened: thrice later");
  if (was_open && !is_open) seen("closed");
  if (was_open && is_open) seen("opened again");
  if (!answered && d.delivery->counters().unanswered > counted.unanswered && !is_open && !was_open) seen("free resend");
}

void World::verify() {
  for (auto& d : destinations_) {
    const auto& queue = d.delivery->queue();
    const auto& account = queue.account();
    check(account.balanced(), "the books do not balance");
    check(account.enqueued() + account.recovered() == d.model.enqueued.size() + d.lost, "not all is in the books");
    check(queue.bytes() <= queue_bytes_, "more is held than allowed");
    std::size_t held = 0, bytes = 0;
    std::set<int> once;
    for (const auto& left : queue.unsent()) {
      bytes += left.batch->body.size();
      for (int id : ids_of(*left.batch)) {
        check(once.insert(id).second, "a record is held twice");
        check(!d.model.settled.contains(id), "a record is held that has found its place");
        ++held;
      }
    }
    check(bytes == queue.bytes(), "the bytes that are held are counted wrong");
    check(held == account.count(Place::queued) + account.count(Place::in_flight), "what is held is counted wrong");
    // Settled ones that never were in a request: what made room, and what is too large for the queue.
    auto gone = d.model.enqueued.size() - d.model.settled.size() - held;
    auto untold = account.count(Place::queue_full) + account.count(Place::too_large);  // some are of d.lost
    check(gone <= untold, "a record is gone and not counted");
    if (account.count(Place::queue_full) > 0) seen("queue_full");
  }
}

}  // namespace

Simulated simulate(std::span<const std::uint8_t> choices) {
  Simulated out;
  try {
    World(choices, out).run();
  } catch (const Broken& broken) {
    out.broken = broken.what;
  }
  return out;
}

std::vector<std::uint8_t> shortest(std::vector<std::uint8_t> choices) {
  auto breaks = [](const std::vector<std::uint8_t>& bytes) { return !simulate(bytes).broken.empty(); };
  for (std::size_t piece = choices.size(); piece > 0; piece /= 2) {
    for (std::size_t at = 0; at < choices.size();) {
      auto shorter = choices;
      auto from = shorter.begin() + static_cast<std::ptrdiff_t>(at);
      auto to = shorter.begin() + static_cast<std::ptrdiff_t>(std::min(at + piece, choices.size()));
      shorter.erase(from, to);
      if (breaks(shorter)) {
        choices = std::move(shorter);
        continue;
      }
      auto duller = choices;
      std::fill(duller.begin() + static_cast<std::ptrdiff_t>(at),
                duller.begin() + static_cast<std::ptrdiff_t>(std::min(at + piece, choices.size())), std::uint8_t{0});
      if (duller != choices && breaks(duller)) choices = std::move(duller);
      at += piece;
    }
  }
  return choices;
}

}  // namespace mayfly::telemetry::test
