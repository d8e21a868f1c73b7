#pragma once

#include <string>
#include <string_view>

namespace mayfly::emulator::cli {

inline constexpr std::string_view kVersion = MAYFLY_VERSION;

// What belongs into a report: version, kernel, machine, and what holds an
// environment together here.
std::string version_text();

}  // namespace mayfly::emulator::cli
