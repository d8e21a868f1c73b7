#include "extensions/telemetry/delivery.h"

#include <doctest/doctest.h>

#include <initializer_list>

using namespace mayfly::telemetry;
using namespace std::chrono_literals;
using std::chrono::milliseconds;
using Phase = Window::Phase;

namespace {

// A delivery, and a clock that stands still unless it is told otherwise.
struct World {
  explicit World(Delivery::Options options = with_halves()) : delivery(options) {}

  static Delivery::Options with_halves() {
    Delivery::Options options;
    options.halve = halve_lines;
    options.refreshable = true;
    return options;
  }

  Moment now() const { return {Steady(at), mayfly::core::WallTime(at)}; }
  void enter(Phase phase, milliseconds left = 60s) { delivery.enter({phase, Steady(at + left)}, now()); }
  void enqueue(std::size_t records, milliseconds oldest = 0ms) {
    std::string body;
    for (std::size_t i = 0; i < records; ++i) body += "record " + std::to_string(next++) + "\n";
    delivery.enqueue(std::make_shared<const Batch>(
        Batch{std::move(body), records, Signal::logs, false, mayfly::core::WallTime(oldest)}));
  }
  std::size_t start() {
    auto request = delivery.start(now());
    credentials = request && request->fresh_credentials;
    return request ? request->batch->records : 0;
  }
  void answer(int status, std::optional<milliseconds> retry_after = {}, std::optional<std::size_t> rejected = 0) {
    delivery.ended({Reply::Kind::answered, status, retry_after, rejected, false, true}, now(), 0);
    CHECK(account().balanced());
  }
  void no_answer(bool reused = false, bool sent = true) {
    delivery.ended({Reply::Kind::unanswered, 0, {}, {}, reused, sent}, now(), 0);
    CHECK(account().balanced());
  }
  const Account& account() const { return delivery.queue().account(); }
  std::uint64_t count(Place place) const { return account().count(place); }

  Delivery delivery;
  milliseconds at = 10'000s;
  int next = 0;
  bool credentials = false;
};

}  // namespace

TEST_CASE("batches go out one at a time, in order") {
  World w;
  w.enter(Phase::running);
  w.enqueue(1);
  w.enqueue(2);
  CHECK(w.start() == 1);
  CHECK(w.start() == 0);
  w.answer(200);
  CHECK(w.start() == 2);
  w.answer(200);
  CHECK(w.count(Place::delivered) == 3);
  CHECK(w.delivery.counters().ok == 2);
}

TEST_CASE("nothing begins where the environment may be frozen, nor where no request can end") {
  World w;
  w.enqueue(1);
  CHECK(w.delivery.wait(w.now()) == Delivery::kForever);
  w.enter(Phase::running, 19ms);
  CHECK(w.start() == 0);
  w.enter(Phase::running, 20ms);
  CHECK(w.start() == 1);
  w.at += 100ms;
  w.answer(200);
  // Requests take 100 ms here: an environment that is held open for less gets none, a running function does no harm.
  w.enqueue(1);
  w.enter(Phase::flushing, 119ms);
  CHECK(w.delivery.settled(w.now()));
  CHECK(w.start() == 0);
  w.enter(Phase::running, 50ms);
  CHECK(w.start() == 1);
}

TEST_CASE("time in which the environment may be frozen does not count against a request") {
  World w;
  w.enqueue(1);
  w.enter(Phase::running, 900s);
  REQUIRE(w.start() == 1);
  w.at += 1s;
  w.enter(Phase::idle);
  CHECK(w.delivery.give_up_at() == Steady::max());
  w.at += 2s;
  w.enter(Phase::running, 900s);
  CHECK(w.delivery.give_up_at() == Steady(w.at + 9s));
  // After a long one an answer is there already, or will never be.
  w.enter(Phase::idle);
  w.at += 3'600s;
  w.enter(Phase::running, 900s);
  CHECK(w.delivery.give_up_at() == Steady(w.at + 200ms));
  // ... and many short invocations add up.
  for (int i = 0; i < 4; ++i) {
    w.at += 40ms;
    w.enter(Phase::idle);
    w.at += 1s;
    w.enter(Phase::running, 900s);
  }
  CHECK(w.delivery.give_up_at() == Steady(w.at + 40ms));
}

TEST_CASE("a kept connection that is dead, and a freeze in mid-request, are no fault of the backend, once") {
  for (bool frozen : {false, true}) {
    CAPTURE(frozen);
    World w;
    w.enqueue(3);
    w.enter(Phase::running);
    REQUIRE(w.start() == 3);
    if (frozen) {
      w.enter(Phase::idle);
      w.enter(Phase::running);
    }
    w.no_answer(!frozen, true);
    CHECK_FALSE(w.delivery.breaker_is_open());
    CHECK(w.delivery.counters().maybe_delivered == 3);
    CHECK(w.start() == 3);
    CHECK(w.delivery.queue().in_flight()->attempts == 0);
    w.no_answer(true);
    CHECK(w.delivery.breaker_is_open());
    CHECK(w.delivery.counters().maybe_delivered == 3);
  }
}

TEST_CASE("a request that ends between two invocations was frozen on the way") {
  World w;
  w.enqueue(1);
  w.enter(Phase::running);
  REQUIRE(w.start() == 1);
  w.enter(Phase::idle);
  w.no_answer();
  CHECK_FALSE(w.delivery.breaker_is_open());
  CHECK(w.start() == 0);
  w.enter(Phase::running);
  REQUIRE(w.start() == 1);
  // Stopped in the middle of an invocation, as no sandbox does it.
  w.at += 3'600s;
  w.no_answer();
  CHECK(w.delivery.breaker_is_open());  // it was free only once
}

TEST_CASE("a dead backend is probed with one batch, beside a running function only, and waited for by nobody") {
  World w;
  w.enqueue(1);
  w.enqueue(2);
  w.enter(Phase::flushing, 200ms);
  REQUIRE(w.start() == 1);
  CHECK_FALSE(w.delivery.settled(w.now()));
  w.no_answer(false, false);
  CHECK(w.delivery.settled(w.now()));
  w.at += 10s;
  CHECK(w.delivery.wait(w.now()) == Delivery::kForever);
  w.enter(Phase::running);
  CHECK(w.start() == 1);
  CHECK(w.delivery.give_up_at() == Steady(w.at + 2s));
  w.answer(200);
  CHECK_FALSE(w.delivery.breaker_is_open());
  CHECK(w.start() == 2);
  CHECK(w.delivery.counters().breaker_opened == 1);
}

TEST_CASE("a backend that was waited for in vain is not waited for again before it answers") {
  World w;
  w.enqueue(1);
  w.enter(Phase::flushing, 200ms);
  REQUIRE(w.start() == 1);
  w.at += 200ms;
  w.delivery.was_late(w.now());
  CHECK(w.delivery.settled(w.now()));
  w.enter(Phase::idle);
  w.enter(Phase::running);
  w.no_answer();  // free, because of the freeze
  REQUIRE(w.start() == 1);
  w.enter(Phase::flushing, 200ms);
  CHECK(w.delivery.settled(w.now()));
  w.answer(200);
  w.enqueue(2);
  w.enter(Phase::flushing, 900ms);
  CHECK_FALSE(w.delivery.settled(w.now()));
}

TEST_CASE("credentials that are refused are fetched anew, once for a batch") {
  World w;
  w.enqueue(1);
  w.enter(Phase::running);
  REQUIRE(w.start() == 1);
  CHECK_FALSE(w.credentials);
  w.answer(401);
  REQUIRE(w.start() == 1);
  CHECK(w.credentials);
  SUBCASE("and are good then") {
    w.answer(200);
    CHECK(w.count(Place::delivered) == 1);
    CHECK_FALSE(w.delivery.breaker_is_open());
  }
  SUBCASE("and are no better") {
    w.answer(403);
    CHECK(w.count(Place::auth) == 1);
    CHECK(w.delivery.breaker_is_open());
  }
}

TEST_CASE("a batch that is too large is sent in halves, and what comes after it in what was taken") {
  World w;
  w.enter(Phase::running);
  w.enqueue(1'000);
  REQUIRE(w.start() == 1'000);
  w.answer(413);
  auto first = w.start();
  CHECK(first > 400);
  CHECK(first < 600);
  w.answer(200);
  CHECK(w.start() == 1'000 - first);
  w.answer(200);
  w.enqueue(1'000);
  CHECK(w.start() < 600);
  CHECK(w.delivery.counters().splits == 2);
}

TEST_CASE("a single record that is too large is dropped as that") {
  World w;
  w.enter(Phase::running);
  w.enqueue(1);
  REQUIRE(w.start() == 1);
  w.answer(413);
  CHECK(w.count(Place::too_large) == 1);
}

TEST_CASE("partial success is never sent again, and counted as far as there were records") {
  World w;
  w.enter(Phase::running);
  w.enqueue(5);
  REQUIRE(w.start() == 5);
  w.answer(200, {}, 2);
  CHECK(w.count(Place::rejected) == 2);
  CHECK(w.count(Place::delivered) == 3);
  w.enqueue(5);
  REQUIRE(w.start() == 5);
  w.answer(200, {}, std::nullopt);
  CHECK(w.count(Place::delivered) == 8);
  CHECK(w.delivery.counters().response_unparsed == 1);
}

TEST_CASE("a batch is given up after 30 attempts, or after three when it is an hour old") {
  for (bool old : {false, true}) {
    CAPTURE(old);
    World w;
    w.enqueue(1, old ? w.at - 3'600s : w.at);
    int attempts = 0;
    for (; w.count(Place::expired) == 0; ++attempts) {
      w.enter(Phase::running);
      REQUIRE(w.start() == 1);
      w.answer(503);
      w.at += 100s;
    }
    CHECK(attempts == (old ? 3 : 30));
  }
}

TEST_CASE("at shutdown a request whose answer is overdue gets 300 ms, and what is behind it goes out") {
  World w;
  w.enter(Phase::running);
  w.enqueue(1);
  w.enqueue(2);
  CHECK(w.start() == 1);
  w.at += 400ms;
  w.enter(Phase::closing, 1'500ms);
  CHECK(w.delivery.give_up_at() == Steady(w.at + 300ms));
  w.at += 300ms;
  w.no_answer();
  w.at += w.delivery.wait(w.now());
  CHECK(w.start() == 1);
  CHECK(w.delivery.give_up_at() == Steady(10'000s + 1'900ms));
  w.answer(200);
  CHECK(w.start() == 2);
}

TEST_CASE("at shutdown a request that has just been sent may take all the time there is") {
  World w;
  w.enter(Phase::running);
  w.enqueue(1);
  CHECK(w.start() == 1);
  w.at += 200ms;
  w.enter(Phase::closing, 1'500ms);
  CHECK(w.delivery.give_up_at() == Steady(w.at + 1'500ms));
}

TEST_CASE("at shutdown an open breaker is ignored once, for 300 ms, and pauses are short") {
  World w;
  w.enqueue(1);
  w.enter(Phase::running);
  REQUIRE(w.start() == 1);
  w.no_answer();
  w.enter(Phase::closing, 1'500ms);
  CHECK_FALSE(w.delivery.settled(w.now()));
  REQUIRE(w.start() == 1);
  CHECK(w.delivery.give_up_at() == Steady(w.at + 300ms));
  SUBCASE("silence again is the end") {
    w.no_answer();
    CHECK(w.delivery.settled(w.now()));
    CHECK(w.start() == 0);
  }
  SUBCASE("an answer is a reason to go on") {
    w.answer(503);
    CHECK(w.delivery.wait(w.now()) == 25ms);
    w.at += 25ms;
    REQUIRE(w.start() == 1);
    w.answer(503, 2s);  // longer than there is
    CHECK(w.delivery.settled(w.now()));
  }
}

TEST_CASE("for each status, Retry-After and time left it is clear what comes next") {
  for (auto protocol : {Protocol::otlp, Protocol::ndjson}) {
    for (int status = 200; status < 600; ++status) {
      for (std::optional<milliseconds> after : {std::optional<milliseconds>{}, {0ms}, {500ms}, {1s}, {300s}}) {
        for (milliseconds left : std::initializer_list<milliseconds>{0ms, 19ms, 20ms, 150ms, 2s, 400s}) {
          for (auto phase : {Phase::running, Phase::flushing, Phase::closing}) {
            CAPTURE(status);
            CAPTURE(left.count());
            CAPTURE(static_cast<int>(phase));
            auto options = World::with_halves();
            options.protocol = protocol;
            options.refreshable = false;
            World w(options);
            w.enqueue(1);
            w.enter(Phase::running);
            REQUIRE(w.start() == 1);
            w.enter(phase, left);
            w.answer(status, after);
            auto rest = w.delivery.wait(w.now());
            bool later = verdict(protocol, status) == Verdict::later;
            REQUIRE(w.count(Place::queued) == (later ? 1 : 0));
            if (!later) {
              REQUIRE(rest == Delivery::kForever);
              REQUIRE(w.count(Place::delivered) + w.account().dropped() == 1);
              continue;
            }
            // The least jitter: 50 ms, at shutdown 25 ms.
            auto pause = std::max(phase == Phase::closing ? 25ms : 50ms, after.value_or(0ms));
            bool held_for_a_dead_one = phase == Phase::flushing && after.value_or(0ms) >= 1s;
            bool fits = pause + 20ms <= left && !held_for_a_dead_one;
            REQUIRE(rest == (fits ? pause : Delivery::kForever));
            REQUIRE(w.delivery.settled(w.now()) == (!fits || phase == Phase::running));
          }
        }
      }
    }
  }
}

namespace {

// All that can happen next, to the sixth thing; at each point a backend that
// answers must get whatever is left.
class Everything {
 public:
  void from(const World& world, std::string story, int depth) {
    comes_to_rest(world, story);
    if (depth == 6) return;
    bool in_flight = world.delivery.queue().in_flight().has_value();
    auto then = [&](const char* what, auto happen) {
      World next = world;
      happen(next);
      from(next, story + " " + what, depth + 1);
    };
    auto ended = [&](const char* what, Reply reply) {
      then(what, [&](World& w) { w.delivery.ended(reply, w.now(), 0); });
    };
    if (in_flight) {
      ended("partial", {Reply::Kind::answered, 200, {}, 1, false, true});
      ended("503", {Reply::Kind::answered, 503, {}, {}, false, true});
      ended("401", {Reply::Kind::answered, 401, {}, {}, false, true});
      ended("413", {Reply::Kind::answered, 413, {}, {}, false, true});
      ended("dead", {Reply::Kind::unanswered, 0, {}, {}, true, true});
      ended("silent", {Reply::Kind::unanswered, 0, {}, {}, false, true});
      then("late", [](World& w) { w.delivery.was_late(w.now()); });
    } else {
      then("start", [](World& w) { w.delivery.start(w.now()); });
    }
    then("idle", [](World& w) { w.enter(Phase::idle), w.at += 3s; });
    then("running", [](World& w) { w.enter(Phase::running); });
    then("closing", [](World& w) { w.enter(Phase::closing, 1'500ms); });
  }

  int points = 0;

 private:
  void comes_to_rest(World w, const std::string& story) {
    ++points;
    const auto& queue = w.delivery.queue();
    if (!queue.account().balanced()) FAIL("the books do not balance:" << story);
    w.enqueue(1);
    for (int i = 0; i < 9 && (queue.in_flight() || !queue.empty()); ++i) {
      w.at += 100s;
      w.enter(Phase::running);
      if (queue.in_flight() || w.delivery.start(w.now()))
        w.delivery.ended({Reply::Kind::answered, 200, {}, 0, false, true}, w.now(), 0);
    }
    bool whole = queue.empty() && !queue.in_flight() && queue.bytes() == 0 && queue.account().balanced() &&
                 queue.account().enqueued() == 6 && !w.delivery.breaker_is_open();
    if (!whole) FAIL("it does not come to rest:" << story);
  }
};

}  // namespace

TEST_CASE("whatever six things happen to two batches, every record is in one place and the rest goes out") {
  World world;
  world.enqueue(2);
  world.enqueue(3);
  world.enter(Phase::running);
  Everything everything;
  everything.from(world, "", 0);
  CHECK(everything.points > 20'000);
}
