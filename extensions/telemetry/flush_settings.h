// How MAYFLY_TELEMETRY_FLUSH is written. What each word means, drawn in time, is in
// README.md.
//
// | text              | TIME: default, range         |
// |-------------------|------------------------------|
// | end[:TIME]        | 200ms, 0ms .. 2s             |
// | periodic[:TIME]   | 20s, 100ms .. 15m            |
// | continuous[:TIME] | 1s, 100ms .. 15m             |
// | adaptive[:TIME]   | 10s, 0ms .. 15m              |
//
// TIME is a whole number with its unit: ms, s or m.

#pragma once

#include <chrono>
#include <string_view>

#include "core/failure.h"

namespace mayfly::telemetry {

struct FlushSettings {
  enum class Kind {
    end,         // `next` waits until the records of the invocation are out: `time` at most
    periodic,    // every `time`, as an invocation begins, and `next` waits for it
    continuous,  // every `time` while the function runs, and `next` never waits
    adaptive,    // end while invocations are further apart than `time`, else continuous
  };
  Kind kind = Kind::adaptive;
  std::chrono::milliseconds time{10'000};

  bool operator==(const FlushSettings&) const = default;
};

// Errors: Errc::parse and Errc::out_of_range, with word and limits.
core::Outcome<FlushSettings> parse_flush(std::string_view text);

}  // namespace mayfly::telemetry
