// One test request to a destination, and what came of it: for a pipeline that
// wants to know before a deployment whether address, TLS and credentials are right.
//
// Where logs go it is one record that says what it is; for metrics and traces it
// is a message with nothing in it, which backends answer like any other.

#pragma once

#include <string>
#include <vector>

#include "extensions/telemetry/settings.h"

namespace mayfly::telemetry {

struct ProbeResult {
  bool taken = false;
  std::string text;  // "logs: 200 in 12 ms", "metrics: 401 in 3 ms: no such key"; no control bytes
};

// One for each signal that goes to the destination. Waits for all answers, each
// to the destination's timeout. What an answer says is quoted to its first line's
// end, 200 bytes at most.
std::vector<ProbeResult> probe(const DestinationSettings& destination, const Settings& settings);

}  // namespace mayfly::telemetry
