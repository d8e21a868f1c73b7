#include "emulator/cli/man_page.h"

#include <algorithm>

#include "core/split.h"
#include "emulator/cli/help.h"
#include "emulator/cli/option_table.h"
#include "emulator/cli/setting.h"

namespace mayfly::emulator::cli {
namespace {

constexpr ManPage kPages[] = {
    {"mayfly", 1, ""},
    {"mayfly-run", 1, "run"},
    {"mayfly-invoke", 1, "invoke"},
    {"mayfly-completion", 1, "completion"},
    {"mayfly.toml", 5, "mayfly.toml"},
};

constexpr std::string_view kSummary = "the Lambda execution environment, on your machine";

constexpr std::string_view kExitStatus = R"(.SH EXIT STATUS
.TP
0
Done, or stopped as asked.
.TP
1
The function failed (run: only with \-\-fail\-on).
.TP
2
Usage or configuration.
.TP
3
Cannot listen or connect.
.TP
4
The Invoke API refused the call.
.TP
5
The function cannot be started.
.TP
70
A defect of mayfly.
.TP
130, 143
Interrupted.
)";

constexpr std::string_view kPrecedence = R"(.SH CONFIGURATION
What decides, from the strongest to the weakest: an option; its variable
MAYFLY_<OPTION>, in capitals and with _ for \-; the variables that other tools
know; the project file, see
.BR mayfly.toml (5);
the user's file; the default.
.B \-\-show\-config
prints every setting with its value and who gave it.
)";

constexpr std::string_view kRunSignals = R"(.SH SIGNALS
.TP
SIGINT, SIGTERM
The first one takes no more calls and ends environments within Lambda's budgets, the second kills.
.TP
SIGUSR1
Prints a line for each environment on standard error: state, call, age, memory.
)";

constexpr std::string_view kFront = R"(.SH DESCRIPTION
.B mayfly run
runs a function's program with its extensions as Lambda does, and takes calls from
any client of the Invoke API.
.B mayfly invoke
calls it, or starts a program, calls it and stops it.
No AWS account, no container and no network is needed.
)";

constexpr std::string_view kFile = R"(.SH DESCRIPTION
The settings of a project. It is the file that \-\-config or MAYFLY_CONFIG name,
else the first mayfly.toml from the current folder upwards; a folder with .git,
the home folder and the top of a file system are the last ones looked into.
\-\-no\-config reads no file.
.PP
It is TOML. Keys are the long options. Flags are true or false, options that may be
given several times take lists. Paths are seen from the folder of the file.
An option, and its variable, win over the file.
.SH EXAMPLE
.nf
[run]
command = ["./build/orders", "\-\-fast"]
timeout = 10
memory = 256
env\-file = ["local.env"]
watch = true

[invoke]
event = "events/order.json"

[env]
TABLE = "orders\-dev"
.fi
.SH SECTIONS
.TP
.B [run]
Of mayfly run. What describes the function and its environment also holds for a
program that mayfly invoke starts.
.TP
.B [invoke]
Of mayfly invoke.
.TP
.B [env]
Variables of the function. \-\-env wins over \-\-env\-file, that over these.
)";

constexpr std::string_view kUserFile = R"(.SH FILES
.TP
.I $XDG_CONFIG_HOME/mayfly/config.toml
Else ~/.config/mayfly/config.toml: the user's looks, in no section: color, view, ascii. Nothing else, so that a
project runs alike for everyone.
)";

// A backslash, a dash and a leading dot would be read as roff.
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

std::string in_bold(std::string_view text) { return "\\fB" + roff(text) + "\\fR"; }

std::string as_sentence(std::string_view text) {
  std::string out = roff(text) + ".";
  if (out[0] >= 'a' && out[0] <= 'z') out[0] = static_cast<char>(out[0] - 'a' + 'A');
  return out;
}

std::string sentence_of(const Option& option) {
  std::string out;
  if (!option.stands_for.empty()) {
    out = "The same as " + in_bold("--" + std::string(option.stands_for));
    if (!option.prefix.empty()) out += " " + roff(option.prefix) + "VALUE";
    if (!option.choices.empty()) out += " for " + std::string(option.choices.substr(0, option.choices.find('|')));
    return out + ".\n";
  }
  if (!option.help.empty()) out = as_sentence(option.help) + "\n";
  if (option.low != option.high) {
    out += "From " + std::to_string(option.low) + " to " + std::to_string(option.high) + " " +
           std::string(option.unit) + ".\n";
  }
  if (!option.choices.empty()) {
    std::string list;
    for (auto choice : core::split(option.choices, '|')) list += (list.empty() ? "" : ", ") + std::string(choice);
    out += "One of " + roff(list) + ".\n";
  }
  if (!option.initial.empty()) out += "Default: " + roff(option.initial) + ".\n";
  if (option.many) out += "May be given several times.\n";
  return out;
}

void append_option(std::string& out, const Option& option) {
  out += ".TP\n";
  if (option.letter) out += "\\fB\\-" + std::string(1, option.letter) + "\\fR, ";
  out += in_bold("--" + std::string(option.name));
  if (!option.takes.empty()) out += " \\fI" + roff(option.takes) + "\\fR";
  out += "\n" + sentence_of(option);
  for (auto alias : core::split(option.aliases, ' ')) out += "Also " + in_bold("--" + std::string(alias)) + ".\n";
  if (option.only_when_asked) return;
  out += "Variable: " + variable_of(option);
  for (auto variable : core::split(option.variables, ' ')) out += ", " + std::string(variable);
  out += ".\n";
}

void append_key(std::string& out, const Option& option) {
  out += ".TP\n" + in_bold(option.name) + " = ";
  bool number = option.low != option.high;
  std::string value = option.takes.empty() ? "true"
                      : number             ? std::string(option.takes)
                                           : "\"" + std::string(option.takes) + "\"";
  out += roff(option.many || option.is_list ? "[" + value + ", ...]" : value) + "\n" + sentence_of(option);
}

void append_keys(std::string& out, std::string_view section, unsigned command) {
  out += ".SS [" + std::string(section) + "]\n";
  if (command == kRun) {
    out +=
        ".TP\n\\fBcommand\\fR = [\"PROGRAM\", \"ARGUMENT\", ...]\n"
        "The program of the function, which runs in the folder of the file. What follows \\-\\- wins.\n";
  }
  for (const Option& option : kOptions) {
    bool in_file = !option.only_when_asked && option.name != "config" && option.name != "no-config";
    if (in_file && (option.commands & command)) append_key(out, option);
  }
}

void append_see_also(std::string& out, const ManPage& self) {
  out += ".SH SEE ALSO\n";
  std::string list;
  for (const ManPage& page : kPages) {
    if (page.name == self.name) continue;
    list += (list.empty() ? "" : " ,\n") + std::string(".BR ") + roff(page.name) + " (" + std::to_string(page.section) +
            ")";
  }
  out += list + "\n";
}

std::string heading(const ManPage& page, std::string_view summary) {
  return ".TH " + roff(page.name) + " " + std::to_string(page.section) + " \"\" \"mayfly " MAYFLY_VERSION "\"\n" +
         ".SH NAME\n" + roff(page.name) + " \\- " + roff(summary) + "\n";
}

std::string page_of_file(const ManPage& page) {
  std::string out = heading(page, "settings of a project for mayfly");
  out += kFile;
  out += ".SH KEYS\n";
  append_keys(out, "run", kRun);
  append_keys(out, "invoke", kInvoke);
  out += kUserFile;
  append_see_also(out, page);
  return out;
}

std::string page_of_command(const ManPage& page, const Command* command) {
  std::string out = heading(page, command ? command->help : kSummary);
  out += ".SH SYNOPSIS\n" + roff(command ? command->usage : "mayfly COMMAND [OPTIONS]") + "\n";
  if (!command) {
    out += kFront;
    out += ".SH COMMANDS\n";
    for (const Command& listed : kCommands) {
      if (!listed.help.empty()) out += ".TP\n" + in_bold(listed.name) + "\n" + as_sentence(listed.help) + "\n";
    }
  }
  unsigned bit = command ? command->bit : kNoCommand;
  if (auto examples = examples_of(command ? command->bit : kNoCommand); !examples.empty())
    out += ".SH EXAMPLES\n.nf\n" + roff(examples) + ".fi\n";
  out += ".SH OPTIONS\n";
  for (const Option& option : kOptions) {
    if (option.commands & bit) append_option(out, option);
  }
  if (!command || (bit & kEnvironmentCommands)) out += kPrecedence;
  if (bit == kRun) out += kRunSignals;
  out += kExitStatus;
  append_see_also(out, page);
  return out;
}

}  // namespace

std::span<const ManPage> man_pages() { return kPages; }

std::string man_page(std::string_view word) {
  auto page = std::ranges::find(kPages, word, &ManPage::word);
  if (page == std::end(kPages)) return {};
  if (page->section == 5) return page_of_file(*page);
  auto command = std::ranges::find(kCommands, word, &Command::name);
  return page_of_command(*page, command == std::end(kCommands) ? nullptr : command);
}

}  // namespace mayfly::emulator::cli
