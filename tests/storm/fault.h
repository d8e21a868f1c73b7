// What a backend can do to a request, and how often it does so.

#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "record.h"

namespace storm {

enum class Fault : std::uint8_t {
  none,
  // No answer.
  reset_before,   // the connection, before a byte of the request was read
  reset_in_body,  // somewhere in it
  reset_after,    // the request was read in whole
  close_after,
  cut_in_head,  // of the answer
  cut_in_body,
  trickle,  // the answer comes byte by byte, and never ends
  silence,  // until the client gives up
  garbage,  // bytes that are no HTTP
  endless_head,
  // An answer, but a strange one.
  slow,
  interim,  // 100 and 103 before the 200
  chunked,
  html,          // a page, with 200
  partial_none,  // rejected 0, and a message
  partial_some,  // rejected k of n
  partial_more,  // rejected more than n
  partial_negative,
  then_close,  // 200, and the connection ends without a word
  // A status.
  later,  // 429, 502, 503, 504, with any form of Retry-After
  server_error,
  client_error,
  unauthorized,
  redirect,
  too_large,        // 413 once the body was read
  too_large_early,  // 413 before it was
};
inline constexpr std::size_t kFaults = static_cast<std::size_t>(Fault::too_large_early) + 1;

std::string_view to_string(Fault fault);

// Swarm: most of the faults are off in one mix, and those that are on have a
// rate of their own. So rare ones meet long runs without the others, too.
class FaultMix {
 public:
  FaultMix() = default;  // none
  static FaultMix drawn(Dice& dice);
  Fault draw(Dice& dice) const;
  std::string text() const;  // "40 %: slow 3, later 1"

 private:
  double rate_ = 0;
  std::array<unsigned, kFaults> weights_{};
  unsigned sum_ = 0;
};

// An answer's status line and fields for a fault of the last group, "429 Told\r\nRetry-After: ...\r\n".
std::string drawn_status(Fault fault, Dice& dice);

}  // namespace storm
