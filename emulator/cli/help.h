// What the option table says to people: help, man pages, completion scripts.
// All are pure functions of the table.

#pragma once

#include <string>
#include <string_view>

#include "emulator/cli/option_table.h"

namespace mayfly::emulator::cli {

// At most `width` columns; for kNoCommand one screen of 24 lines.
std::string help_text(CommandSet command, int width);

// roff for man(1): mayfly(1), mayfly-run(1), ...
std::string man_page(CommandSet command);

// `shell` is bash, zsh or fish; empty for any other.
std::string completion_script(std::string_view shell);

}  // namespace mayfly::emulator::cli
