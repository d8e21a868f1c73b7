// Handlers that are programs: `_HANDLER` = "exec:./program", a new process for
// each invocation, in any language and without a word of the Runtime API.
//
//   standard input    the event
//   standard output   the response, up to 6,291,556 bytes; nothing is "null"
//   standard error    the function's log, as it comes
//   exit code 0       done; anything else, or a signal, is the function's error:
//                     its message is how the program ended and its last line, its
//                     stackTrace the last lines of standard error
//   environment       the function's own, _X_AMZN_TRACE_ID, and what Lambda said
//                     with the event: Lambda-Runtime-Aws-Request-Id is
//                     LAMBDA_RUNTIME_AWS_REQUEST_ID, and so on
//
// The deadline is enforced here, so that a slow program costs the invocation and
// not the environment: SIGTERM when a fifth of the time is left, or one second,
// SIGKILL when half of that is left. When the program has ended, or got SIGKILL,
// what it has started in its process group ends with it. Nothing stays a zombie.

#pragma once

#include <string_view>

#include <mayfly/runtime/handler.h>

namespace mayfly::runtime {

inline constexpr std::string_view kExecPrefix = "exec:";

// Takes the program from _HANDLER. A path is seen from the function's folder,
// LAMBDA_TASK_ROOT; a name without '/' is looked for there and then in PATH. It
// gets no arguments: Lambda takes no spaces in a handler's name. What goes wrong is reported to init/error as
// Runtime.InvalidHandler (no program named), Runtime.HandlerNotFound or
// Runtime.HandlerNotLoadable (not executable).
HandlerSource program_from_environment();

}  // namespace mayfly::runtime
