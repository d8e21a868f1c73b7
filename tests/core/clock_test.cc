#include "core/clock.h"

#include <doctest/doctest.h>

#include <string>

using namespace std::chrono_literals;
using mayfly::core::Deadline;
using mayfly::core::epoch_ms;
using mayfly::core::parse_rfc3339;
using mayfly::core::rfc3339;
using mayfly::core::WallTime;

namespace {

WallTime at(std::chrono::nanoseconds since_1970) { return WallTime(since_1970); }

}  // namespace

TEST_CASE("a time is written in UTC with milliseconds") {
  CHECK(rfc3339(at(0ns)) == "1970-01-01T00:00:00.000Z");
  CHECK(rfc3339(at(1665532815064ms)) == "2022-10-12T00:00:15.064Z");
  CHECK(rfc3339(at(1709251199999ms + 999us)) == "2024-02-29T23:59:59.999Z");
  CHECK(rfc3339(at(-1ms)) == "1969-12-31T23:59:59.999Z");
}

TEST_CASE("a time is read with any fraction and offset") {
  struct Case {
    const char* text;
    std::chrono::nanoseconds time;
  };
  for (auto [text, time] :
       {Case{"1970-01-01T00:00:00Z", 0ns}, Case{"2022-10-12T00:00:15.064Z", 1665532815064ms},
        Case{"2022-10-12t00:00:15.064z", 1665532815064ms}, Case{"2022-10-12 00:00:15.064Z", 1665532815064ms},
        Case{"2022-10-12T02:00:15.064+02:00", 1665532815064ms}, Case{"2022-10-11T20:30:15.064-03:30", 1665532815064ms},
        Case{"2022-10-12T00:00:15.0Z", 1665532815000ms}, Case{"2022-10-12T00:00:15.123456789Z", 1665532815123456789ns},
        Case{"2022-10-12T00:00:15.1234567899999Z", 1665532815123456789ns},
        Case{"2016-12-31T23:59:60Z", 1483228800000ms}, Case{"1969-12-31T23:59:59.999Z", -1ms}}) {
    CAPTURE(text);
    WallTime time_read{};
    CHECK(parse_rfc3339(text, time_read));
    CHECK(time_read == at(time));
  }
}

TEST_CASE("what is written is read again") {
  for (std::int64_t ms = -9'000'000'000'000; ms < 9'000'000'000'000; ms += 86'399'999'977) {
    WallTime back{};
    std::string text = rfc3339(at(std::chrono::milliseconds(ms)));
    if (!parse_rfc3339(text, back) || epoch_ms(back) != ms) FAIL_CHECK(text);
  }
}

TEST_CASE("what is no time is refused and changes nothing") {
  for (std::string text : {"",
                           "2022",
                           "2022-10-12",
                           "2022-10-12T00:00:15",
                           "2022-10-12T00:00Z",
                           "2022-13-12T00:00:15Z",
                           "2022-00-12T00:00:15Z",
                           "2022-02-29T00:00:15Z",
                           "2022-10-32T00:00:15Z",
                           "2022-10-12T24:00:15Z",
                           "2022-10-12T00:60:15Z",
                           "2022-10-12T00:00:61Z",
                           "2022-10-12T00:00:15.Z",
                           "2022-10-12T00:00:15.x",
                           "2022-10-12T00:00:15,5Z",
                           "2022-10-12T00:00:15ZZ",
                           "2022-10-12T00:00:15Z ",
                           " 2022-10-12T00:00:15Z",
                           "2022-10-12T00:00:15+2:00",
                           "2022-10-12T00:00:15+0200",
                           "2022-10-12T00:00:15+24:00",
                           "2022-10-12T00:00:15+00:60",
                           "2022/10/12T00:00:15Z",
                           "2022-10-12X00:00:15Z",
                           "-022-10-12T00:00:15Z",
                           "+022-10-12T00:00:15Z",
                           "2022-1-12T00:00:15.0Z",
                           "1677-01-01T00:00:00Z",
                           "2262-12-31T00:00:00Z",
                           "9999-12-31T23:59:59Z",
                           "0000-01-01T00:00:00Z"}) {
    CAPTURE(text);
    WallTime time = at(42ns);
    CHECK_FALSE(parse_rfc3339(text, time));
    CHECK(time == at(42ns));
  }
}

TEST_CASE("the first and last moments of the range are read without overflow") {
  WallTime time{};
  CHECK(parse_rfc3339("1678-01-01T00:00:00+23:59", time));
  CHECK(parse_rfc3339("2261-12-31T23:59:60.999999999-23:59", time));
}

TEST_CASE("a deadline passes, and never does not") {
  auto passed = Deadline::after(-1ms);
  CHECK(passed.passed());
  CHECK(passed.remaining() == 0ns);
  CHECK(passed.poll_ms() == 0);
  auto later = Deadline::after(1h);
  CHECK_FALSE(later.passed());
  CHECK(later.remaining() <= 1h);
  CHECK(later.remaining() > 59min);
  CHECK(later.poll_ms() <= 3'600'000);
  CHECK(Deadline::never().is_never());
  CHECK_FALSE(Deadline::never().passed());
  CHECK(Deadline::never().poll_ms() == -1);
}

TEST_CASE("a wait is never rounded down to none") {
  auto soon = Deadline::after(400us);
  int ms = soon.poll_ms();
  CHECK((ms == 1 || soon.passed()));
}

TEST_CASE("a wait longer than the clock counts is never") {
  auto far = Deadline::after(std::chrono::nanoseconds::max());
  CHECK_FALSE(far.passed());
  CHECK((far.poll_ms() == -1 || far.poll_ms() > 1'000'000));
  CHECK(Deadline::after(std::chrono::hours(24 * 365)).poll_ms() == std::numeric_limits<int>::max());
}
