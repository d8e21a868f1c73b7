#include "extensions/telemetry/flush_policy.h"

#include <doctest/doctest.h>

using namespace mayfly::telemetry;
using namespace std::chrono_literals;
using std::chrono::milliseconds;
using Kind = FlushSettings::Kind;
using Phase = Window::Phase;

namespace {

// A policy, a clock, records that wait and a backend that is done or not.
struct World {
  explicit World(FlushSettings settings, bool managed = false) : policy(settings, managed) { policy.began(now()); }

  Moment now() const { return {Steady(at), mayfly::core::WallTime(at)}; }
  // What advance() says until it says nothing more: "flush", "next", "late", "stop".
  std::string act() {
    std::string done;
    for (;;) {
      auto orders = policy.advance(now(), open, settled);
      if (orders.flush) done += "flush ", open = false;
      if (orders.late) done += "late ";
      if (orders.next) done += "next ";
      if (orders.stop) return done + "stop ";
      if (!orders.flush && !orders.next) return done;
    }
  }
  std::string invoke(milliseconds left = 60s) {
    policy.invoked(now(), left);
    return act();
  }
  std::string answered(milliseconds ago = 25ms) {
    policy.answered(now(), ago);
    return act();
  }
  std::string after(milliseconds passed) {
    at += passed;
    return act();
  }
  // A short invocation, and the time until the next one.
  std::string call(milliseconds gap) {
    auto done = invoke();
    at += 30ms;
    open = true;
    done += answered();
    at += gap;
    return done;
  }

  FlushPolicy policy;
  milliseconds at = 10'000s;
  bool open = false;
  bool settled = true;
};

}  // namespace

TEST_CASE("end: next is asked for once the records of the invocation are out, or its time is over") {
  World w({Kind::end, 200ms});
  CHECK(w.invoke() == "");
  w.open = true;
  w.settled = false;
  CHECK(w.answered(25ms) == "flush ");
  CHECK(w.policy.window() == Window{Phase::flushing, Steady(w.at + 175ms)});
  SUBCASE("out") {
    w.settled = true;
    CHECK(w.after(10ms) == "next ");
  }
  SUBCASE("over") {
    CHECK(w.after(174ms) == "");
    CHECK(w.policy.alarm(w.now()) == 1ms);
    CHECK(w.after(1ms) == "late next ");
  }
  CHECK(w.policy.window().phase == Phase::idle);
  CHECK_FALSE(w.policy.alarm(w.now()));
}

TEST_CASE("the last 100 ms before a deadline belong to the function") {
  for (auto left : {3'000ms, 120ms, 100ms, 0ms, -5'000ms}) {
    CAPTURE(left.count());
    World w({Kind::end, 200ms});
    auto begin = w.at;
    w.settled = false;
    auto done = w.invoke(left);
    while (done.find("next") == done.npos) {
      auto alarm = w.policy.alarm(w.now());
      REQUIRE(alarm);
      done += w.after(*alarm);
    }
    CHECK(w.at - begin == std::max(left - 100ms, 0ms));
  }
}

TEST_CASE("half a second before the deadline everything goes out, and from then on as it comes") {
  World w({Kind::continuous, 15min});
  w.open = true;
  CHECK(w.invoke(3s) == "flush next ");
  w.open = true;
  CHECK(w.act() == "");
  CHECK(w.policy.alarm(w.now()) == 2'500ms);
  CHECK(w.after(2'499ms) == "");
  CHECK(w.after(1ms) == "flush ");
  w.open = true;
  CHECK(w.after(25ms) == "flush ");
  // Of a short time half.
  World s({Kind::continuous, 15min});
  s.open = true;
  s.invoke(400ms);
  s.open = true;
  s.act();
  CHECK(s.policy.alarm(s.now()) == 200ms);
}

TEST_CASE("a long invocation flushes every second") {
  World w({Kind::end, 200ms});
  w.invoke();
  w.open = true;
  CHECK(w.after(999ms) == "");
  CHECK(w.after(1ms) == "flush ");
  w.open = true;
  CHECK(w.after(999ms) == "");
  CHECK(w.after(1ms) == "flush ");
}

TEST_CASE("continuous: next is asked for at once, and what waits goes out beside the next invocation") {
  World w({Kind::continuous, 1s});
  CHECK(w.invoke() == "next ");
  CHECK(w.policy.window().phase == Phase::running);
  w.at += 30ms;
  w.open = true;
  w.answered();
  CHECK(w.policy.window().phase == Phase::idle);
  w.at += 5s;
  CHECK(w.invoke() == "flush next ");
}

TEST_CASE("periodic: when it is time, next waits for the flush and not for the function") {
  World w({Kind::periodic, 20s});
  w.settled = false;
  w.open = true;
  CHECK(w.invoke() == "flush ");
  CHECK(w.policy.holds());
  SUBCASE("out before the function has answered") {
    w.settled = true;
    CHECK(w.after(10ms) == "next ");
    CHECK(w.policy.window().phase == Phase::running);
  }
  SUBCASE("the function is quicker") {
    w.at += 5ms;
    CHECK(w.answered() == "");
    w.settled = true;
    CHECK(w.after(5ms) == "next ");
    CHECK(w.policy.window().phase == Phase::idle);
  }
  SUBCASE("the backend does not answer") { CHECK(w.after(200ms) == "late next "); }
  // Then it is not time for a while.
  w.at += 19s;
  w.open = true;
  CHECK(w.invoke() == "next ");
}

TEST_CASE("adaptive: end as long as little is known, then as the gaps are") {
  World w({Kind::adaptive, 10s});
  for (int i = 0; i < 4; ++i) CHECK(w.call(1s) == "flush next ");
  CHECK(w.invoke() == "next ");  // busy: four gaps are known
  w.at += 30ms;
  w.answered();
  w.at += 3'600s;
  // A pause tells that pauses happen: for the eight that follow.
  w.open = true;
  for (int i = 0; i < 8; ++i) {
    CAPTURE(i);
    CHECK(w.invoke() == "");
    w.at += 30ms;
    w.answered();
    w.at += 1s;
  }
  CHECK(w.invoke().ends_with("next "));
}

TEST_CASE("adaptive: invocations that are far apart flush at their end for ever") {
  World w({Kind::adaptive, 10s});
  for (int i = 0; i < 20; ++i) CHECK(w.call(11s) == "flush next ");
}

TEST_CASE("a gap is what passes between an answer and the next event, by the clock that went further") {
  World w({Kind::adaptive, 10s});
  // Long invocations, back to back.
  for (int i = 0; i < 5; ++i) {
    w.invoke();
    w.at += 20s;
    w.act();
    w.answered();
    w.at += 10ms;
  }
  CHECK(w.invoke() == "next ");
}

TEST_CASE("SHUTDOWN has 1.5 s, 300 ms before its deadline at the latest, and 100 ms for the last report") {
  World w({Kind::end, 200ms});
  w.open = true;
  w.policy.shut_down(w.now(), 2s, true);
  CHECK(w.act() == "flush ");
  CHECK(w.policy.window() == Window{Phase::closing, Steady(w.at + 1'500ms)});
  SUBCASE("the report comes") {
    CHECK(w.after(40ms) == "");
    w.open = true;
    w.policy.reported();
    CHECK(w.act() == "flush stop ");
  }
  SUBCASE("the report does not come") {
    CHECK(w.policy.alarm(w.now()) == 100ms);
    CHECK(w.after(100ms) == "stop ");
  }
  SUBCASE("the backend does not take it") {
    w.settled = false;
    CHECK(w.after(1'499ms) == "");
    CHECK(w.after(1ms) == "stop ");
  }
  SUBCASE("there is less time") {
    World late({Kind::end, 200ms});
    late.settled = false;
    late.policy.shut_down(late.now(), 500ms, false);
    CHECK(late.act() == "");
    CHECK(late.after(200ms) == "stop ");
  }
}

TEST_CASE("on Managed Instances the timer alone decides") {
  World w({Kind::adaptive, 10s}, true);
  CHECK(w.policy.window() == Window{Phase::running, Steady::max()});
  w.open = true;
  CHECK(w.act() == "");
  CHECK(w.policy.alarm(w.now()) == 1s);
  CHECK(w.after(1s) == "flush ");
  CHECK(w.answered() == "");
  CHECK(w.policy.window().phase == Phase::running);
  w.settled = false;
  CHECK(w.after(60s) == "");
}

TEST_CASE("a deadline that is nonsense does no harm") {
  for (auto left : {milliseconds::max() / 2, milliseconds::min() / 2}) {
    World w({Kind::end, 200ms});
    w.invoke(left);
    CHECK(w.policy.alarm(w.now()).value_or(0ms) <= 24h);
  }
}
