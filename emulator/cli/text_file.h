// Whole files and standard input, as options name them.

#pragma once

#include <string>

#include "emulator/cli/message.h"

namespace mayfly::emulator::cli {

// Errors: kUsage, naming the file and the cause; also for more than 16 MiB,
// which is more than anything that is read here may have.
Decided<std::string> read_text_file(const std::string& path);
Decided<std::string> read_standard_input();

// Written beside `path` and moved there, so that who waits for the file never
// reads half of it. Errors: kUsage.
Decided<void> replace_file(const std::string& path, const std::string& text);

}  // namespace mayfly::emulator::cli
