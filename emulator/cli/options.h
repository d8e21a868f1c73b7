// From words and variables to the value of every option.
//
// Parsed by hand from the table instead of by CLI11: of all that a library does
// here, tokenising is the small part. It would keep a second copy of the table,
// report `mayfly rnu` as "A subcommand is required", list unknown words in
// reverse and leave with exit codes of its own (2.1.2), so every one of its
// messages had to be caught and written anew.

#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/cli/message.h"
#include "emulator/cli/option_table.h"
#include "emulator/cli/setting.h"
#include "emulator/cli/variables.h"

namespace mayfly::emulator::cli {

// A variable for the function, and who gave it: "--env", "prod.env", "mayfly.toml:12".
struct GivenVariable {
  std::string name, value, origin;
};

struct Arguments {
  CommandSet command = kNoCommand;
  std::string wanted;                     // of `help WANTED`, else the command's own name
  bool help = false;                      // by `help` or --help
  std::vector<std::string> words;         // neither options nor their values
  std::vector<std::string> command_line;  // after "--", or of the project file
  bool has_command_line = false;          // there was one of the two
  AllSettings settings;
  std::vector<std::string> typed;  // everything, to be read once more

  // Of the project file, see config_layers.h:
  std::string project_file;                        // as messages name it; empty: none
  std::filesystem::path project_path;              // absolute
  std::vector<GivenVariable> project_environment;  // [env]
  std::filesystem::path task_root;                 // its folder, when the command line is its; else empty

  // It is on, or has a value that is not the default.
  bool given(OptionRef option) const { return !settings[option.row].values.empty(); }
  // On the command line, not by a variable or a file.
  bool asked(OptionRef option) const { return settings[option.row].source == Source::word; }
  int count(OptionRef option) const { return static_cast<int>(settings[option.row].values.size()); }
  // The last value given, else the default.
  std::string_view text(OptionRef option) const {
    const Setting& setting = settings[option.row];
    return setting.values.empty() ? kOptions[option.row].initial : std::string_view(setting.values.back());
  }
  // Of options with a range; it was checked.
  int number(OptionRef option) const;
  const std::vector<std::string>& list(OptionRef option) const { return settings[option.row].values; }
  // " (MAYFLY_LISTEN)", for messages that name the option; empty when it was typed.
  std::string said_by(OptionRef option) const;
};

// `words` without the program's name. An option beats MAYFLY_<OPTION>, which
// beats the variables that other tools know, which beat the default. Files come
// between those, by add_config_files().
// Errors: kUsage, with the nearest known word where there is one.
Decided<Arguments> parse_arguments(const std::vector<std::string>& words, const Variables& variables);

}  // namespace mayfly::emulator::cli
