#include "emulator/cli/config_file.h"

#include <sys/stat.h>
#include <unistd.h>

#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include <algorithm>

#include "emulator/cli/text_file.h"

namespace mayfly::emulator::cli {
namespace {

namespace fs = std::filesystem;
using Kind = ConfigFile::Kind;

constexpr std::string_view kProjectFile = "mayfly.toml";

int line_of(const toml::node& node) { return static_cast<int>(node.source().begin.line); }
int line_of(const toml::key& key) { return static_cast<int>(key.source().begin.line); }

// Text, a number or a flag; false for everything else.
bool read_scalar(const toml::node& node, Kind& kind, std::string& out) {
  if (auto text = node.as_string()) {
    kind = Kind::text;
    out = text->get();
  } else if (auto number = node.as_integer()) {
    kind = Kind::number;
    out = std::to_string(number->get());
  } else if (auto flag = node.as_boolean()) {
    kind = Kind::flag;
    out = flag->get() ? "true" : "false";
  } else {
    return false;
  }
  return true;
}

unexpected<Refusal> no_setting(const ConfigFile& file, const toml::key& key) {
  return refuse(kUsage, file.place(line_of(key)) + ": the value of " + std::string(key.str()) + " is no setting",
                "values are texts, whole numbers, true, false, or a list of texts",
                std::string(key.str()) + " = \"...\"");
}

Decided<ConfigFile::Entry> read_entry(const ConfigFile& file, const toml::key& key, const toml::node& value) {
  ConfigFile::Entry entry{std::string(key.str()), Kind::list, {}, line_of(key)};
  if (auto list = value.as_array()) {
    for (const toml::node& one : *list) {
      Kind kind{};
      if (!read_scalar(one, kind, entry.values.emplace_back()) || kind == Kind::flag) return no_setting(file, key);
    }
  } else if (!read_scalar(value, entry.kind, entry.values.emplace_back())) {
    return no_setting(file, key);
  }
  for (const std::string& one : entry.values) {
    if (one.find('\0') == one.npos) continue;
    return refuse(kUsage, file.place(entry.line) + ": the value of " + entry.key + " has a NUL byte",
                  "no process can be given one", "");
  }
  return entry;
}

void sort_by_line(ConfigFile& file) {
  for (auto& section : file.sections) std::ranges::stable_sort(section.entries, {}, &ConfigFile::Entry::line);
  std::ranges::stable_sort(file.sections, {}, &ConfigFile::Section::line);
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
  auto parsed = toml::parse(text, file.name);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    return refuse(kUsage,
                  file.place(static_cast<int>(error.source().begin.line)) + ": this is not TOML, column " +
                      std::to_string(error.source().begin.column),
                  std::string(error.description()), "timeout = 10   in a section [run]");
  }
  ConfigFile::Section top;
  for (auto&& [key, value] : parsed.table()) {
    const toml::table* table = value.as_table();
    if (!table) {
      auto entry = read_entry(file, key, value);
      if (!entry) return unexpected(entry.error());
      top.entries.push_back(std::move(*entry));
      continue;
    }
    // The first line of a section that only its subsections have made is theirs.
    ConfigFile::Section section{std::string(key.str()), std::max(line_of(*table), line_of(key)), {}};
    for (auto&& [inner_key, inner] : *table) {
      auto entry = read_entry(file, inner_key, inner);
      if (!entry) return unexpected(entry.error());
      section.entries.push_back(std::move(*entry));
    }
    file.sections.push_back(std::move(section));
  }
  if (!top.entries.empty()) file.sections.push_back(std::move(top));
  sort_by_line(file);
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
