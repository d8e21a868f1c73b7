#include "emulator/cli/help.h"

#include <algorithm>
#include <vector>

#include "emulator/cli/options.h"

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

// Words of `text` from column `indent` on; the first line is there already.
void wrap(std::string& out, std::string_view text, int indent, int width) {
  int column = indent;
  while (!text.empty()) {
    auto end = std::min(text.find(' ', text.find_first_not_of(' ')), text.size());
    auto word = text.substr(0, end);
    if (column > indent && column + static_cast<int>(word.size()) > width) {
      out += '\n';
      out.append(static_cast<std::size_t>(indent), ' ');
      column = indent;
      word.remove_prefix(std::min(word.find_first_not_of(' '), word.size()));
    }
    out += word;
    column += static_cast<int>(word.size());
    text.remove_prefix(end);
  }
  out += '\n';
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
      wrap(out, explained(option), static_cast<int>(widest) + 4, width);
    }
  }
}

// A backslash or a leading dot would be read as roff.
std::string roff(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n'))
      out += std::string("\\&") + c;
    else
      out += c;
  }
  return out;
}

std::string words_of(std::string_view list, char separator) {
  std::string out(list);
  std::ranges::replace(out, separator, ' ');
  return out;
}

void append_man_option(std::string& out, const Option& option) {
  out += ".TP\n.B " + roff(option.letter ? std::string("-") + option.letter + ", --" : std::string("--")) +
         roff(option.name);
  if (!option.takes.empty()) out += " " + roff(option.takes);
  out += "\n";
  if (!option.stands_for.empty()) {
    out += "The same as " + roff("--" + std::string(option.stands_for));
    if (!option.prefix.empty()) out += " " + roff(option.prefix) + "VALUE";
    if (!option.choices.empty()) out += " for " + std::string(option.choices.substr(0, option.choices.find('|')));
    out += ".\n";
  } else if (!option.help.empty()) {
    out += roff(explained(option)) + ".\n";
  } else {
    out += roff("Default: " + std::string(option.initial)) + ".\n";
  }
  if (!option.aliases.empty()) out += "Also: " + roff("--" + std::string(option.aliases)) + ".\n";
  if (!option.only_when_asked && option.stands_for.empty()) {
    out += "Variables: " + variable_of(option);
    if (!option.variables.empty()) out += " " + std::string(option.variables);
    out += ".\n";
  }
}

std::string option_words(unsigned command) {
  std::string out;
  for (const Option& option : kOptions) {
    if ((option.commands & command) && !option.help.empty()) out += " --" + std::string(option.name);
  }
  return out.empty() ? out : out.substr(1);
}

std::string command_words() {
  std::string out;
  for (const Command& command : kCommands) {
    if (!command.help.empty()) out += std::string(command.name) + " ";
  }
  return out + "help";
}

// The value of the option before the cursor: its choices, else files.
std::string bash_completion() {
  std::string out =
      "_mayfly() {\n  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} word command=\n"
      "  COMPREPLY=()\n  case $prev in\n";
  for (const Option& option : kOptions) {
    if (option.takes.empty() || option.help.empty()) continue;
    out += "    --" + std::string(option.name) + (option.letter ? std::string("|-") + option.letter : "") + ") ";
    out += option.choices.empty() ? "COMPREPLY=($(compgen -f -- \"$cur\"))"
                                  : "COMPREPLY=($(compgen -W '" + words_of(option.choices, '|') + "' -- \"$cur\"))";
    out += "; return ;;\n";
  }
  out +=
      "  esac\n  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n    case $word in\n"
      "      --) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n";
  for (const Command& command : kCommands) {
    if (!command.help.empty()) out += "      " + std::string(command.name) + ") command=$word ;;\n";
  }
  out += "    esac\n  done\n  case $command in\n";
  for (const Command& command : kCommands) {
    if (command.help.empty()) continue;
    std::string words = command.bit == kCompletion ? "bash zsh fish" : option_words(command.bit);
    out += "    " + std::string(command.name) + ") COMPREPLY=($(compgen -W '" + words + "' -- \"$cur\")) ;;\n";
  }
  out += "    *) COMPREPLY=($(compgen -W '" + command_words() + " " + option_words(kNoCommand) +
         "' -- \"$cur\")) ;;\n  esac\n}\ncomplete -F _mayfly mayfly\n";
  return out;
}

std::string zsh_quoted(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\'')
      out += "'\\''";
    else if (c == '[' || c == ']' || c == ':')
      out += std::string("\\") + c;
    else
      out += c;
  }
  return out;
}

std::string zsh_completion() {
  std::string out = "#compdef mayfly\n_mayfly() {\n  local line state\n  _arguments -C '1:command:(" + command_words() +
                    ")' '*::argument:->rest'\n  [[ $state == rest ]] || return\n  case $line[1] in\n";
  for (const Command& command : kCommands) {
    if (command.help.empty()) continue;
    out += "    " + std::string(command.name) + ")\n      _arguments";
    if (command.bit == kCompletion) out += " '1:shell:(bash zsh fish)'";
    for (const Option& option : kOptions) {
      if (!(option.commands & command.bit) || option.help.empty()) continue;
      std::string action = option.takes.empty()     ? ""
                           : option.choices.empty() ? ":" + zsh_quoted(option.takes) + ":_files"
                                                    : ":value:(" + words_of(option.choices, '|') + ")";
      std::string many = option.many ? "*" : "";
      out += " \\\n        '" + many + "--" + std::string(option.name) + "[" + zsh_quoted(option.help) + "]" + action +
             "'";
    }
    out += " ;;\n";
  }
  // Read by zsh's autoload it completes at once; sourced, it registers.
  return out + "  esac\n}\nif [[ ${funcstack[1]} == _mayfly ]]; then _mayfly \"$@\"; else compdef _mayfly mayfly; fi\n";
}

std::string fish_completion() {
  auto quoted = [](std::string_view text) {
    std::string out = "'";
    for (char c : text) out += c == '\'' ? std::string("\\'") : std::string(1, c);
    return out + "'";
  };
  std::string out;
  for (const Command& command : kCommands) {
    if (command.help.empty()) continue;
    std::string name(command.name);
    out += "complete -c mayfly -n __fish_use_subcommand -f -a " + name + " -d " + quoted(command.help) + "\n";
    for (const Option& option : kOptions) {
      if (!(option.commands & command.bit) || option.help.empty()) continue;
      out += "complete -c mayfly -n '__fish_seen_subcommand_from " + name + "' -l " + std::string(option.name);
      if (option.letter) out += std::string(" -s ") + option.letter;
      if (!option.takes.empty()) out += " -r";
      if (!option.choices.empty()) out += " -f -a " + quoted(words_of(option.choices, '|'));
      out += " -d " + quoted(option.help) + "\n";
    }
  }
  return out + "complete -c mayfly -n '__fish_seen_subcommand_from completion' -f -a 'bash zsh fish'\n";
}

}  // namespace

std::string help_text(CommandSet command, int width) {
  const Command* row = row_of(command);
  if (!row) {
    std::string out(kFrontPage);
    out += "Commands   ";
    for (const Command& listed : kCommands) {
      if (!listed.help.empty()) out += std::string(listed.name) + "  ";
    }
    out +=
        "help\nOptions    --color auto|always|never   --version   --help\n"
        "Learn      mayfly help COMMAND\n";
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
    out += "\nAs variables: MAYFLY_TIMEOUT=10 is --timeout 10, and so on. The option wins.\n";
  }
  return out;
}

std::string man_page(CommandSet command) {
  const Command* row = row_of(command);
  std::string title = row ? "mayfly-" + std::string(row->name) : "mayfly";
  std::string out = ".TH " + title + " 1\n.SH NAME\n" + roff(title) + " \\- " +
                    roff(row ? row->help : "the Lambda execution environment, on your machine") + "\n.SH SYNOPSIS\n" +
                    roff(row ? row->usage : "mayfly COMMAND [OPTIONS]") + "\n";
  if (!row) {
    out += ".SH COMMANDS\n";
    for (const Command& listed : kCommands) {
      if (!listed.help.empty()) out += ".TP\n.B " + std::string(listed.name) + "\n" + roff(listed.help) + ".\n";
    }
  }
  if (command == kRun || command == kInvoke) {
    out += ".SH EXAMPLES\n.nf\n" + roff(command == kRun ? kRunExamples : kInvokeExamples) + ".fi\n";
  }
  out += ".SH OPTIONS\n";
  for (const Option& option : kOptions) {
    if (option.commands & command) append_man_option(out, option);
  }
  out +=
      ".SH EXIT STATUS\n.TP\n0\nDone, or stopped as asked.\n.TP\n1\nThe function failed (run: only with "
      "\\-\\-fail\\-on).\n"
      ".TP\n2\nUsage or configuration.\n.TP\n3\nCannot listen or connect.\n.TP\n4\nThe Invoke API refused the call.\n"
      ".TP\n5\nThe function cannot be started.\n.TP\n70\nA defect of mayfly.\n.TP\n130, 143\nInterrupted.\n";
  return out;
}

std::string completion_script(std::string_view shell) {
  if (shell == "bash") return bash_completion();
  if (shell == "zsh") return zsh_completion();
  if (shell == "fish") return fish_completion();
  return {};
}

}  // namespace mayfly::emulator::cli
