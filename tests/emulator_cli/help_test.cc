#include "emulator/cli/help.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>
#include <vector>

#include "golden.h"

namespace mayfly::emulator::cli {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
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
    bool found = std::ranges::any_of(lines, [&](const std::string& line) {
      return line.find("--" + std::string(option.name)) != line.npos && line.find(option.help) != line.npos;
    });
    CHECK_MESSAGE(found, option.name);
  }
}

TEST_CASE("the help of invoke reads as it was drawn") {
  auto text = help_text(kInvoke, 80);
  CHECK(text == test::golden("help_invoke", text));
}

TEST_CASE("completion and man page know every option that the help lists") {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    auto script = completion_script(shell);
    REQUIRE_FALSE(script.empty());
    for (const Option& option : kOptions) {
      if (!option.help.empty() && option.commands & kRun)
        CHECK_MESSAGE(script.find(option.name) != script.npos, option.name);
    }
  }
  CHECK(completion_script("tcsh").empty());
  auto page = man_page(kInvoke);
  for (const Option& option : kOptions) {
    std::string name(option.name);
    for (auto at = name.find('-'); at != name.npos; at = name.find('-', at + 2)) name.insert(at, "\\");
    if (option.commands & kInvoke) CHECK_MESSAGE(page.find(name) != page.npos, option.name);
  }
}

}  // namespace mayfly::emulator::cli
