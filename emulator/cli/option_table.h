// Every option of every command, once. Parsing, variables, --help, completion,
// the man pages and the suggestions for typos are all read from this table, so
// that they cannot disagree.
//
// Names are those that people bring from other tools where these agree: SAM's
// -e and --event, the AWS CLI's --memory-size or --log-type Tail, cargo-lambda's
// --data-file. A letter means the same in all commands. -e is an event file, as
// in SAM, and never --env, as in docker.

#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace mayfly::emulator::cli {

enum CommandSet : unsigned {
  kNoCommand = 1,  // `mayfly` alone
  kRun = 2,
  kInvoke = 4,
  kCompletion = 8,
  kMan = 16,
};
inline constexpr unsigned kEnvironmentCommands = kRun | kInvoke;
inline constexpr unsigned kAnyCommand = kNoCommand | kRun | kInvoke | kCompletion | kMan;

struct Command {
  std::string_view name;
  CommandSet bit;
  std::string_view usage;
  std::string_view help;  // empty: works, but is not listed
};

inline constexpr Command kCommands[] = {
    {"run", kRun, "mayfly run [OPTIONS] [-- COMMAND...]", "run a function on this machine and wait for calls"},
    {"invoke", kInvoke, "mayfly invoke [NAME] [OPTIONS] [-- COMMAND...]", "call a function, print its answer"},
    {"completion", kCompletion, "mayfly completion bash|zsh|fish", "print a script that completes options"},
    {"man", kMan, "mayfly man [COMMAND]", ""},
};

// Headings of the help, in their order.
enum class Group { call, program, listen, limits, environment, extensions, show, testing, general };

struct Option {
  std::string_view name;          // without its dashes
  char letter = 0;                // 0: none
  std::string_view takes = {};    // what stands for the value in help; empty: a flag
  std::string_view initial = {};  // shown in brackets, used when nothing is given
  Group group = Group::general;
  unsigned commands = kAnyCommand;
  std::string_view help = {};        // empty: accepted and in the man page, but not in --help
  std::string_view aliases = {};     // other names, separated by spaces
  std::string_view variables = {};   // read after MAYFLY_<NAME>, separated by spaces
  std::string_view choices = {};     // the only values, separated by '|'
  int low = 0, high = 0;             // whole numbers in this range; equal: not a number
  std::string_view unit = {};        // of the number
  std::string_view member = {};      // what the service calls it, in whose words a number out of range is refused
  bool many = false;                 // may be given again and again; a variable has commas between
  bool is_list = false;              // one value with commas inside; a file may write a list
  std::string_view stands_for = {};  // another spelling of that option ...
  std::string_view prefix = {};      // ... with this before its value
  bool only_when_asked = false;      // has no variable of its own
};

// A table, a row an option:
// clang-format off

// An option that stands for a flag and has choices switches it on by the first
// of them; the others mean "off", which is where it stands anyway.
inline constexpr Option kOptions[] = {
    {.name = "payload", .takes = "JSON|@FILE|-", .initial = "{}", .group = Group::call, .commands = kInvoke,
     .help = "the event; - is standard input", .aliases = "data-ascii"},
    {.name = "event", .letter = 'e', .takes = "FILE", .group = Group::call, .commands = kInvoke,
     .help = "the same as --payload @FILE", .stands_for = "payload", .prefix = "@"},
    {.name = "data-file", .letter = 'F', .takes = "FILE", .group = Group::call, .commands = kInvoke,
     .stands_for = "payload", .prefix = "@"},
    {.name = "endpoint", .takes = "URL", .initial = "9000", .group = Group::call, .commands = kInvoke,
     .help = "of mayfly run; a port is enough", .aliases = "endpoint-url",
     .variables = "AWS_ENDPOINT_URL_LAMBDA MAYFLY_LISTEN"},
    {.name = "async", .group = Group::call, .commands = kInvoke, .help = "do not wait for the answer"},
    {.name = "invocation-type", .takes = "TYPE", .group = Group::call, .commands = kInvoke,
     .choices = "Event|RequestResponse", .stands_for = "async"},
    {.name = "stream", .group = Group::call, .commands = kInvoke,
     .help = "print a streamed answer's parts as they come"},
    {.name = "repeat", .takes = "N", .initial = "1", .group = Group::call, .commands = kInvoke,
     .help = "call N times, one after another", .low = 1, .high = 1'000'000, .unit = "calls"},
    {.name = "qualifier", .takes = "VERSION", .group = Group::call, .commands = kInvoke,
     .help = "a version or an alias"},
    {.name = "client-context", .takes = "JSON", .group = Group::call, .commands = kInvoke,
     .help = "handed over beside the event; @FILE reads it"},

    {.name = "name", .takes = "NAME", .group = Group::program, .commands = kEnvironmentCommands,
     .help = "the function's name; else it answers to any", .aliases = "function-name",
     .variables = "AWS_LAMBDA_FUNCTION_NAME"},
    {.name = "handler", .takes = "NAME", .group = Group::program, .commands = kEnvironmentCommands,
     .help = "what the function finds in _HANDLER", .variables = "AWS_LAMBDA_FUNCTION_HANDLER _HANDLER"},
    {.name = "function-version", .takes = "VERSION", .initial = "$LATEST", .group = Group::program,
     .commands = kEnvironmentCommands, .variables = "AWS_LAMBDA_FUNCTION_VERSION"},
    {.name = "unchecked", .group = Group::program, .commands = kEnvironmentCommands,
     .help = "no look at program and payload before the call"},

    {.name = "watch", .group = Group::program, .commands = kRun,
     .help = "start anew when the function's files change"},

    {.name = "listen", .takes = "[HOST:]PORT", .initial = "9000", .group = Group::listen, .commands = kRun,
     .help = "where calls come in; 0 is any free port"},
    {.name = "port", .letter = 'p', .takes = "PORT", .group = Group::listen, .commands = kRun,
     .help = "the same as --listen 127.0.0.1:PORT", .stands_for = "listen"},
    {.name = "url", .takes = "[HOST:]PORT", .group = Group::listen, .commands = kRun,
     .help = "the function answers HTTP; may be --listen's"},
    {.name = "auth-type", .takes = "TYPE", .initial = "NONE", .group = Group::listen, .commands = kRun,
     .help = "of the URL; or AWS_IAM", .choices = "NONE|AWS_IAM"},
    {.name = "invoke-mode", .takes = "MODE", .initial = "BUFFERED", .group = Group::listen, .commands = kRun,
     .help = "of the URL; or RESPONSE_STREAM", .choices = "BUFFERED|RESPONSE_STREAM"},
    {.name = "cors", .takes = "ORIGINS|JSON", .group = Group::listen, .commands = kRun,
     .help = "of the URL; JSON as the AWS CLI takes it"},
    {.name = "verify-signatures", .group = Group::listen, .commands = kRun,
     .help = "callers must sign with this shell's AWS_* keys"},
    {.name = "ready-file", .takes = "FILE", .group = Group::listen, .commands = kRun,
     .help = "gets the URL once calls can come in"},

    {.name = "timeout", .takes = "SECONDS", .initial = "3", .group = Group::limits, .commands = kEnvironmentCommands,
     .help = "a call that takes longer is ended", .variables = "AWS_LAMBDA_FUNCTION_TIMEOUT", .low = 1, .high = 900,
     .unit = "seconds", .member = "timeout"},
    {.name = "memory", .takes = "MB", .initial = "128", .group = Group::limits, .commands = kEnvironmentCommands,
     .help = "the limit, what the function is told and billed", .aliases = "memory-size",
     .variables = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", .low = 128, .high = 10'240, .unit = "MB",
     .member = "memorySize"},
    {.name = "max-environments", .takes = "N", .initial = "50", .group = Group::limits, .commands = kRun,
     .help = "calls at a time; further ones get a 429", .low = 1, .high = 1'000, .unit = "environments"},
    {.name = "max-concurrency", .takes = "N", .group = Group::limits, .commands = kRun,
     .help = "Managed Instances: N calls in one environment", .variables = "AWS_LAMBDA_MAX_CONCURRENCY", .low = 1,
     .high = 1'600, .unit = "calls"},
    {.name = "idle-timeout", .takes = "SECONDS", .initial = "600", .group = Group::limits, .commands = kRun,
     .help = "an environment without calls is ended", .low = 1, .high = 86'400, .unit = "seconds"},
    {.name = "max-age", .takes = "SECONDS", .initial = "0", .group = Group::limits, .commands = kRun,
     .help = "an older environment is ended; 0: none", .low = 0, .high = 86'400, .unit = "seconds"},
    {.name = "tenant-isolation", .group = Group::limits, .commands = kRun,
     .help = "every call must name its tenant"},
    {.name = "throttle-streaming", .group = Group::limits, .commands = kRun,
     .help = "stream at Lambda's pace: 6 MiB, then 2 MiB/s"},
    {.name = "throttle-cpu", .group = Group::limits, .commands = kEnvironmentCommands,
     .help = "compute at Lambda's pace: 1,769 MB for a core"},
    {.name = "no-freeze", .group = Group::limits, .commands = kEnvironmentCommands,
     .help = "processes go on between calls"},
    {.name = "shared-files", .group = Group::limits, .commands = kEnvironmentCommands,
     .help = "files stay writable, /tmp is the machine's"},
    {.name = "cgroups", .takes = "VERSION", .initial = "auto", .group = Group::limits,
     .commands = kEnvironmentCommands, .help = "auto, v1, v2 or none: signals freeze then",
     .choices = "auto|v1|v2|none"},

    {.name = "env", .takes = "NAME[=VALUE]", .group = Group::environment, .commands = kEnvironmentCommands,
     .help = "a variable; without a value, this shell's", .many = true},
    {.name = "env-file", .takes = "FILE", .group = Group::environment, .commands = kEnvironmentCommands,
     .help = "lines of NAME=VALUE, or SAM's JSON", .many = true},
    {.name = "credentials", .takes = "dummy|env", .initial = "dummy", .group = Group::environment,
     .commands = kEnvironmentCommands, .help = "env hands this shell's AWS_* keys on", .choices = "dummy|env"},
    {.name = "region", .takes = "REGION", .initial = "us-east-1", .group = Group::environment,
     .commands = kEnvironmentCommands, .help = "AWS_REGION of the function",
     .variables = "AWS_REGION AWS_DEFAULT_REGION"},
    {.name = "log-format", .takes = "text|json", .initial = "text", .group = Group::environment,
     .commands = kEnvironmentCommands, .help = "how platform and function log",
     .variables = "AWS_LAMBDA_LOG_FORMAT", .choices = "text|json"},
    {.name = "log-level", .takes = "LEVEL", .group = Group::environment, .commands = kEnvironmentCommands,
     .help = "the least to log of the function", .variables = "AWS_LAMBDA_LOG_LEVEL",
     .choices = "trace|debug|info|warn|error|fatal"},
    {.name = "system-log-level", .takes = "LEVEL", .initial = "info", .group = Group::environment,
     .commands = kEnvironmentCommands, .help = "the same of the platform, in json",
     .choices = "debug|info|warn"},

    {.name = "extensions", .takes = "DIR", .group = Group::extensions, .commands = kEnvironmentCommands,
     .help = "each program in it runs as an extension", .many = true},

    {.name = "tail", .group = Group::show, .commands = kInvoke, .help = "print the call's log (its last 4 KB)"},
    {.name = "log-type", .takes = "TYPE", .group = Group::show, .commands = kInvoke, .choices = "Tail|None",
     .stands_for = "tail"},
    {.name = "raw", .group = Group::show, .commands = kInvoke, .help = "the answer as it came, on terminals too"},
    {.name = "view", .takes = "VIEW", .initial = "auto", .group = Group::show, .commands = kEnvironmentCommands,
     .help = "auto, timeline, log or none", .choices = "auto|timeline|log|none"},
    {.name = "timeline", .takes = "FILE.json", .group = Group::show, .commands = kEnvironmentCommands,
     .help = "what ran when, for ui.perfetto.dev"},
    {.name = "log-folder", .takes = "DIR", .group = Group::show, .commands = kRun,
     .help = "gets a log file for each environment"},
    {.name = "json", .group = Group::show, .commands = kEnvironmentCommands, .help = "for programs: JSON on stdout"},
    {.name = "color", .takes = "WHEN", .initial = "auto", .group = Group::show, .help = "auto, always or never",
     .aliases = "colour", .choices = "auto|always|never"},
    {.name = "ascii", .group = Group::show, .commands = kEnvironmentCommands, .help = "no block characters"},
    {.name = "quiet", .letter = 'q', .group = Group::show, .commands = kEnvironmentCommands,
     .help = "only what the function writes, and errors"},
    {.name = "verbose", .letter = 'v', .group = Group::show, .commands = kEnvironmentCommands,
     .help = "what mayfly does, step by step"},

    {.name = "fail-on", .takes = "LIST", .group = Group::testing, .commands = kRun,
     .help = "exit 1 if one occurred: error,timeout,init", .is_list = true},
    {.name = "debug", .group = Group::testing, .commands = kRun,
     .help = "for a debugger: no time limit, no freeze"},
    {.name = "no-start", .group = Group::testing, .commands = kRun,
     .help = "wait for a runtime that you start yourself"},
    {.name = "show-config", .group = Group::testing, .commands = kEnvironmentCommands,
     .help = "print every setting and who made it, then leave", .only_when_asked = true},

    {.name = "config", .takes = "FILE", .group = Group::general, .commands = kEnvironmentCommands,
     .help = "settings; else the nearest mayfly.toml"},
    {.name = "no-config", .group = Group::general, .commands = kEnvironmentCommands,
     .help = "read no settings from files"},
    {.name = "help", .letter = 'h', .help = "this text", .only_when_asked = true},
    {.name = "version", .letter = 'V', .commands = kNoCommand, .help = "version and machine", .only_when_asked = true},
};

// clang-format on

inline constexpr std::size_t kOptionCount = std::size(kOptions);

// The row of an option, by a name that must be in the table: a misspelt one
// does not compile.
struct OptionRef {
  std::size_t row;

  consteval OptionRef(const char* name) : row(find(name)) {}

 private:
  static consteval std::size_t find(std::string_view name) {
    for (std::size_t i = 0; i < kOptionCount; ++i) {
      if (kOptions[i].name == name && kOptions[i].stands_for.empty()) return i;
    }
    throw "no such option";
  }
};

}  // namespace mayfly::emulator::cli
