// `mayfly run`: an environment on this machine until it is told to stop.

#pragma once

#include <chrono>

#include "emulator/cli/options.h"

namespace mayfly::emulator::cli {

// The exit code, or why nothing was started. `started`: when the process was.
Decided<int> run_command(const Arguments& arguments, const Variables& variables,
                         std::chrono::steady_clock::time_point started);

}  // namespace mayfly::emulator::cli
