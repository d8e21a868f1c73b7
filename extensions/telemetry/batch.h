// Encoded records, ready to be sent. Sealed: a batch never changes, so several
// destinations and all retries share one copy.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace mayfly::telemetry {

enum class Signal : std::uint8_t { logs, metrics, traces };
inline constexpr std::size_t kSignals = 3;

enum class Encoding : std::uint8_t { ndjson, otlp };

struct Batch {
  std::string body;
  std::size_t records = 0;  // log records, data points, spans
  Signal signal = Signal::logs;
};

using SharedBatch = std::shared_ptr<const Batch>;

}  // namespace mayfly::telemetry
