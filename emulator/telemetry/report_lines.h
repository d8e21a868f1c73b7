// The lines that Lambda itself writes into a function's log, in its text form:
// fields separated by tabs, REPORT with a tab behind each. Without the newline.

#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/observation.h"

namespace mayfly::emulator {

std::string init_start_line(std::string_view runtime_version, std::string_view region);
std::string start_line(std::string_view request_id, std::string_view version);
std::string end_line(std::string_view request_id);
std::string report_line(const Report& report);
// `status`: error or timeout; `error_type` may be empty.
std::string init_report_line(std::chrono::nanoseconds duration, std::string_view phase, std::string_view status,
                             std::string_view error_type);
std::string extension_line(std::string_view name, std::string_view state, const std::vector<std::string>& events);
// `types` as in the subscription: platform, function, extension.
std::string telemetry_line(std::string_view name, const std::vector<std::string>& types);
std::string xray_line(std::string_view trace_id, std::string_view segment_id);

// "12.31": milliseconds with two decimals.
std::string two_decimals(std::chrono::nanoseconds duration);

}  // namespace mayfly::emulator
