// The records of the Telemetry API's platform events, as JSON [A].
//
// [A] AWS Lambda Developer Guide, "Lambda Telemetry API Event schema reference",
//     read 2026-11.

#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/lifecycle/lifecycle.h"
#include "emulator/settings.h"

namespace mayfly::emulator {

// "mayfly:0.1.0": what stands where Lambda names the version of its runtime.
std::string_view runtime_version();

std::string init_start_record(const Settings& settings, std::string_view phase, std::string_view log_stream);
std::string init_runtime_done_record(const Settings& settings, std::string_view phase, std::string_view status,
                                     std::string_view error_type);
std::string init_report_record(const Settings& settings, std::string_view phase, std::string_view status,
                               std::string_view error_type, std::chrono::nanoseconds duration);
std::string extension_record(std::string_view name, std::string_view state, const std::vector<std::string>& events,
                             std::string_view error_type);
std::string subscription_record(std::string_view name, const std::vector<std::string>& types);
std::string start_record(const Settings& settings, const Invocation& invocation);
std::string runtime_done_record(const Invocation& invocation, std::string_view status, std::string_view error_type,
                                std::chrono::nanoseconds duration, std::size_t produced_bytes,
                                const RuntimeSpans& spans);
// Under Managed Instances: without a bill and memory, with the runtime's spans,
// for which there is no runtimeDone.
std::string report_record(const Settings& settings, const Invocation& invocation, const Report& report,
                          const RuntimeSpans& spans);

}  // namespace mayfly::emulator
