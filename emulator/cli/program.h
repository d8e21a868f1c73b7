// Whether the function's program can be started on this machine, asked before a
// call waits for it. The kernel's own answers ("exec format error", "no such
// file" for a missing interpreter) send people the wrong way.

#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/cli/message.h"
#include "emulator/settings.h"

namespace mayfly::emulator::cli {

// `is_default`: no command was given, so ./bootstrap is only what was looked
// for. `path` is the PATH to look in. Errors: kCannotStart.
Decided<void> check_program(const Settings& settings, bool is_default, std::string_view path);

// What would go wrong on Lambda though it works here: programs, extensions
// included, that need a newer glibc.
std::vector<std::string> program_warnings(const Settings& settings, std::string_view path);

// Of the running machine: "x86_64", "arm64".
std::string this_machine();

// "./bootstrap (x86_64)" for the first line; the name alone for scripts.
std::string program_text(const Settings& settings);

}  // namespace mayfly::emulator::cli
