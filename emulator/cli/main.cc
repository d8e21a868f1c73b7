// `mayfly`: the Lambda execution environment, on your machine.

#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <exception>

#include "emulator/cli/completion.h"
#include "emulator/cli/config_layers.h"
#include "emulator/cli/help.h"
#include "emulator/cli/invoke_command.h"
#include "emulator/cli/man_page.h"
#include "emulator/cli/options.h"
#include "emulator/cli/rie_command.h"
#include "emulator/cli/run_command.h"
#include "emulator/cli/version.h"

namespace mayfly::emulator::cli {

namespace {

// Before main() the process was busy being loaded: its CPU time is that.
std::chrono::steady_clock::time_point process_start() {
  std::timespec cpu{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
  return std::chrono::steady_clock::now() - std::chrono::seconds(cpu.tv_sec) - std::chrono::nanoseconds(cpu.tv_nsec);
}

Decided<int> other_command(const Arguments& arguments) {
  std::string word = arguments.words.empty() ? "" : arguments.words.front();
  std::string text;
  if (arguments.command == kCompletion) {
    text = completion_script(word);
    if (text.empty()) {
      return refuse(kUsage,
                    word.empty() ? "completion needs the name of a shell" : "there is no completion for " + word,
                    "it is one of: bash zsh fish", "source <(mayfly completion bash)");
    }
  } else {
    text = man_page(word);
    if (text.empty()) {
      std::string words;
      for (const ManPage& page : man_pages()) words += (words.empty() ? "" : " ") + std::string(page.word);
      return refuse(kUsage, "there is no manual page of " + word, "it is one of: " + words,
                    "mayfly man run | man -l -");
    }
  }
  write_out(STDOUT_FILENO, text);
  return kDone;
}

Decided<int> carry_out(const Arguments& arguments, const Variables& variables,
                       std::chrono::steady_clock::time_point started) {
  if (arguments.given("version")) {
    write_out(STDOUT_FILENO, version_text());
    return kDone;
  }
  if (arguments.help || arguments.command == kNoCommand) {
    Style style = style_of(STDOUT_FILENO, variables, "never", true);
    write_out(STDOUT_FILENO, help_text(arguments.command, style.width));
    return kDone;
  }
  if (arguments.command == kRun) return run_command(arguments, variables, started);
  if (arguments.command == kInvoke) return invoke_command(arguments, variables);
  return other_command(arguments);
}

int command_line(const std::vector<std::string>& words, const Variables& variables,
                 std::chrono::steady_clock::time_point started) {
  auto arguments = read_arguments(words, variables);
  auto code = arguments ? carry_out(*arguments, variables, started) : Decided<int>(unexpected(arguments.error()));
  if (code) return *code;
  std::string_view color = arguments ? arguments->text("color") : "auto";
  write_out(STDERR_FILENO, error_text(style_of(STDERR_FILENO, variables, color, true), code.error().message));
  return code.error().code;
}

int rie_command_line(const std::vector<std::string>& words, const Variables& variables) {
  auto code = rie_command(words, variables);
  if (code) return *code;
  write_out(STDERR_FILENO, error_text(style_of(STDERR_FILENO, variables, "auto", true), code.error().message));
  return code.error().code;
}

}  // namespace
}  // namespace mayfly::emulator::cli

int main(int argc, char** argv, char** environment) {
  using namespace mayfly::emulator::cli;
  auto started = process_start();
  try {
    std::vector<std::string> words(argv + (argc > 0), argv + argc);
    Variables variables(environment);
    if (argc > 0 && is_rie(argv[0])) return rie_command_line(words, variables);
    return command_line(words, variables, started);
  } catch (const std::exception& defect) {
    std::fprintf(stderr, "error: a defect of mayfly: %s\n  try report it with the output of: mayfly --version\n",
                 defect.what());
    return kBug;
  }
}
