#include "emulator/cli/options.h"

#include <algorithm>
#include <optional>

#include "core/split.h"
#include "emulator/cli/spelling.h"

namespace mayfly::emulator::cli {
namespace {

using core::split;

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
    out_.typed = words;
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
    return give(out_.settings, row, Source::word, typed, std::move(*value));
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
      if (const Hint* hint = hint_for(name)) {
        return refuse(kUsage, command + " has no option " + typed, std::string(hint->why), std::string(hint->try_this));
      }
      auto meant = nearest(name, names_of_options(out_.command));
      return refuse(kUsage, command + " has no option " + typed,
                    meant.empty() ? "" : "did you mean --" + std::string(meant) + "?", help_line(out_.command));
    }
    for (const auto& [row, typed] : used_) {
      if (kOptions[row].commands & out_.command) continue;
      std::string owners = owners_of(row);
      return refuse(kUsage, command + " has no option " + typed,
                    owners.empty() ? "it stands alone" : "it belongs to " + owners, help_line(out_.command));
    }
    return {};
  }

  Decided<void> read_variables() {
    for (std::size_t row = 0; row < kOptionCount; ++row) {
      const Option& option = kOptions[row];
      if (!(option.commands & out_.command) || option.only_when_asked) continue;
      if (out_.settings[target_of(row)].source != Source::nobody) continue;
      std::string own = variable_of(option);
      std::vector<std::string_view> names = split(option.variables, ' ');
      names.insert(names.begin(), own);
      for (std::string_view name : names) {
        auto value = variables_.get(name);
        if (!value) continue;
        if (auto taken = take_variable(row, std::string(name), *value); !taken) return taken;
        break;
      }
    }
    return {};
  }

  Decided<void> take_variable(std::size_t row, const std::string& name, std::string_view value) {
    const Option& option = kOptions[row];
    auto& settings = out_.settings;
    if (option.takes.empty()) {
      if (value != "0" && value != "false" && value != "no" && value != "off")
        return give(settings, row, Source::variable, name, "1");
      switch_off(settings, row, Source::variable, name);
      return {};
    }
    if (!option.many) return give(settings, row, Source::variable, name, std::string(value));
    for (auto part : split(value, ',')) {
      if (auto taken = give(settings, row, Source::variable, name, std::string(part)); !taken) return taken;
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

std::string Arguments::said_by(OptionRef option) const {
  const Setting& setting = settings[option.row];
  return setting.source == Source::nobody || setting.source == Source::word ? "" : " (" + setting.origin + ")";
}

Decided<Arguments> parse_arguments(const std::vector<std::string>& words, const Variables& variables) {
  return Parser(variables).parse(words);
}

}  // namespace mayfly::emulator::cli
