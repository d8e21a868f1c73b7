#include "emulator/cli/config_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "emulator/cli/text_file.h"

namespace mayfly::emulator::cli {
namespace {

namespace fs = std::filesystem;
using Kind = ConfigFile::Kind;

constexpr std::string_view kProjectFile = "mayfly.toml";

Decided<void> check_entry(const ConfigFile& file, const ConfigFile::Entry& entry) {
  if (entry.kind == Kind::other) {
    return refuse(kUsage, file.place(entry.line) + ": the value of " + entry.key + " is no setting",
                  "values are texts, whole numbers, true, false, or a list of texts", entry.key + " = \"...\"");
  }
  for (const std::string& one : entry.values) {
    if (one.find('\0') == one.npos) continue;
    return refuse(kUsage, file.place(entry.line) + ": the value of " + entry.key + " has a NUL byte",
                  "no process can be given one", "");
  }
  return {};
}

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

// As people would write it from here.
std::string shown(const fs::path& file, const fs::path& current_folder) {
  fs::path from_here = file.lexically_relative(current_folder);
  return from_here.empty() || from_here.native().size() > file.native().size() ? file.string() : from_here.string();
}

}  // namespace

Decided<ConfigFile> parse_config(std::string_view text, std::string name, fs::path folder) {
  ConfigFile file{std::move(name), std::move(folder), {}};
  auto sections = read_toml(text);
  if (!sections) {
    const TomlFault& fault = sections.error();
    return refuse(kUsage, file.place(fault.line) + ": this is not TOML, column " + std::to_string(fault.column),
                  fault.message, "timeout = 10   in a section [run]");
  }
  file.sections = std::move(*sections);
  for (const auto& section : file.sections) {
    for (const auto& entry : section.entries) {
      if (auto sound = check_entry(file, entry); !sound) return unexpected(sound.error());
    }
  }
  return file;
}

Decided<ConfigFile> read_config(const fs::path& path, const fs::path& current_folder) {
  fs::path file = (current_folder / path).lexically_normal();
  std::string name = shown(file, current_folder);
  auto text = read_text_file(file.string());
  if (!text) return unexpected(text.error());
  return parse_config(*text, name, file.parent_path());
}

Decided<std::optional<fs::path>> find_project_file(const fs::path& from, const Variables& variables) {
  auto home = variables.get("HOME");
  struct stat here {};
  if (stat(from.c_str(), &here) != 0) return std::nullopt;
  for (fs::path folder = from;; folder = folder.parent_path()) {
    struct stat status {};
    if (stat(folder.c_str(), &status) != 0 || status.st_dev != here.st_dev) return std::nullopt;
    fs::path file = folder / kProjectFile;
    struct stat found {};
    if (stat(file.c_str(), &found) == 0) {
      if (folder != from && found.st_uid != geteuid() && found.st_uid != 0) {
        return refuse(kUsage, file.string() + " belongs to another user",
                      "it was found above this folder, and says which programs run",
                      "--config " + file.string() + "   or: --no-config");
      }
      return file;
    }
    bool last = folder == folder.parent_path() || is_there(folder / ".git") || (home && folder == fs::path(*home));
    if (last) return std::nullopt;
  }
}

std::optional<fs::path> find_user_file(const Variables& variables) {
  auto base = variables.get("XDG_CONFIG_HOME"), home = variables.get("HOME");
  fs::path folder = base ? fs::path(*base) : home ? fs::path(*home) / ".config" : fs::path();
  fs::path file = folder / "mayfly" / "config.toml";
  // Relative ones are to be ignored (XDG Base Directory Specification).
  if (!folder.is_absolute() || !is_there(file)) return std::nullopt;
  return file;
}

}  // namespace mayfly::emulator::cli
