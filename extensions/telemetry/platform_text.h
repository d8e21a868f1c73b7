// Platform records as people know them from CloudWatch: "REPORT RequestId: ...".

#pragma once

#include <mayfly/telemetry_record.h>

#include <string>

namespace mayfly::telemetry {

// One line without its newline. Records that have no such line give their type.
std::string platform_text(const extension::TelemetryRecord& record);

}  // namespace mayfly::telemetry
