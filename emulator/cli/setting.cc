#include "emulator/cli/setting.h"

#include <algorithm>
#include <charconv>

#include "core/split.h"
#include "emulator/cli/figures.h"
#include "emulator/cli/spelling.h"
#include "emulator/invoke/validation_text.h"

namespace mayfly::emulator::cli {
namespace {

using core::split;

constexpr Hint kHints[] = {
    {"env-vars", "it is a file in SAM and a list in cargo-lambda", "--env NAME=VALUE or --env-file FILE"},
    {"env-var", "here it is called --env", "--env NAME=VALUE"},
    {"log-file", "each environment has a file of its own", "--log-folder DIR"},
};

bool contains(std::string_view list, char separator, std::string_view word) {
  return std::ranges::count(split(list, separator), word) > 0;
}

// What to call the value in a message, and how to write a better one.
struct Place {
  const Option& option;
  Source source;
  const std::string& origin;

  std::string subject() const { return source == Source::file ? origin + ": " + std::string(option.name) : origin; }
  std::string with(std::string_view value) const {
    if (source == Source::variable) return origin + "=" + std::string(value);
    if (source == Source::word) return origin + " " + std::string(value);
    bool bare = option.low != option.high;
    return std::string(option.name) + " = " + (bare ? std::string(value) : "\"" + std::string(value) + "\"");
  }
};

Decided<void> check_choice(const Place& place, std::string& value) {
  auto choices = split(place.option.choices, '|');
  // The AWS CLI writes Text and INFO where we write text and info.
  for (auto choice : choices) {
    if (std::ranges::equal(choice, value, [](char a, char b) { return (a | 0x20) == (b | 0x20); })) {
      value = choice;
      return {};
    }
  }
  auto meant = nearest(value, choices);
  std::string list(place.option.choices);
  std::ranges::replace(list, '|', ' ');
  return refuse(kUsage, place.subject() + " cannot be '" + value + "'", "it is one of: " + list,
                place.with(meant.empty() ? choices.front() : meant));
}

Decided<void> check_number(const Place& place, const std::string& value) {
  const Option& option = place.option;
  auto number = whole_number(value);
  if (number && *number >= option.low && *number <= option.high) return {};
  std::string why = "it is a whole number from " + with_commas(option.low) + " to " + with_commas(option.high) + " (" +
                    std::string(option.unit) + ")";
  if (number && !option.member.empty()) {
    auto bound = *number < option.low ? "greater than or equal to " + std::to_string(option.low)
                                      : "less than or equal to " + std::to_string(option.high);
    why += "\nLambda says: " + validation_text(value, option.member, "have value " + bound);
  }
  auto fitting = option.initial.empty() ? std::to_string(option.low) : std::string(option.initial);
  return refuse(kUsage, place.subject() + " cannot be '" + value + "'", std::move(why), place.with(fitting));
}

}  // namespace

Decided<void> give(AllSettings& settings, std::size_t row, Source source, const std::string& origin,
                   std::string value) {
  const Option& option = kOptions[row];
  Place place{option, source, origin};
  if (!option.choices.empty()) {
    if (auto fits = check_choice(place, value); !fits) return fits;
  } else if (option.low != option.high) {
    if (auto fits = check_number(place, value); !fits) return fits;
  }
  std::size_t target = target_of(row);
  if (target != row) {
    bool is_flag = kOptions[target].takes.empty();
    if (is_flag && value != split(option.choices, '|').front()) return {};
    if (!option.prefix.empty() && value != "-") value.insert(0, option.prefix);
  }
  auto& setting = settings[target];
  if (!kOptions[target].many && !kOptions[target].takes.empty()) setting.values.clear();
  setting.values.push_back(std::move(value));
  setting.source = source;
  setting.origin = origin;
  return {};
}

void switch_off(AllSettings& settings, std::size_t row, Source source, const std::string& origin) {
  settings[row] = {{}, source, origin};
}

std::size_t target_of(std::size_t row) {
  const Option& option = kOptions[row];
  return option.stands_for.empty() ? row : *row_of(option.stands_for);
}

std::optional<std::size_t> row_of(std::string_view name) {
  for (std::size_t i = 0; i < kOptionCount; ++i) {
    if (kOptions[i].name == name || contains(kOptions[i].aliases, ' ', name)) return i;
  }
  return std::nullopt;
}

std::optional<std::size_t> row_of(char letter) {
  for (std::size_t i = 0; i < kOptionCount; ++i) {
    if (kOptions[i].letter == letter) return i;
  }
  return std::nullopt;
}

std::vector<std::string_view> names_of_options(unsigned commands) {
  std::vector<std::string_view> names;
  for (const Option& option : kOptions) {
    if (!(option.commands & commands)) continue;
    names.push_back(option.name);
    for (auto alias : split(option.aliases, ' ')) names.push_back(alias);
  }
  return names;
}

std::string owners_of(std::size_t row) {
  std::string owners;
  for (const Command& owner : kCommands) {
    if (kOptions[row].commands & owner.bit)
      owners += (owners.empty() ? "mayfly " : ", mayfly ") + std::string(owner.name);
  }
  return owners;
}

std::string variable_of(const Option& option) {
  std::string name = "MAYFLY_";
  for (char c : option.name) name += c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  return name;
}

bool is_path(const Option& option) { return option.takes.starts_with("FILE") || option.takes.starts_with("DIR"); }

const Hint* hint_for(std::string_view name) {
  auto found = std::ranges::find(kHints, name, &Hint::name);
  return found == std::end(kHints) ? nullptr : found;
}

std::optional<int> whole_number(std::string_view text) {
  int number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace mayfly::emulator::cli
