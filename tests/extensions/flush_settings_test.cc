#include "extensions/telemetry/flush_settings.h"

#include <doctest/doctest.h>

using namespace mayfly::telemetry;
using namespace std::chrono_literals;
using Kind = FlushSettings::Kind;

TEST_CASE("a flush policy is a word, and a time if another than the usual one is wanted") {
  CHECK(parse_flush("end").value() == FlushSettings{Kind::end, 200ms});
  CHECK(parse_flush("end:0ms").value() == FlushSettings{Kind::end, 0ms});
  CHECK(parse_flush("periodic").value() == FlushSettings{Kind::periodic, 20s});
  CHECK(parse_flush("continuous:15m").value() == FlushSettings{Kind::continuous, 15min});
  CHECK(parse_flush("adaptive").value() == FlushSettings());
  CHECK(parse_flush("adaptive:1m").value() == FlushSettings{Kind::adaptive, 60s});
}

TEST_CASE("a flush policy that is none is named with what is allowed") {
  auto why = [](std::string_view text) {
    auto parsed = parse_flush(text);
    return parsed ? "" : parsed.error().message;
  };
  CHECK(why("often") == "\"often\" is none of end, periodic, continuous, adaptive");
  CHECK(why("end:2001ms") == "end:2001ms is not in 0ms..2s");
  CHECK(why("periodic:99ms") == "periodic:99ms is not in 100ms..15m");
  for (const char* wrong : {"end:", "end:5", "end:-5ms", "end:5h", "end:ms", "end:99999999999999999999s", "end:5 s"}) {
    CAPTURE(wrong);
    CHECK(why(wrong).ends_with("is not a time as 200ms, 10s or 5m"));
  }
}
