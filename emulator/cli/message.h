// How `mayfly` says that something went wrong: what happened, why, and a line to
// paste. Three lines at most, on stderr, and an exit code that scripts can rely on.

#pragma once

#include <string>

#include <mayfly/result.h>

#include "emulator/cli/terminal.h"

namespace mayfly::emulator::cli {

enum ExitCode : int {
  kDone = 0,            // also: stopped as asked
  kFunctionFailed = 1,  // for `run` only with --fail-on
  kUsage = 2,           // options, variables, files named by them
  kNoConnection = 3,    // cannot listen, cannot connect
  kRefused = 4,         // the Invoke API answered with an error of its own
  kCannotStart = 5,     // the function's program is missing or cannot run here
  kBug = 70,            // ours
  kInterrupted = 130,
  kTerminated = 143,
};

struct Message {
  std::string what;
  std::string why;       // may be empty; a second line stands under the first
  std::string try_this;  // may be empty
};

// A reason to end the process.
struct Refusal {
  ExitCode code = kUsage;
  Message message;
};

template <class T>
using Decided = expected<T, Refusal>;

inline unexpected<Refusal> refuse(ExitCode code, std::string what, std::string why = {}, std::string try_this = {}) {
  return unexpected(Refusal{code, {std::move(what), std::move(why), std::move(try_this)}});
}

// "error: what\n  why ...\n  try ...\n". Control bytes but tab are shown as '?':
// texts of peers and files end up here.
std::string error_text(const Style& style, const Message& message);

// "note: ...\n" and "warning: ...\n".
std::string note_text(const Style& style, std::string_view text);
std::string warning_text(const Style& style, std::string_view text);

}  // namespace mayfly::emulator::cli
