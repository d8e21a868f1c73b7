// mayfly.toml, and config.toml with the user's looks: found, read, and taken
// apart into sections of keys with their lines. What a key means is decided by
// whoever knows the options (config_layers.h).

#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/cli/message.h"
#include "emulator/cli/toml_reader.h"
#include "emulator/cli/variables.h"

namespace mayfly::emulator::cli {

struct ConfigFile {
  using Kind = TomlEntry::Kind;  // never other
  using Entry = TomlEntry;
  using Section = TomlSection;

  std::string name;              // for messages: "mayfly.toml", "../mayfly.toml"
  std::filesystem::path folder;  // absolute: what paths in it are relative to
  std::vector<Section> sections;

  // "mayfly.toml:7".
  std::string place(int line) const { return name + ":" + std::to_string(line); }
};

// Errors: kUsage, with the line: not TOML, values of other kinds
// (dates, tables), text with NUL bytes.
Decided<ConfigFile> parse_config(std::string_view text, std::string name, std::filesystem::path folder);

// The same of a file. Errors: also what read_text_file() says.
Decided<ConfigFile> read_config(const std::filesystem::path& file, const std::filesystem::path& current_folder);

// The first mayfly.toml from `from` (absolute) upwards; the last folder looked
// into is one with .git, $HOME, or the top of its file system. Errors: kUsage
// for one above `from` that belongs to another user than us and root: it says
// which programs run, and everybody may write into /tmp.
Decided<std::optional<std::filesystem::path>> find_project_file(const std::filesystem::path& from,
                                                                const Variables& variables);

// $XDG_CONFIG_HOME/mayfly/config.toml, else ~/.config/mayfly/config.toml; nothing
// when there is none.
std::optional<std::filesystem::path> find_user_file(const Variables& variables);

}  // namespace mayfly::emulator::cli
