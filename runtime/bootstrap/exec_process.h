// One run of a program: fed from memory, read until it ends, ended in time.

#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/failure.h"

namespace mayfly::runtime {

struct ExecSpec {
  std::string program;                 // absolute
  std::vector<std::string> arguments;  // the program's name first
  std::vector<std::string> variables;  // "NAME=value": all it gets
  std::string_view input;
  std::size_t max_output_bytes;
  // When it gets SIGTERM and SIGKILL; max(): never.
  std::chrono::steady_clock::time_point terminate_at = std::chrono::steady_clock::time_point::max();
  std::chrono::steady_clock::time_point kill_at = std::chrono::steady_clock::time_point::max();
};

struct ExecEnd {
  std::string output;       // at most max_output_bytes + 1
  std::string last_errors;  // the last 4 KiB of standard error, from the beginning of a line
  // "exit status 3", "signal: segmentation fault"; empty after exit code 0.
  std::string how;
  bool terminated = false;  // its time was over
  bool too_large = false;   // more output than allowed; it was killed
};

// Copies standard error on to our own as it comes. Errors: the program could not
// be started; says why.
core::Outcome<ExecEnd> run_program(const ExecSpec& spec);

}  // namespace mayfly::runtime
