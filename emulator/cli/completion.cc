#include "emulator/cli/completion.h"

#include <algorithm>

#include "emulator/cli/option_table.h"
#include "emulator/cli/setting.h"

namespace mayfly::emulator::cli {
namespace {

std::string words_of(std::string_view list, char separator) {
  std::string out(list);
  std::ranges::replace(out, separator, ' ');
  return out;
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

// Of --payload @FILE people complete the file, too.
bool takes_file(const Option& option) { return is_path(option) || option.takes.find("FILE") != option.takes.npos; }

// The value of the option before the cursor: its choices, or files.
std::string bash_completion() {
  std::string out =
      "_mayfly() {\n  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} word command=\n"
      "  COMPREPLY=()\n  case $prev in\n";
  for (const Option& option : kOptions) {
    if (option.takes.empty() || option.help.empty()) continue;
    out += "    --" + std::string(option.name) + (option.letter ? std::string("|-") + option.letter : "") + ") ";
    if (!option.choices.empty()) {
      out += "COMPREPLY=($(compgen -W '" + words_of(option.choices, '|') + "' -- \"$cur\")); ";
    } else if (takes_file(option)) {
      out += "COMPREPLY=($(compgen -f -- \"$cur\")); ";
    }
    out += "return ;;\n";
  }
  out +=
      "  esac\n  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n    case $word in\n"
      "      --) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n";
  for (const Command& command : kCommands) {
    if (!command.help.empty()) out += "      " + std::string(command.name) + ") command=$word ;;\n";
  }
  out += "      help) command=help; break ;;\n    esac\n  done\n  case $command in\n";
  for (const Command& command : kCommands) {
    if (command.help.empty()) continue;
    std::string words = command.bit == kCompletion ? "bash zsh fish" : option_words(command.bit);
    out += "    " + std::string(command.name) + ") COMPREPLY=($(compgen -W '" + words + "' -- \"$cur\")) ;;\n";
  }
  out += "    help) COMPREPLY=($(compgen -W '" + command_words() + "' -- \"$cur\")) ;;\n";
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
      std::string action = option.takes.empty()      ? ""
                           : !option.choices.empty() ? ":value:(" + words_of(option.choices, '|') + ")"
                           : takes_file(option)      ? ":" + zsh_quoted(option.takes) + ":_files"
                                                     : ":" + zsh_quoted(option.takes) + ": ";
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
      if (!option.choices.empty()) {
        out += " -f -a " + quoted(words_of(option.choices, '|'));
      } else if (!option.takes.empty() && !takes_file(option)) {
        out += " -f";
      }
      out += " -d " + quoted(option.help) + "\n";
    }
  }
  out += "complete -c mayfly -n __fish_use_subcommand -f -a help -d 'how a command is used'\n";
  out += "complete -c mayfly -n '__fish_seen_subcommand_from help' -f -a '" + command_words() + "'\n";
  return out + "complete -c mayfly -n '__fish_seen_subcommand_from completion' -f -a 'bash zsh fish'\n";
}

}  // namespace

std::string completion_script(std::string_view shell) {
  if (shell == "bash") return bash_completion();
  if (shell == "zsh") return zsh_completion();
  if (shell == "fish") return fish_completion();
  return {};
}

}  // namespace mayfly::emulator::cli
