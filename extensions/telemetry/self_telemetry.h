// What the daemon knows of itself, as counts that only grow. The metrics encoder
// asks when a batch of metrics is sealed and sends what has changed since.

#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "extensions/telemetry/account.h"
#include "extensions/telemetry/delivery.h"

namespace mayfly::telemetry {

// Where records come from: the three types of the Telemetry API, and the
// function's own OpenTelemetry SDK.
enum class Source : std::uint8_t { platform, function, extension, otlp };
inline constexpr std::size_t kSources = 4;

struct SelfTelemetry {
  struct Destination : DeliveryCounters {
    std::string name;  // no secrets
    Account account;
    std::size_t queue_bytes = 0;  // at the moment
  };

  std::uint64_t received = 0;                           // records, malformed ones and those of the SDK included
  std::array<std::uint64_t, kSources> received_from{};  // of them, by Source, malformed ones aside
  std::uint64_t malformed = 0;                          // of them, those that could not be read
  std::uint64_t upstream_dropped = 0;                   // records that Lambda says it has lost itself
  std::chrono::nanoseconds added{0};      // invocations were held open for, after the function had answered
  std::vector<Destination> destinations;  // always the same ones in the same order
};

using ReadSelfTelemetry = std::function<void(SelfTelemetry& out)>;

}  // namespace mayfly::telemetry
