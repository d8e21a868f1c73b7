#include "emulator/cli/help.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <regex>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

#include "emulator/cli/completion.h"
#include "emulator/cli/config_layers.h"
#include "emulator/cli/man_page.h"
#include "golden.h"

namespace mayfly::emulator::cli {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::set<std::string> found(const std::string& text, const std::regex& pattern) {
  std::set<std::string> names;
  for (std::sregex_iterator at(text.begin(), text.end(), pattern), end; at != end; ++at) {
    std::string name = (*at)[1];
    std::erase(name, '\\');
    names.insert(name);
  }
  return names;
}

// From `begin` to the next `end` behind it.
std::string part(const std::string& text, const std::string& begin, const std::string& end) {
  auto from = text.find(begin);
  REQUIRE_MESSAGE(from != text.npos, begin);
  return text.substr(from, text.find(end, from + begin.size()) - from);
}

// As a shell splits them; quotes are single ones here.
std::vector<std::string> words_of(const std::string& line) {
  std::vector<std::string> words;
  bool quoted = false, inside = false;
  for (char c : line) {
    if (c == '\'') {
      quoted = !quoted;
      if (!std::exchange(inside, true)) words.emplace_back();
    } else if (c == ' ' && !quoted) {
      inside = false;
    } else {
      if (!std::exchange(inside, true)) words.emplace_back();
      words.back() += c;
    }
  }
  return words;
}

}  // namespace

TEST_CASE("mayfly --help is one screen") {
  auto lines = lines_of(help_text(kNoCommand, 80));
  CHECK(lines.size() <= 24);
  for (const std::string& line : lines) CHECK_MESSAGE(line.size() <= 80, line);
}

TEST_CASE("the help of each command fits 80 columns, and narrow terminals too") {
  for (const Command& command : kCommands) {
    for (int width : {80, 120}) {
      for (const std::string& line : lines_of(help_text(command.bit, width))) {
        CHECK_MESSAGE(line.size() <= static_cast<std::size_t>(width), line);
      }
    }
  }
}

TEST_CASE("at 80 columns the help of run has one line for each option") {
  auto lines = lines_of(help_text(kRun, 80));
  for (const Option& option : kOptions) {
    if (!(option.commands & kRun) || option.help.empty()) continue;
    bool is_there = std::ranges::any_of(lines, [&](const std::string& line) {
      return line.find("--" + std::string(option.name)) != line.npos && line.find(option.help) != line.npos;
    });
    CHECK_MESSAGE(is_there, option.name);
  }
}

TEST_CASE("the help of invoke reads as it was drawn") {
  auto text = help_text(kInvoke, 80);
  CHECK(text == test::golden("help_invoke", text));
}

TEST_CASE("help, manual pages and the three completions know the same options") {
  for (CommandSet command : {kRun, kInvoke}) {
    std::string word = command == kRun ? "run" : "invoke";
    std::set<std::string> all, listed;
    for (const Option& option : kOptions) {
      if (!(option.commands & command)) continue;
      all.insert(std::string(option.name));
      if (!option.help.empty()) listed.insert(std::string(option.name));
    }
    auto titles = std::regex("\\.TP\n(?:\\\\fB\\\\-.\\\\fR, )?\\\\fB\\\\-\\\\-((?:[a-z]|\\\\-)+)\\\\fR");
    CHECK(found(man_page(word), titles) == all);
    CHECK(found(part(completion_script("bash"), "    " + word + ") COMPREPLY", "\n"), std::regex("--([a-z-]{2,})")) ==
          listed);
    CHECK(found(part(completion_script("zsh"), "    " + word + ")\n", ";;"), std::regex("'\\*?--([a-z-]+)\\[")) ==
          listed);
    std::string fish;
    for (const std::string& line : lines_of(completion_script("fish"))) {
      if (line.find("from " + word + "'") != line.npos) fish += line + "\n";
    }
    CHECK(found(fish, std::regex(" -l ([a-z-]+)")) == listed);
    std::set<std::string> helped = found(help_text(command, 120), std::regex("\n  (?:-.,|   ) --([a-z-]+)"));
    if (command == kRun) CHECK(helped == listed);
    for (const std::string& name : helped) CHECK_MESSAGE(listed.contains(name), name);
    // The file has every option but those that are about one run.
    auto keys = found(part(man_page("mayfly.toml"), ".SS [" + word + "]", "\n.S"),
                      std::regex("\\\\fB((?:[a-z]|\\\\-)+)\\\\fR = "));
    for (const std::string& name : all) {
      const Option& option = kOptions[*row_of(name)];
      bool in_file = !option.only_when_asked && name != "config" && name != "no-config";
      CHECK_MESSAGE(keys.contains(name) == in_file, name);
    }
  }
  CHECK(completion_script("tcsh").empty());
  CHECK(man_page("rnu").empty());
}

TEST_CASE("every example can be typed") {
  int seen = 0;
  for (CommandSet command : {kNoCommand, kRun, kInvoke}) {
    for (const std::string& line : lines_of(std::string(examples_of(command)))) {
      auto words = words_of(line);
      REQUIRE(words.size() > 1);
      CHECK(words.front() == "mayfly");
      words.erase(words.begin());
      CHECK_MESSAGE(parse_arguments(words, {}).has_value(), line);
      ++seen;
    }
  }
  CHECK(seen > 10);
  // Those of the front page are the ones it shows.
  for (const std::string& line : lines_of(std::string(examples_of(kNoCommand))))
    CHECK_MESSAGE(help_text(kNoCommand, 80).find(line) != std::string::npos, line);
  // And the file that its manual page shows is one.
  std::string file = part(man_page("mayfly.toml"), ".nf\n", ".fi");
  std::string text;
  for (std::size_t i = 4; i < file.size(); ++i) {
    if (file[i] != '\\') text += file[i];
  }
  auto config = parse_config(text, "mayfly.toml", "/project");
  REQUIRE(config.has_value());
  auto arguments = parse_arguments({"run"}, {});
  CHECK(add_project_file(*arguments, *config).has_value());
  CHECK(arguments->number("timeout") == 10);
}

}  // namespace mayfly::emulator::cli
