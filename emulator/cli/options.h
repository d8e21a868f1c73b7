// From words and variables to the value of every option.
//
// Parsed by hand from the table instead of by CLI11: of all that a library does
// here, tokenising is the small part. It would keep a second copy of the table,
// report `mayfly rnu` as "A subcommand is required", list unknown words in
// reverse and leave with exit codes of its own (2.1.2), so every one of its
// messages had to be caught and written anew.

#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/cli/message.h"
#include "emulator/cli/option_table.h"
#include "emulator/cli/variables.h"

namespace mayfly::emulator::cli {

struct Arguments {
  struct Setting {
    std::vector<std::string> values;  // a flag: one value for each time it was given
    std::string origin;               // "--timeout", "MAYFLY_TIMEOUT"; empty: the default holds
  };

  CommandSet command = kNoCommand;
  std::string wanted;                     // of `help WANTED`, else the command's own name
  bool help = false;                      // by `help` or --help
  std::vector<std::string> words;         // neither options nor their values
  std::vector<std::string> command_line;  // after "--"
  bool has_command_line = false;          // there was a "--"
  std::array<Setting, kOptionCount> settings;

  bool given(OptionRef option) const { return !settings[option.row].origin.empty(); }
  // On the command line, not by a variable.
  bool asked(OptionRef option) const { return settings[option.row].origin.starts_with('-'); }
  int count(OptionRef option) const { return static_cast<int>(settings[option.row].values.size()); }
  // The last value given, else the default.
  std::string_view text(OptionRef option) const {
    const Setting& setting = settings[option.row];
    return setting.values.empty() ? kOptions[option.row].initial : std::string_view(setting.values.back());
  }
  // Of options with a range; it was checked.
  int number(OptionRef option) const;
  const std::vector<std::string>& list(OptionRef option) const { return settings[option.row].values; }
};

// `words` without the program's name. An option beats MAYFLY_<OPTION>, which
// beats the variables that other tools know, which beat the default.
// Errors: kUsage, with the nearest known word where there is one.
Decided<Arguments> parse_arguments(const std::vector<std::string>& words, const Variables& variables);

// "MAYFLY_LOG_FORMAT" for log-format.
std::string variable_of(const Option& option);

// The word of `known` that `typed` was meant to be: at most two insertions,
// deletions, changes or swaps of neighbours away, and less than the word is long.
std::string_view nearest(std::string_view typed, const std::vector<std::string_view>& known);

// Damerau-Levenshtein distance (optimal string alignment).
int typing_distance(std::string_view a, std::string_view b);

}  // namespace mayfly::emulator::cli
