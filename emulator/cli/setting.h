// The value of one option and who gave it. Words, variables and configuration
// files end here, so a value is checked in the same way wherever it comes from.

#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/cli/message.h"
#include "emulator/cli/option_table.h"

namespace mayfly::emulator::cli {

enum class Source { nobody, word, variable, file };

struct Setting {
  std::vector<std::string> values;  // a flag: one for each time it was given; empty: off, or the default holds
  Source source = Source::nobody;
  std::string origin;  // "--timeout", "MAYFLY_TIMEOUT", "mayfly.toml:4"; empty: the default holds
};

using AllSettings = std::array<Setting, kOptionCount>;

// Checks the value and puts it where it belongs (see Option::stands_for).
// Errors: kUsage.
Decided<void> give(AllSettings& settings, std::size_t row, Source source, const std::string& origin, std::string value);
// A flag that is off by somebody's will, not by default.
void switch_off(AllSettings& settings, std::size_t row, Source source, const std::string& origin);

// The row whose setting `row` makes: its own, unless it stands for another one.
std::size_t target_of(std::size_t row);

std::optional<std::size_t> row_of(std::string_view name);  // or an alias
std::optional<std::size_t> row_of(char letter);
// Names and aliases of the options of these commands.
std::vector<std::string_view> names_of_options(unsigned commands);
// Of whom an option is: "mayfly run, mayfly invoke".
std::string owners_of(std::size_t row);

// "MAYFLY_LOG_FORMAT" for log-format.
std::string variable_of(const Option& option);

// The value is a path.
bool is_path(const Option& option);

// Words people bring along that mean something else here.
struct Hint {
  std::string_view name, why, try_this;
};
const Hint* hint_for(std::string_view name);

std::optional<int> whole_number(std::string_view text);

}  // namespace mayfly::emulator::cli
