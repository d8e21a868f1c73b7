// When a backend may be tried again.
//
// OTLP/HTTP [A]: 429, 502, 503 and 504 are retried, after Retry-After if it was
// given; no other status is. A backend that does not answer at all is left alone
// for a second, then two, up to a minute: while it is dead it costs nothing.
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

bool is_retryable(int status);

// Where the records of a batch go that was answered with this status, which is
// not retryable: delivered, http_3xx, ...
Place place_of(int status);

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

// Of one destination. Pure: it reads no clock and no random numbers by itself.
class Breaker {
 public:
  void succeeded() { *this = Breaker(); }
  // An attempt that got no answer. `random`: for jitter, any bits.
  void no_answer(Moment now, std::uint64_t random);
  // An answer with a retryable status.
  void answered_later(Moment now, std::optional<std::chrono::milliseconds> after, std::uint64_t random);

  // How long no attempt is to be made; zero: now.
  std::chrono::milliseconds wait(Moment now) const;

 private:
  void open(Moment now, std::uint64_t random);

  Moment since_{};
  std::chrono::milliseconds pause_{0};
  int opened_ = 0;    // in a row
  int answered_ = 0;  // retryable answers in a row
};

}  // namespace mayfly::telemetry
