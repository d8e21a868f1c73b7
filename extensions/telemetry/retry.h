// What an answer means for the batch, and when a backend may be tried again.
//
// OTLP/HTTP [A]: 429, 502, 503 and 504 are retried, after Retry-After if it was
// given; no other status is. Lines over HTTP have no such contract: whatever can
// be the fault of the moment is retried there. A backend that does not answer at
// all is left alone for a second, then two, up to a minute: while it is dead it
// costs nothing.
//
// [A] OpenTelemetry Protocol Specification 1.9, "OTLP/HTTP Response", read 2026-11.

#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/clock.h"
#include "extensions/telemetry/account.h"

namespace mayfly::telemetry {

enum class Protocol : std::uint8_t { otlp, ndjson };

// | status                  | otlp                      | ndjson                    |
// |-------------------------|---------------------------|---------------------------|
// | 2xx                     | delivered                 | delivered                 |
// | 429, 502, 503, 504      | later                     | later                     |
// | 408, 425, other 5xx     | drop                      | later, but for 501, 505   |
// | 401, 403                | credentials, see Delivery | credentials, see Delivery |
// | 413                     | split, see Delivery       | split, see Delivery       |
// | all others              | drop                      | drop                      |
enum class Verdict : std::uint8_t { delivered, later, credentials, split, drop };
// `retry_500`: a 500 is a proxy's passing trouble, whatever the protocol says.
Verdict verdict(Protocol protocol, int status, bool retry_500 = false);

// The cause that a dropped batch is counted under: http_3xx, http_4xx, http_5xx.
Place dropped_as(int status);

// Seconds, or one of HTTP's three date forms, which is compared with the
// answer's own Date so that a wrong clock here does no harm. Empty when it says
// nothing usable; at most 300 s, at least 0.
std::optional<std::chrono::milliseconds> retry_after(std::string_view field, std::string_view date);

// Both clocks: the monotonic one may stand still while the environment is
// frozen, the wall clock may be set.
struct Moment {
  std::chrono::steady_clock::time_point steady;
  core::WallTime wall;

  static Moment now() { return {std::chrono::steady_clock::now(), core::wall_now()}; }
};

// What has passed since `then` by the clock that went further; never negative.
std::chrono::milliseconds elapsed(Moment then, Moment now);

// Uniform in [longest / 2, longest]; `random`: any bits.
std::chrono::milliseconds jittered(std::chrono::milliseconds longest, std::uint64_t random);

// Of one destination. Pure: it reads no clock and no random numbers by itself.
//
//   closed --- no answer, or three times "later" in a row, or Retry-After of a second and more --> open
//   open ----- its pause is over: one attempt --> closed, or open for twice as long
class Breaker {
 public:
  void succeeded() { *this = Breaker(); }
  // An attempt that got no answer. `random`: for jitter, any bits.
  void no_answer(Moment now, std::uint64_t random);
  // An answer with a retryable status.
  void answered_later(Moment now, std::optional<std::chrono::milliseconds> after, std::uint64_t random);

  // How long no attempt is to be made; zero: now.
  std::chrono::milliseconds wait(Moment now) const;
  // The next attempt is a probe: whoever sends it must not hold anything up.
  bool is_open() const { return open_; }

 private:
  void open(Moment now, std::uint64_t random);

  Moment since_{};
  std::chrono::milliseconds pause_{0};
  bool open_ = false;
  int opened_ = 0;    // in a row
  int answered_ = 0;  // retryable answers in a row
};

}  // namespace mayfly::telemetry
