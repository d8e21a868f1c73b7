#include "extensions/src/stopped_threads.h"

#include <dirent.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <limits>
#include <string>

namespace mayfly::extension {
namespace {

// A handler can have no other arguments. Futexes, as all that may wait in one is a
// system call.
std::atomic<int> frozen{0};
static_assert(sizeof(frozen) == sizeof(int));

void wait_while_frozen(int) {
  int saved = errno;
  while (frozen != 0) syscall(SYS_futex, &frozen, FUTEX_WAIT_PRIVATE, 1, nullptr, nullptr, 0);
  errno = saved;
}

// For threads that are just starting: they block all signals at first.
constexpr int kPatienceMs = 200;

int signal_number() { return SIGRTMAX - 1; }

// The signal has not come to the thread yet: it blocks it, or has not run since.
bool is_pending(pid_t thread) {
  std::string path = "/proc/self/task/" + std::to_string(thread) + "/status";
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (!file) return false;  // the thread has ended
  char line[128];
  unsigned long long pending = 0;
  bool found = false;
  while (!found && std::fgets(line, sizeof line, file)) found = std::sscanf(line, "SigPnd: %llx", &pending) == 1;
  std::fclose(file);
  return (pending >> (signal_number() - 1) & 1) != 0;
}

}  // namespace

std::vector<pid_t> threads() {
  std::vector<pid_t> found;
  DIR* folder = opendir("/proc/self/task");
  while (dirent* entry = folder ? readdir(folder) : nullptr) {
    pid_t thread = 0;
    const char* end = entry->d_name + std::strlen(entry->d_name);
    if (std::from_chars(entry->d_name, end, thread).ptr == end) found.push_back(thread);
  }
  if (folder) closedir(folder);
  return found;
}

StoppedThreads::StoppedThreads(const std::vector<pid_t>& stop) {
  frozen = 1;
  struct sigaction action {};
  action.sa_handler = wait_while_frozen;
  action.sa_flags = SA_RESTART;
  sigfillset(&action.sa_mask);
  // For good: whoever blocks the signal may take it when nothing is frozen any more.
  sigaction(signal_number(), &action, nullptr);
  for (pid_t thread : stop) syscall(SYS_tgkill, getpid(), thread, signal_number());
  for (int i = 0; i < kPatienceMs && std::ranges::any_of(stop, is_pending); ++i) usleep(1'000);
}

StoppedThreads::~StoppedThreads() {
  frozen = 0;
  syscall(SYS_futex, &frozen, FUTEX_WAKE_PRIVATE, std::numeric_limits<int>::max(), nullptr, nullptr, 0);
}

}  // namespace mayfly::extension
