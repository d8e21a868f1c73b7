#pragma once

#include <string>
#include <string_view>

namespace mayfly::emulator::cli {

inline constexpr std::string_view kVersion = MAYFLY_VERSION;

// What belongs into a report: version, kernel, machine.
std::string version_text();

}  // namespace mayfly::emulator::cli
