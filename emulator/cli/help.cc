#include "emulator/cli/help.h"

#include <algorithm>
#include <vector>

#include "emulator/cli/options.h"
#include "emulator/cli/terminal.h"

namespace mayfly::emulator::cli {
namespace {

constexpr std::string_view kFrontPage = R"(mayfly: the Lambda execution environment, on your machine

  mayfly run                                run ./bootstrap, wait for calls
  mayfly run -- ./my-function --fast        run another program
  mayfly run --extensions ./extensions      with the extensions in that folder
  mayfly run --watch --url 8080             reload on change, answer HTTP
  mayfly invoke --payload '{"id":1}'        call it
  mayfly invoke -e event.json -- ./app      start, call once, stop (CI)

)";
constexpr std::string_view kFrontExamples = R"(  mayfly run
  mayfly run -- ./my-function --fast
  mayfly run --extensions ./extensions
  mayfly run --watch --url 8080
  mayfly invoke --payload '{"id":1}'
  mayfly invoke -e event.json -- ./app
)";

struct Heading {
  Group group;
  std::string_view text;
};
constexpr Heading kHeadings[] = {
    {Group::call, "What to send"}, {Group::program, "What to run"},     {Group::listen, "Where to listen"},
    {Group::limits, "Limits"},     {Group::environment, "Environment"}, {Group::extensions, "Extensions"},
    {Group::show, "What to show"}, {Group::testing, "Testing"},         {Group::general, "General"},
};

constexpr std::string_view kRunExamples = R"(  mayfly run
  mayfly run --timeout 10 --memory 1024 --env TABLE=orders -- ./orders
  mayfly run --extensions ./extensions --view timeline
)";
constexpr std::string_view kInvokeExamples = R"(  mayfly invoke --payload '{"name":"Ada"}'
  mayfly invoke orders -e event.json --tail
  mayfly invoke --repeat 10 -- ./bootstrap
)";

const Command* row_of(CommandSet command) {
  auto found = std::ranges::find(kCommands, command, &Command::bit);
  return found == std::end(kCommands) ? nullptr : found;
}

std::string spelled(const Option& option) {
  std::string out = option.letter ? std::string("-") + option.letter + ", " : "    ";
  out += "--" + std::string(option.name);
  if (!option.takes.empty()) out += " " + std::string(option.takes);
  if (option.many) out += "...";
  return out;
}

std::string explained(const Option& option) {
  std::string out(option.help);
  if (!option.initial.empty()) out += "  [" + std::string(option.initial) + "]";
  return out;
}

// `invoke` takes all that describes an environment too, but says so in a line.
bool is_listed(const Option& option, CommandSet command) {
  bool of_environment = option.group == Group::program || option.group == Group::limits ||
                        option.group == Group::environment || option.group == Group::extensions;
  return (option.commands & command) && !option.help.empty() &&
         !(command == kInvoke && of_environment && option.name != "unchecked");
}

void append_options(std::string& out, CommandSet command, int width) {
  std::size_t widest = 0;
  for (const Option& option : kOptions) {
    if (is_listed(option, command)) widest = std::max(widest, spelled(option).size());
  }
  for (const Heading& heading : kHeadings) {
    bool headed = false;
    for (const Option& option : kOptions) {
      if (option.group != heading.group || !is_listed(option, command)) continue;
      if (!headed) out += "\n" + std::string(heading.text) + "\n";
      headed = true;
      std::string name = spelled(option);
      name.resize(widest, ' ');
      out += "  " + name + "  ";
      out += wrapped(explained(option), static_cast<int>(widest) + 4, width) + "\n";
    }
  }
}

}  // namespace

std::string_view examples_of(CommandSet command) {
  return command == kRun         ? kRunExamples
         : command == kInvoke    ? kInvokeExamples
         : command == kNoCommand ? kFrontExamples
                                 : "";
}

std::string help_text(CommandSet command, int width) {
  const Command* row = row_of(command);
  if (!row) {
    std::string out(kFrontPage);
    out += "Commands   ";
    for (const Command& listed : kCommands) {
      if (!listed.help.empty()) out += std::string(listed.name) + "  ";
    }
    out +=
        "help\nOptions    --config FILE  --json  -q -v  --color auto|always|never  --version\n"
        "Learn      mayfly help COMMAND   man mayfly   issues: see mayfly --version\n";
    return out;
  }
  std::string out = std::string(row->usage) + "\n";
  if (!row->help.empty()) out += std::string(row->help) + "\n";
  if (command == kRun) out += "COMMAND is ./bootstrap unless given.\n\n" + std::string(kRunExamples);
  if (command == kInvoke) {
    out +=
        "With COMMAND it starts an environment of its own, calls, and stops it. For that\n"
        "it also takes what mayfly run --help lists for limits, variables, extensions.\n\n" +
        std::string(kInvokeExamples);
  }
  append_options(out, command, width);
  if (command & kEnvironmentCommands) {
    out +=
        "\nAs variables: MAYFLY_TIMEOUT=10 is --timeout 10, and so on; in mayfly.toml,\n"
        "[" +
        std::string(row->name) + "]: timeout = 10. The option wins, then the variable.\n";
  }
  return out;
}

}  // namespace mayfly::emulator::cli
