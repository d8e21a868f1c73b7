#include "emulator/cli/options.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "emulator/invoke/validation_text.h"

namespace mayfly::emulator::cli {
namespace {

// Words people bring along that mean something else here.
struct Hint {
  std::string_view name, why, try_this;
};
constexpr Hint kHints[] = {
    {"env-vars", "it is a file in SAM and a list in cargo-lambda", "--env NAME=VALUE or --env-file FILE"},
    {"env-var", "here it is called --env", "--env NAME=VALUE"},
    {"log-file", "each environment has a file of its own", "--log-folder DIR"},
};

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    auto end = std::min(text.find(separator), text.size());
    if (end > 0) parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

bool contains(std::string_view list, char separator, std::string_view word) {
  return std::ranges::count(split(list, separator), word) > 0;
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

const Command* command_named(std::string_view name) {
  auto found = std::ranges::find(kCommands, name, &Command::name);
  return found == std::end(kCommands) ? nullptr : found;
}

std::string_view name_of(CommandSet command) {
  auto found = std::ranges::find(kCommands, command, &Command::bit);
  return found == std::end(kCommands) ? "mayfly" : found->name;
}

std::string help_line(CommandSet command) {
  return command == kNoCommand ? "mayfly --help" : "mayfly " + std::string(name_of(command)) + " --help";
}

// A value may begin with a dash (-1, or - for standard input), but a word that
// is an option, or the end of them, is never one.
bool is_option(std::string_view word) {
  if (!word.starts_with("--")) return false;
  word.remove_prefix(2);
  return word.empty() || row_of(word.substr(0, word.find('='))).has_value();
}

std::optional<int> whole_number(std::string_view text) {
  int number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// One pass over the words, then one over the options that no word has set.
class Parser {
 public:
  explicit Parser(const Variables& variables) : variables_(variables) {}

  Decided<Arguments> parse(const std::vector<std::string>& words) {
    for (at_ = 0; at_ < words.size(); ++at_) {
      const std::string& word = words[at_];
      if (word == "--") {
        out_.has_command_line = true;
        out_.command_line.assign(words.begin() + static_cast<std::ptrdiff_t>(at_) + 1, words.end());
        break;
      }
      Decided<void> taken = word.starts_with("--")                     ? long_option(words)
                            : word.starts_with('-') && word.size() > 1 ? letters(words)
                                                                       : plain_word(word);
      if (!taken) return unexpected(taken.error());
    }
    if (auto belongs = check_commands(); !belongs) return unexpected(belongs.error());
    if (!out_.settings[OptionRef("help").row].values.empty()) out_.help = true;
    if (out_.help) return std::move(out_);
    if (auto read = read_variables(); !read) return unexpected(read.error());
    return std::move(out_);
  }

 private:
  Decided<void> plain_word(const std::string& word) {
    if (out_.command != kNoCommand || asks_help_) {
      if (!asks_help_) {
        out_.words.push_back(word);
        return {};
      }
    } else if (word == "help") {
      asks_help_ = out_.help = true;
      return {};
    }
    const Command* command = command_named(word);
    if (!command) {
      if (!unknown_.empty()) return {};  // most likely the value of that option, which is reported
      std::vector<std::string_view> names{"help"};
      for (const Command& known : kCommands) names.push_back(known.name);
      auto meant = nearest(word, names);
      return refuse(kUsage, "mayfly has no command " + word,
                    meant.empty() ? "" : "did you mean " + std::string(meant) + "?", "mayfly --help");
    }
    out_.command = command->bit;
    out_.wanted = command->name;
    return {};
  }

  Decided<void> long_option(const std::vector<std::string>& words) {
    std::string_view word(words[at_]);
    word.remove_prefix(2);
    auto equals = word.find('=');
    auto name = word.substr(0, equals);
    auto row = row_of(name);
    std::string typed = "--" + std::string(name);
    if (!row) return unknown(typed, name);
    std::optional<std::string> value;
    if (equals != word.npos) value = word.substr(equals + 1);
    return take(*row, typed, std::move(value), words);
  }

  // "-q", "-vv", "-p9001", "-p 9001".
  Decided<void> letters(const std::vector<std::string>& words) {
    const std::string& word = words[at_];
    for (std::size_t i = 1; i < word.size(); ++i) {
      auto row = row_of(word[i]);
      std::string typed = std::string("-") + word[i];
      if (!row) return unknown(typed, "");
      if (kOptions[*row].takes.empty()) {
        if (auto taken = take(*row, typed, std::nullopt, words); !taken) return taken;
        continue;
      }
      std::optional<std::string> value;
      if (i + 1 < word.size()) value = word.substr(i + 1);
      return take(*row, typed, std::move(value), words);
    }
    return {};
  }

  Decided<void> take(std::size_t row, const std::string& typed, std::optional<std::string> value,
                     const std::vector<std::string>& words) {
    const Option& option = kOptions[row];
    if (option.takes.empty()) {
      if (value) return refuse(kUsage, typed + " takes no value", "it is on or off", typed);
      value = "1";
    } else if (!value) {
      if (at_ + 1 >= words.size() || is_option(words[at_ + 1])) {
        return refuse(kUsage, typed + " needs a value: " + std::string(option.takes), std::string(option.help),
                      help_line(out_.command));
      }
      value = words[++at_];
    }
    used_.push_back({row, typed});
    return set(row, typed, std::move(*value));
  }

  // Checks the value and follows stands_for.
  Decided<void> set(std::size_t row, const std::string& typed, std::string value) {
    const Option& option = kOptions[row];
    if (auto fits = check_value(option, typed, value); !fits) return fits;
    std::size_t target = row;
    if (!option.stands_for.empty()) {
      target = *row_of(option.stands_for);
      bool is_flag = kOptions[target].takes.empty();
      if (is_flag && value != split(option.choices, '|').front()) return {};
      if (!option.prefix.empty() && value != "-") value.insert(0, option.prefix);
    }
    auto& setting = out_.settings[target];
    if (!kOptions[target].many && !kOptions[target].takes.empty()) setting.values.clear();
    setting.values.push_back(std::move(value));
    setting.origin = typed;
    return {};
  }

  Decided<void> check_value(const Option& option, const std::string& typed, std::string& value) {
    if (!option.choices.empty()) {
      // The AWS CLI writes Text and INFO where we write text and info.
      for (auto choice : split(option.choices, '|')) {
        if (std::ranges::equal(choice, value, [](char a, char b) { return (a | 0x20) == (b | 0x20); })) {
          value = choice;
          return {};
        }
      }
      auto meant = nearest(value, split(option.choices, '|'));
      std::string list(option.choices);
      std::ranges::replace(list, '|', ' ');
      return refuse(kUsage, typed + " cannot be '" + value + "'", "it is one of: " + list,
                    typed + " " + std::string(meant.empty() ? split(option.choices, '|').front() : meant));
    }
    if (option.low != option.high) {
      auto number = whole_number(value);
      if (!number || *number < option.low || *number > option.high) {
        std::string why = "it is a whole number from " + std::to_string(option.low) + " to " +
                          std::to_string(option.high) + " (" + std::string(option.unit) + ")";
        if (number && !option.member.empty()) {
          auto bound = *number < option.low ? "greater than or equal to " + std::to_string(option.low)
                                            : "less than or equal to " + std::to_string(option.high);
          why += "\nLambda says: " + validation_text(value, option.member, "have value " + bound);
        }
        return refuse(kUsage, typed + " cannot be '" + value + "'", std::move(why),
                      typed + " " + std::string(option.initial));
      }
    }
    return {};
  }

  Decided<void> unknown(const std::string& typed, std::string_view name) {
    unknown_.push_back({typed, std::string(name)});
    return {};
  }

  // An option may stand before its command, so this comes last.
  Decided<void> check_commands() {
    std::string command(name_of(out_.command));
    if (!unknown_.empty()) {
      const auto& [typed, name] = unknown_.front();
      for (const Hint& hint : kHints) {
        if (hint.name == name) {
          return refuse(kUsage, command + " has no option " + typed, std::string(hint.why), std::string(hint.try_this));
        }
      }
      std::vector<std::string_view> names;
      for (const Option& option : kOptions) {
        if (!(option.commands & out_.command)) continue;
        names.push_back(option.name);
        for (auto alias : split(option.aliases, ' ')) names.push_back(alias);
      }
      auto meant = nearest(name, names);
      return refuse(kUsage, command + " has no option " + typed,
                    meant.empty() ? "" : "did you mean --" + std::string(meant) + "?", help_line(out_.command));
    }
    for (const auto& [row, typed] : used_) {
      if (kOptions[row].commands & out_.command) continue;
      std::string owners;
      for (const Command& owner : kCommands) {
        if (kOptions[row].commands & owner.bit)
          owners += (owners.empty() ? "mayfly " : ", mayfly ") + std::string(owner.name);
      }
      return refuse(kUsage, command + " has no option " + typed,
                    owners.empty() ? "it stands alone" : "it belongs to " + owners, help_line(out_.command));
    }
    return {};
  }

  Decided<void> read_variables() {
    for (std::size_t row = 0; row < kOptionCount; ++row) {
      const Option& option = kOptions[row];
      if (!(option.commands & out_.command) || option.only_when_asked || !option.stands_for.empty()) continue;
      if (!out_.settings[row].origin.empty()) continue;
      std::string own = variable_of(option);
      std::vector<std::string_view> names = split(option.variables, ' ');
      names.insert(names.begin(), own);
      for (std::string_view name : names) {
        auto value = variables_.get(name);
        if (!value) continue;
        if (auto taken = set_from_variable(row, std::string(name), *value); !taken) return taken;
        break;
      }
    }
    return {};
  }

  Decided<void> set_from_variable(std::size_t row, const std::string& name, std::string_view value) {
    const Option& option = kOptions[row];
    if (option.takes.empty()) {
      if (value == "0" || value == "false" || value == "no" || value == "off") return {};
      return set(row, name, "1");
    }
    if (!option.many) return set(row, name, std::string(value));
    for (auto part : split(value, ',')) {
      if (auto taken = set(row, name, std::string(part)); !taken) return taken;
    }
    return {};
  }

  const Variables& variables_;
  Arguments out_;
  std::size_t at_ = 0;
  bool asks_help_ = false;
  std::vector<std::pair<std::size_t, std::string>> used_;
  std::vector<std::pair<std::string, std::string>> unknown_;
};

}  // namespace

int Arguments::number(OptionRef option) const { return whole_number(text(option)).value_or(0); }

Decided<Arguments> parse_arguments(const std::vector<std::string>& words, const Variables& variables) {
  return Parser(variables).parse(words);
}

std::string variable_of(const Option& option) {
  std::string name = "MAYFLY_";
  for (char c : option.name) name += c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  return name;
}

std::string_view nearest(std::string_view typed, const std::vector<std::string_view>& known) {
  std::string_view best;
  int best_distance = 3;
  for (auto word : known) {
    int distance = typing_distance(typed, word);
    if (distance < best_distance && distance < static_cast<int>(word.size())) {
      best = word;
      best_distance = distance;
    }
  }
  return best;
}

int typing_distance(std::string_view a, std::string_view b) {
  std::vector<int> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = static_cast<int>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = static_cast<int>(i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      int change = last[j - 1] + (a[i - 1] != b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

}  // namespace mayfly::emulator::cli
