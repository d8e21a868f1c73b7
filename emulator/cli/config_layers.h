// What the files say, put under what words and variables have said: project file,
// then user file. (A library's merging is not used: the file's value of CLI11
// 2.1.2 beats its variable.)

#pragma once

#include <filesystem>

#include "emulator/cli/config_file.h"
#include "emulator/cli/options.h"

namespace mayfly::emulator::cli {

// Finds and reads the files as --config and --no-config, or their variables, say.
// Errors: kUsage, naming file and line.
Decided<void> add_config_files(Arguments& arguments, const Variables& variables,
                               const std::filesystem::path& current_folder);

// All that decides: parse_arguments(), then the files as seen from the current folder.
Decided<Arguments> read_arguments(const std::vector<std::string>& words, const Variables& variables);

// [run] and [invoke] are for the command of that name; a program that invoke
// starts itself is described by both, [invoke] first. [env] is the function's.
Decided<void> add_project_file(Arguments& arguments, const ConfigFile& file);
// Looks only.
Decided<void> add_user_file(Arguments& arguments, const ConfigFile& file);

}  // namespace mayfly::emulator::cli
