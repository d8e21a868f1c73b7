// What the daemon knows of itself, as counts that only grow. The metrics encoder
// asks when a batch of metrics is sealed and sends what has changed since.

#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "extensions/telemetry/account.h"

namespace mayfly::telemetry {

struct SelfTelemetry {
  struct Destination {
    std::string name;  // no secrets
    Account account;
    std::uint64_t retries = 0;          // requests for batches that had been in one before
    std::uint64_t maybe_delivered = 0;  // records that may have arrived twice
  };

  std::uint64_t received = 0;             // records that Lambda delivered
  std::uint64_t malformed = 0;            // of them, those that could not be read
  std::chrono::nanoseconds added{0};      // invocations were held open for, after the function had answered
  std::vector<Destination> destinations;  // always the same ones in the same order
};

using ReadSelfTelemetry = std::function<void(SelfTelemetry& out)>;

}  // namespace mayfly::telemetry
