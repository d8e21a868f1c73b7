// What a process takes of the machine, with all that it has started.

#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>

namespace mayfly::emulator {

struct ProcessUsage {
  std::chrono::microseconds cpu{};  // user and system time, of all threads
  std::int64_t peak_memory_kb = 0;  // resident: the sum of each one's peak
  int threads = 0;                  // 0: nobody has looked in time
  int open_files = 0;

  // Of two looks at the same process, the higher figures.
  void keep_highest(const ProcessUsage& other);
};

// Of a living process and its descendants, from /proc: some ten system calls for
// each of them. CPU time is in steps of 10 ms. Zeros when it has ended.
ProcessUsage usage_of_tree(pid_t pid);

}  // namespace mayfly::emulator
