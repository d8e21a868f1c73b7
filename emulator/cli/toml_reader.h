// Reads TOML [A] as far as settings need it: sections and keys, and as values
// texts in all four kinds of quotes, whole decimal numbers, true, false and lists
// of texts and numbers. Everything else of TOML (dates, fractions, tables inside
// of sections) is told apart from what is no TOML.
//
// Written by hand: the parser that Debian 12 has, toml++ 3.3.0, runs into
// __builtin_unreachable() at characters such as U+FECA, and its assertions fail
// for "[;"; our fuzzing found both within a minute. Where keys are options, little
// of TOML is left to need it for.
//
// [A] https://toml.io/en/v1.0.0

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/failure.h"

namespace mayfly::emulator::cli {

struct TomlEntry {
  enum class Kind { text, number, flag, list, other };  // other: TOML, but no setting
  std::string key;
  Kind kind = Kind::text;
  std::vector<std::string> values;  // flag: "true" or "false"; list: maybe none; other: none; else one
  int line = 0;
};

struct TomlSection {
  std::string name;  // empty: keys before any section; "a.b" of [a.b]
  int line = 0;
  std::vector<TomlEntry> entries;
};

struct TomlFault {
  int line = 0, column = 0;  // from 1; columns in characters
  std::string message;
};

// Sections and keys in the order of their lines; each occurs once.
expected<std::vector<TomlSection>, TomlFault> read_toml(std::string_view text);

}  // namespace mayfly::emulator::cli
