// What the daemon knows about itself. Totals since it was started: whoever makes
// metrics of them keeps the last ones and sends the differences.

#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "extensions/telemetry/account.h"
#include "extensions/telemetry/delivery.h"

namespace mayfly::telemetry {

// Where records come from: the three types of the Telemetry API, and the
// function's own OpenTelemetry SDK.
enum class Source : std::uint8_t { platform, function, extension, otlp };
inline constexpr std::size_t kSources = 4;

struct Counters {
  struct Destination {
    std::string name;
    Account account;
    DeliveryCounters requests;
    std::size_t queue_bytes = 0;
  };

  std::array<std::uint64_t, kSources> received{};  // records, by Source, malformed ones aside
  std::uint64_t malformed = 0;                     // records that could not be read
  std::uint64_t upstream_dropped = 0;              // records that Lambda says it has lost itself
  std::uint64_t held = 0;                          // invocations for which `next` was asked late
  std::chrono::milliseconds added{0};              // by how much, from the function's answer on, altogether
  std::vector<Destination> destinations;
};

}  // namespace mayfly::telemetry
