#include "extensions/telemetry/retry.h"

#include <doctest/doctest.h>

using namespace mayfly::telemetry;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

Moment at(milliseconds steady, milliseconds wall) {
  return {std::chrono::steady_clock::time_point(steady), mayfly::core::WallTime(wall)};
}
Moment at(milliseconds both) { return at(both, both); }

}  // namespace

TEST_CASE("of OTLP's answers only those that its specification names are retried") {
  for (int status = 100; status < 600; ++status) {
    CAPTURE(status);
    bool later = status == 429 || status == 502 || status == 503 || status == 504;
    CHECK((verdict(Protocol::otlp, status) == Verdict::later) == later);
    CHECK((verdict(Protocol::otlp, status) == Verdict::delivered) == (status / 100 == 2));
  }
  CHECK(verdict(Protocol::otlp, 401) == Verdict::credentials);
  CHECK(verdict(Protocol::otlp, 403) == Verdict::credentials);
  CHECK(verdict(Protocol::otlp, 413) == Verdict::split);
  CHECK(dropped_as(301) == Place::http_3xx);
  CHECK(dropped_as(404) == Place::http_4xx);
  CHECK(dropped_as(500) == Place::http_5xx);
}

TEST_CASE("lines over HTTP are retried whenever the moment may be to blame") {
  for (int status : {408, 425, 429, 500, 502, 503, 504, 507, 599}) {
    CAPTURE(status);
    CHECK(verdict(Protocol::ndjson, status) == Verdict::later);
  }
  for (int status : {301, 400, 404, 501, 505}) {
    CAPTURE(status);
    CHECK(verdict(Protocol::ndjson, status) == Verdict::drop);
  }
}

TEST_CASE("Retry-After is read as seconds or as a date, and never trusted beyond five minutes") {
  CHECK(retry_after("3", "") == seconds(3));
  CHECK(retry_after("0", "") == seconds(0));
  CHECK(retry_after("86400", "") == seconds(300));
  CHECK(retry_after("99999999999999999999999", "") == seconds(300));
  for (const char* nonsense : {"", "-5", "+5", "1e99", "1.5", "soon", "3 s"})
    CHECK_FALSE(retry_after(nonsense, "").has_value());

  const char* now = "Sun, 06 Nov 1994 08:49:37 GMT";
  CHECK(retry_after("Sun, 06 Nov 1994 08:49:47 GMT", now) == seconds(10));
  CHECK(retry_after("Sunday, 06-Nov-94 08:49:47 GMT", now) == seconds(10));
  CHECK(retry_after("Sun Nov  6 08:49:47 1994", now) == seconds(10));
  CHECK(retry_after("Sun, 06 Nov 1994 08:00:00 GMT", now) == seconds(0));
  CHECK(retry_after("Sun, 06 Nov 2094 08:00:00 GMT", now) == seconds(300));
}

TEST_CASE("an attempt without an answer opens the breaker at once, for one second doubling to sixty") {
  Breaker breaker;
  CHECK(breaker.wait(at(seconds(0))) == seconds(0));
  auto now = milliseconds(0);
  for (int expected : {1, 2, 4, 8, 16, 32, 60, 60, 60}) {
    breaker.no_answer(at(now), 0);
    CHECK(breaker.wait(at(now)) == milliseconds(expected * 800));  // least jitter: -20 %
    now += seconds(100);
    CHECK(breaker.wait(at(now)) == seconds(0));
  }
  breaker.succeeded();
  breaker.no_answer(at(now), 0);
  CHECK(breaker.wait(at(now)) == milliseconds(800));
}

TEST_CASE("jitter stays within a fifth") {
  for (std::uint64_t random : {0ull, 1ull, 399ull, 400ull, 401ull, ~0ull, 123456789ull}) {
    Breaker breaker;
    breaker.no_answer(at(seconds(0)), random);
    CHECK(breaker.wait(at(seconds(0))) >= milliseconds(800));
    CHECK(breaker.wait(at(seconds(0))) <= milliseconds(1'200));
  }
}

TEST_CASE("two retryable answers are short pauses, the third opens the breaker") {
  Breaker breaker;
  breaker.answered_later(at(seconds(0)), {}, 0);
  CHECK(breaker.wait(at(seconds(0))) == milliseconds(50));
  breaker.answered_later(at(seconds(1)), {}, 0);
  CHECK(breaker.wait(at(seconds(1))) == milliseconds(100));
  breaker.answered_later(at(seconds(2)), {}, 0);
  CHECK(breaker.wait(at(seconds(2))) == milliseconds(800));
}

TEST_CASE("a Retry-After lengthens a pause and never shortens it") {
  Breaker breaker;
  breaker.answered_later(at(seconds(0)), seconds(20), 0);
  CHECK(breaker.wait(at(seconds(1))) == seconds(19));
  breaker.succeeded();
  breaker.answered_later(at(seconds(0)), seconds(0), 0);
  CHECK(breaker.wait(at(seconds(0))) == milliseconds(50));
}

TEST_CASE("a freeze counts as time that has passed, whichever clock saw it") {
  Breaker breaker;
  breaker.no_answer(at(seconds(10), seconds(1'000)), 0);
  CHECK(breaker.wait(at(seconds(10), seconds(1'001))) == seconds(0));  // the monotonic clock stood still
  CHECK(breaker.wait(at(seconds(11), seconds(500))) == seconds(0));    // the wall clock was set back
  CHECK(breaker.wait(at(seconds(10), seconds(500))) == milliseconds(800));
}

TEST_CASE("a breaker is open after no answer, three retryable ones, or a Retry-After of a second") {
  Breaker breaker;
  breaker.answered_later(at(seconds(0)), milliseconds(0), 0);
  breaker.answered_later(at(seconds(0)), {}, 0);
  CHECK_FALSE(breaker.is_open());
  breaker.answered_later(at(seconds(0)), {}, 0);
  CHECK(breaker.is_open());
  breaker.succeeded();
  CHECK_FALSE(breaker.is_open());
  breaker.answered_later(at(seconds(0)), seconds(1), 0);
  CHECK(breaker.is_open());
  breaker.succeeded();
  breaker.no_answer(at(seconds(0)), 0);
  CHECK(breaker.is_open());
  CHECK(breaker.wait(at(seconds(9))) == seconds(0));
  CHECK(breaker.is_open());  // until an attempt succeeds
}
