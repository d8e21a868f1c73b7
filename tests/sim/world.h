// The sandbox, the backends and the model of the simulation (telemetry_sim.h):
// world.cc is the life of an environment and the daemon in it, world_network.cc what
// becomes of requests, world_spool.cc what outlives a life.

#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "extensions/telemetry/delivery.h"
#include "extensions/telemetry/flush_policy.h"
#include "extensions/telemetry/spool.h"
#include "tests/extensions/memory_folder.h"
#include "tests/sim/telemetry_sim.h"

namespace mayfly::telemetry::test {

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

// The numbers of its records.
std::vector<int> ids_of(const Batch& batch);

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

}  // namespace mayfly::telemetry::test
