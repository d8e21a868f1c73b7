// Encoded records, ready to be sent. Sealed: a batch never changes, so several
// destinations and all retries share one copy.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "core/clock.h"

namespace mayfly::telemetry {

enum class Signal : std::uint8_t { logs, metrics, traces };
inline constexpr std::size_t kSignals = 3;

enum class Encoding : std::uint8_t { ndjson, otlp };
inline constexpr std::size_t kEncodings = 2;

struct Batch {
  std::string body;
  std::size_t records = 0;  // log records, data points, spans
  Signal signal = Signal::logs;
  bool has_error = false;   // holds a record of severity ERROR or worse: dropped last
  core::WallTime oldest{};  // when its first record came; the epoch: not known
};

using SharedBatch = std::shared_ptr<const Batch>;

// A batch as one destination knows it.
struct QueuedBatch {
  SharedBatch batch;
  std::uint64_t seq = 0;         // counts up within a destination; parts of a split batch keep it
  int attempts = 0;              // requests that carried it and came to nothing
  bool maybe_delivered = false;  // one of them may have been taken without an answer
};

}  // namespace mayfly::telemetry
