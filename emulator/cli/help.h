// What the option table says to people. Pure functions of the table.

#pragma once

#include <string>
#include <string_view>

#include "emulator/cli/option_table.h"

namespace mayfly::emulator::cli {

// At most `width` columns; for kNoCommand one screen of 24 lines.
std::string help_text(CommandSet command, int width);

// Lines to type, each indented by two spaces; empty where there are none.
std::string_view examples_of(CommandSet command);

}  // namespace mayfly::emulator::cli
