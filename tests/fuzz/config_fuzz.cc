// mayfly.toml: whatever stands in one, it is read or refused, and what is read
// of it is checked as words are.

#include <cstdint>
#include <string>

#include "emulator/cli/config_layers.h"
#include "tests/fuzz/check.h"

using namespace mayfly::emulator::cli;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(bytes), size);
  auto file = parse_config(text, "mayfly.toml", "/project");
  if (!file) {
    FUZZ_CHECK(file.error().code == kUsage && file.error().message.what.starts_with("mayfly.toml:"));
    return 0;
  }
  for (const auto& section : file->sections) {
    for (const auto& entry : section.entries) {
      FUZZ_CHECK(entry.line > 0 && entry.line >= section.line);
      FUZZ_CHECK(entry.kind == ConfigFile::Kind::list || entry.values.size() == 1);
    }
  }
  for (CommandSet command : {kRun, kInvoke}) {
    Arguments arguments;
    arguments.command = command;
    if (!add_project_file(arguments, *file)) continue;
    int timeout = arguments.number("timeout");
    FUZZ_CHECK(timeout >= 1 && timeout <= 900);
    FUZZ_CHECK(!arguments.has_command_line || (command == kRun && !arguments.command_line.front().empty()));
  }
  Arguments arguments;
  arguments.command = kRun;
  if (add_user_file(arguments, *file)) FUZZ_CHECK(!arguments.given("timeout"));
  return 0;
}
