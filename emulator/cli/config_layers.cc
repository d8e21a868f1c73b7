#include "emulator/cli/config_layers.h"

#include <algorithm>
#include <array>
#include <functional>

#include "emulator/cli/spelling.h"

namespace mayfly::emulator::cli {
namespace {

namespace fs = std::filesystem;
using Kind = ConfigFile::Kind;
using Entry = ConfigFile::Entry;
using Section = ConfigFile::Section;

constexpr std::string_view kSections[] = {"run", "invoke", "env"};
constexpr std::string_view kLooks[] = {"color", "view", "ascii"};
constexpr std::string_view kCommandKey = "command";

std::string did_you_mean(std::string_view meant) {
  return meant.empty() ? std::string() : "did you mean \"" + std::string(meant) + "\"? ";
}

unexpected<Refusal> unknown_key(const ConfigFile& file, const Entry& entry, unsigned commands,
                                std::string_view section) {
  if (const Hint* hint = hint_for(entry.key)) {
    return refuse(kUsage, file.place(entry.line) + ": unknown key \"" + entry.key + "\"", std::string(hint->why),
                  "[env], or: env-file = [\"FILE\"]");
  }
  auto known = names_of_options(commands);
  std::erase_if(known, [&](std::string_view name) { return name == entry.key; });  // no setting of a file
  if (section == "run") known.push_back(kCommandKey);
  return refuse(kUsage,
                file.place(entry.line) + ": unknown key \"" + entry.key + "\" in [" + std::string(section) + "]",
                did_you_mean(nearest(entry.key, known)) + "Keys are the long options",
                "mayfly " + std::string(section) + " --help");
}

unexpected<Refusal> wrong_kind(const ConfigFile& file, const Entry& entry, std::string_view wanted,
                               const std::string& example) {
  return refuse(kUsage, file.place(entry.line) + ": " + entry.key + " is " + std::string(wanted), "",
                entry.key + " = " + example);
}

// Paths in a file are seen from where it lies; so is a file that a text names.
std::string from_folder(const Option& option, std::string_view value, const fs::path& folder) {
  bool names_file = value.starts_with('@') && option.takes.find("@FILE") != option.takes.npos;
  if (names_file) return "@" + (folder / value.substr(1)).string();
  if (is_path(option) && value != "-" && !value.empty()) return (folder / value).lexically_normal().string();
  return std::string(value);
}

// Of [run], this holds for a program that invoke starts itself, too.
bool describes_function(std::size_t row) {
  Group group = kOptions[row].group;
  bool described =
      group == Group::program || group == Group::limits || group == Group::environment || group == Group::extensions;
  return described && (kOptions[row].commands & kInvoke);
}

class Layer {
 public:
  Layer(Arguments& arguments, const ConfigFile& file) : arguments_(arguments), file_(file) {
    for (std::size_t row = 0; row < kOptionCount; ++row)
      decided_[row] = arguments.settings[row].source != Source::nobody;
  }

  // Every key must be an option of `commands`. `holds(row)`: here it has a meaning.
  Decided<void> take(const Section& section, unsigned commands, const std::function<bool(std::size_t)>& holds) {
    std::array<int, kOptionCount> lines{};
    for (const Entry& entry : section.entries) {
      if (section.name == "run" && entry.key == kCommandKey) continue;
      auto row = row_of(entry.key);
      if (!row || kOptions[*row].only_when_asked || is_about_files(*row))
        return unknown_key(file_, entry, commands, section.name);
      if (!(kOptions[*row].commands & commands)) {
        return refuse(kUsage, file_.place(entry.line) + ": " + entry.key + " has no meaning in [" + section.name + "]",
                      "it belongs to " + owners_of(*row), "mayfly " + section.name + " --help");
      }
      std::size_t target = target_of(*row);
      if (int& line = lines[target]; line > 0) {
        return refuse(
            kUsage,
            file_.place(entry.line) + ": " + entry.key + " says again what line " + std::to_string(line) + " says",
            "both are --" + std::string(kOptions[target].name), "one of them");
      } else {
        line = entry.line;
      }
      // Values are checked even where something else has decided.
      AllSettings settings;
      if (auto read = read_values(settings, *row, entry); !read) return read;
      if (!decided_[target] && holds(target)) {
        arguments_.settings[target] = settings[target];
        decided_[target] = settings[target].source != Source::nobody;
      }
    }
    return {};
  }

 private:
  static bool is_about_files(std::size_t row) {
    return row == OptionRef("config").row || row == OptionRef("no-config").row;
  }
  Decided<void> read_values(AllSettings& settings, std::size_t row, const Entry& entry) {
    const Option& option = kOptions[row];
    std::string origin = file_.place(entry.line);
    if (option.takes.empty()) {
      if (entry.kind != Kind::flag) return wrong_kind(file_, entry, "on or off", "true");
      if (entry.values.front() == "true") return give(settings, row, Source::file, origin, "1");
      switch_off(settings, row, Source::file, origin);
      return {};
    }
    std::string example =
        option.low != option.high ? std::to_string(option.low) : "\"" + std::string(option.takes) + "\"";
    if (entry.kind == Kind::flag) return wrong_kind(file_, entry, "no flag", example);
    if (entry.kind == Kind::list && !option.many && !option.is_list)
      return wrong_kind(file_, entry, "one value, not a list", example);
    if (option.is_list && entry.kind == Kind::list) {
      std::string joined;
      for (const std::string& value : entry.values) joined += (joined.empty() ? "" : ",") + value;
      return give(settings, row, Source::file, origin, std::move(joined));
    }
    for (const std::string& value : entry.values) {
      auto taken = give(settings, row, Source::file, origin, from_folder(option, value, file_.folder));
      if (!taken) return taken;
    }
    return {};
  }

  Arguments& arguments_;
  const ConfigFile& file_;
  std::array<bool, kOptionCount> decided_{};
};

// command = "./app" or ["./app", "--fast"], in [run]; the function's folder is
// then the file's.
Decided<void> take_command(Arguments& arguments, const ConfigFile& file, const Section& section) {
  auto found = std::ranges::find(section.entries, kCommandKey, &Entry::key);
  if (found == section.entries.end()) return {};
  bool usable = found->kind == Kind::text || found->kind == Kind::list;
  if (!usable || found->values.empty() || found->values.front().empty()) {
    return refuse(kUsage, file.place(found->line) + ": command is a program and its arguments", "",
                  "command = [\"./app\", \"--fast\"]");
  }
  if (arguments.command != kRun || arguments.has_command_line) return {};
  arguments.has_command_line = true;
  arguments.command_line = found->values;
  arguments.task_root = file.folder;
  return {};
}

Decided<void> take_environment(Arguments& arguments, const ConfigFile& file, const Section& section) {
  for (const Entry& entry : section.entries) {
    if (entry.kind == Kind::list) return wrong_kind(file, entry, "one value: variables are texts", "\"...\"");
    arguments.project_environment.push_back({entry.key, entry.values.front(), file.place(entry.line)});
  }
  return {};
}

Decided<void> check_sections(const ConfigFile& file) {
  for (const Section& section : file.sections) {
    if (std::ranges::find(kSections, section.name) != std::end(kSections)) continue;
    if (section.name.empty()) {
      const Entry& entry = section.entries.front();
      return refuse(kUsage, file.place(entry.line) + ": " + entry.key + " stands in no section",
                    "keys belong below [run], [invoke] or [env]", "[run]");
    }
    auto meant = nearest(section.name, {std::begin(kSections), std::end(kSections)});
    return refuse(kUsage, file.place(section.line) + ": unknown section [" + section.name + "]",
                  did_you_mean(meant) + "There are [run], [invoke] and [env]", "mayfly run --show-config");
  }
  return {};
}

Decided<void> add_project(Arguments& arguments, const fs::path& path, const fs::path& current_folder) {
  auto file = read_config(path, current_folder);
  if (!file) return unexpected(file.error());
  arguments.project_file = file->name;
  arguments.project_path = (current_folder / path).lexically_normal();
  return add_project_file(arguments, *file);
}

}  // namespace

Decided<void> add_project_file(Arguments& arguments, const ConfigFile& file) {
  if (auto known = check_sections(file); !known) return known;
  auto section_named = [&](std::string_view name) {
    auto found = std::ranges::find(file.sections, name, &Section::name);
    return found == file.sections.end() ? nullptr : &*found;
  };
  Layer layer(arguments, file);
  // All of the file is read for every command: a mistake is told where it is made.
  if (const Section* invoke = section_named("invoke")) {
    auto holds = [&](std::size_t) { return arguments.command == kInvoke; };
    if (auto taken = layer.take(*invoke, kInvoke, holds); !taken) return taken;
  }
  if (const Section* run = section_named("run")) {
    auto holds = [&](std::size_t row) {
      return arguments.command == kRun || (arguments.has_command_line && describes_function(row));
    };
    if (auto taken = layer.take(*run, kRun, holds); !taken) return taken;
    if (auto taken = take_command(arguments, file, *run); !taken) return taken;
  }
  if (const Section* env = section_named("env")) return take_environment(arguments, file, *env);
  return {};
}

Decided<void> add_user_file(Arguments& arguments, const ConfigFile& file) {
  for (const Section& section : file.sections) {
    for (const Entry& entry : section.entries) {
      if (section.name.empty() && std::ranges::find(kLooks, entry.key) != std::end(kLooks)) continue;
      return refuse(kUsage, file.place(entry.line) + ": unknown key \"" + entry.key + "\"",
                    "this file may hold only looks: color, view, ascii. A project's settings are in its mayfly.toml",
                    "color = \"never\"");
    }
    auto holds = [&](std::size_t row) { return (kOptions[row].commands & arguments.command) != 0; };
    if (auto taken = Layer(arguments, file).take(section, kAnyCommand, holds); !taken) return taken;
  }
  return {};
}

Decided<void> add_config_files(Arguments& arguments, const Variables& variables, const fs::path& current_folder) {
  if (arguments.help || !(arguments.command & kEnvironmentCommands)) return {};
  if (arguments.given("no-config")) {
    if (!arguments.asked("config") || !arguments.asked("no-config")) return {};
    return refuse(kUsage, "either --config or --no-config, not both", "", "--config FILE");
  }
  if (arguments.given("config")) {
    auto added = add_project(arguments, arguments.text("config"), current_folder);
    if (!added) return added;
  } else {
    auto found = find_project_file(current_folder, variables);
    if (!found) return unexpected(found.error());
    if (*found) {
      if (auto added = add_project(arguments, **found, current_folder); !added) return added;
    }
  }
  if (auto user_file = find_user_file(variables)) {
    auto file = read_config(*user_file, current_folder);
    if (!file) return unexpected(file.error());
    return add_user_file(arguments, *file);
  }
  return {};
}

Decided<Arguments> read_arguments(const std::vector<std::string>& words, const Variables& variables) {
  auto arguments = parse_arguments(words, variables);
  if (!arguments) return arguments;
  std::error_code error;
  auto folder = fs::current_path(error);
  if (error) return arguments;  // said by who needs the folder
  if (auto added = add_config_files(*arguments, variables, folder); !added) return unexpected(added.error());
  return arguments;
}

}  // namespace mayfly::emulator::cli
