// Scripts that complete commands, options and values in a shell. Pure functions
// of the option table.

#pragma once

#include <string>
#include <string_view>

namespace mayfly::emulator::cli {

// `shell` is bash, zsh or fish; empty for any other.
std::string completion_script(std::string_view shell);

}  // namespace mayfly::emulator::cli
