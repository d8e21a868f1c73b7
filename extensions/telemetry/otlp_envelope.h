// What the requests of all three signals have in common: ExportLogsServiceRequest,
// ExportMetricsServiceRequest and ExportTraceServiceRequest have the same field
// numbers down to the list of their items, and so have their responses
// (opentelemetry-proto, collector/*/v1 and logs, metrics, trace v1).

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "extensions/telemetry/batch.h"

namespace mayfly::telemetry {

// Field number of ScopeLogs.log_records, ScopeMetrics.metrics, ScopeSpans.spans.
inline constexpr std::uint32_t kItems = 2;

// One resource, one scope, and `items`: messages, each with the tag kItems and
// its length. `resource` is an encoded Resource message.
SharedBatch otlp_batch(Signal signal, std::string_view resource, std::string_view items, std::size_t records,
                       bool has_error = false, core::WallTime oldest = {});

// How many items the backend refused, from the body of a 2xx answer; 0 when it
// says nothing. `message`, if any, says why. Empty when the body cannot be read:
// the status has said that the batch was taken.
std::optional<std::size_t> rejected_items(std::string_view body, std::string& message);

}  // namespace mayfly::telemetry
