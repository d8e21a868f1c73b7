// Stops threads of this process where they are and lets them go on, as a freeze
// does to all of them: with a signal whose handler waits.
//
// One at a time in a process, and only for tests: a thread that holds a lock keeps
// it, and whoever needs it then waits until the end.

#pragma once

#include <sys/types.h>

#include <vector>

namespace mayfly::extension {

// The threads of this process at this moment.
std::vector<pid_t> threads();

class StoppedThreads {
 public:
  // Returns when all of `stop` are stopped, but for those that block the signal
  // (SIGRTMAX - 1) for longer than 200 ms.
  explicit StoppedThreads(const std::vector<pid_t>& stop);
  ~StoppedThreads();
  StoppedThreads(const StoppedThreads&) = delete;
  StoppedThreads& operator=(const StoppedThreads&) = delete;
};

}  // namespace mayfly::extension
