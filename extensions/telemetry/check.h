// mayfly-telemetry --check [--send]: what the variables of the environment mean,
// as a table, for a pipeline before a deployment.

#pragma once

#include <string>

#include "extensions/telemetry/settings.h"

namespace mayfly::telemetry {

struct CheckResult {
  std::string text;
  bool well = true;  // no complaint, and with `send` each destination took what it was sent
};

// `send`: one test record goes to each destination (probe.h). No value of a
// header is in the text.
CheckResult check(const Settings& settings, bool send);

}  // namespace mayfly::telemetry
