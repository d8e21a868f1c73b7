// What is left of a function that crashes.
//
// SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT and std::terminate leave one line of
// JSON on standard error, whatever the log format: request id, kind of crash,
// stack with names. The error is then posted to the Runtime API, so that the
// caller has it instead of "Runtime exited with error"; and the process dies of
// its signal.
//
// A signal handler may use nothing that takes memory or locks: the line is put
// together in a buffer that is there from the start, and posted by ErrorPost. What
// is damaged may make the report fault, too: each of its steps is tried once, and
// a fault in one goes on with the next, with less in the line. Should it hang, an
// alarm ends the process after two seconds.
//
// Installing it is five system calls and two more for the stack it runs on; nothing
// of the unwinder is touched before a crash.
//
// Left alone are signals that have a handler already (a debugger's, a sanitizer's,
// the function's own), and processes that the function has forked.

#pragma once

#include <csignal>
#include <exception>
#include <string_view>

#include "core/uri.h"

namespace mayfly::runtime {

// The stack on which a thread's signals are handled when its own has overflowed.
// Of the thread that makes it, and ends it. What has one already keeps it.
class SignalStack {
 public:
  // 256 KB, of which memory is what has been used.
  SignalStack();
  ~SignalStack();
  SignalStack(const SignalStack&) = delete;
  SignalStack& operator=(const SignalStack&) = delete;

 private:
  void* memory_;  // null: not ours
  stack_t before_;
};

// Crashes are reported while it lives. One at a time in a process.
class CrashReports {
 public:
  explicit CrashReports(const core::Origin& origin);
  ~CrashReports();
  CrashReports(const CrashReports&) = delete;
  CrashReports& operator=(const CrashReports&) = delete;

  // Up to here a crash is reported to init/error, from here on as the error of the
  // invocation that the crashed thread belongs to (core/log_scope.h).
  void init_is_over();

 private:
  SignalStack stack_;
  std::terminate_handler terminate_before_;
};

// Posts an error of this thread's invocation, or of Init, without the connection
// of its worker. False: there is none, or nobody answers.
bool post_error_apart(std::string_view error_type, std::string_view error_json);

}  // namespace mayfly::runtime
