// What `mayfly run` says at its end: the day in a line, and what each process has
// cost:
//
//   stopped in 290.10 ms: 4 calls, 2 errors, 0 throttles, 3,077 ms, 0.385 GB-s
//     process    starts  init ms  +ms/call  CPU ms  peak MB  threads  files
//     telemetry       1     5.10      3.00   41.20      3.1        2      9
//     bootstrap       2    21.90      0.02  120.44      2.0        1      5
//
// init: the mean from start to first `next`. +ms/call: the mean from the
// function's answer to the `next` behind it, which is billed. CPU: the sum; what
// follows: the highest of one process with its descendants. "-": it never came to
// that, or it left before anyone looked.

#pragma once

#include <chrono>
#include <string>

#include "emulator/cli/terminal.h"
#include "emulator/telemetry/metrics.h"

namespace mayfly::emulator::cli {

std::string summary_text(const Metrics& metrics, std::chrono::nanoseconds stopping, const Style& style);

// The same as a mayfly.summary event, newline included.
std::string summary_json(const Metrics& metrics);

}  // namespace mayfly::emulator::cli
