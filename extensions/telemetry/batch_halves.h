// A batch that a backend calls too large, as two that hold the same records.

#pragma once

#include <optional>
#include <utility>

#include "extensions/telemetry/batch.h"

namespace mayfly::telemetry {

using Halves = std::optional<std::pair<SharedBatch, SharedBatch>>;

// An OTLP request of any signal, between two of its log records, spans or
// metrics: resources and scopes are repeated. Empty when it is not such a request
// or holds less than two.
Halves halve_otlp(const Batch& batch);

// Lines, between two of them.
Halves halve_lines(const Batch& batch);

}  // namespace mayfly::telemetry
