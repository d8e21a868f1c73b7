// SIGTERM as a descriptor that waits can watch.
//
// A handler that writes to a descriptor, and not a signalfd, because signalfd
// needs the signal blocked, and every child process the function starts would
// inherit that.

#pragma once

#include <csignal>

#include "core/failure.h"

namespace mayfly::runtime {

// One at a time in a process. While it lives, SIGTERM makes fd() readable, for
// good, and does nothing else.
class TerminationSignal {
 public:
  TerminationSignal();
  ~TerminationSignal();
  TerminationSignal(const TerminationSignal&) = delete;
  TerminationSignal& operator=(const TerminationSignal&) = delete;

  int fd() const { return fd_; }  // -1: the process has no descriptor left

 private:
  int fd_;
  struct sigaction before_;
};

}  // namespace mayfly::runtime
