// Encoded records, ready to be sent. Sealed: a batch never changes, so several
// destinations and all retries share one copy.

#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace mayfly::telemetry {

struct Batch {
  std::string body;
  std::size_t records = 0;
};

using SharedBatch = std::shared_ptr<const Batch>;

}  // namespace mayfly::telemetry
