#include "emulator/sandbox/process_tree.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <set>

namespace mayfly::emulator {

namespace fs = std::filesystem;

namespace {

// What starts processes is stopped at the first look, what it has just started
// at the next one; more looks than that only a fork bomb needs.
constexpr int kMaxLooks = 16;
// For all that was killed, to end.
constexpr std::chrono::seconds kDeathPatience{1};

std::string proc(pid_t pid) { return "/proc/" + std::to_string(pid); }

// What follows "\nNAME:\t" in /proc/PID/status, to the end of the line.
std::string status_of(pid_t pid, std::string_view name) {
  std::string status = read_all(proc(pid) + "/status"), wanted = "\n" + std::string(name) + ":\t";
  auto at = status.find(wanted);
  if (at == status.npos) return {};
  at += wanted.size();
  return status.substr(at, status.find('\n', at) - at);
}

bool is_taken_by_first_thread(pid_t pid, int signal) {
  auto blocked = std::strtoull(status_of(pid, "SigBlk").c_str(), nullptr, 16);
  return (blocked >> (signal - 1) & 1) == 0 && !status_of(pid, "State").starts_with('Z');
}

void add_tree(pid_t pid, std::vector<pid_t>& out) {
  out.push_back(pid);
  for (pid_t child : children_of(pid)) add_tree(child, out);
}

}  // namespace

std::string read_all(const std::string& path) {
  std::string text;
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return text;
  std::array<char, 4'096> part;
  ssize_t n;
  while ((n = read(fd, part.data(), part.size())) > 0) text.append(part.data(), static_cast<std::size_t>(n));
  close(fd);
  return text;
}

std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> children;
  std::error_code error;
  for (const auto& task : fs::directory_iterator(proc(pid) + "/task", error)) {
    std::string text = read_all(task.path().string() + "/children");
    const char* at = text.data();
    const char* end = at + text.size();
    while (at < end) {
      pid_t child = 0;
      auto [next, bad] = std::from_chars(at, end, child);
      if (bad != std::errc()) {
        ++at;
        continue;
      }
      children.push_back(child);
      at = next;
    }
  }
  return children;
}

bool has_variable(pid_t pid, std::string_view beginning) {
  std::string wanted = '\0' + std::string(beginning);
  return ('\0' + read_all(proc(pid) + "/environ")).find(wanted) != std::string::npos;
}

std::uint64_t start_time_of(pid_t pid) {
  // The name, field 2, is in brackets and may hold anything; starttime is field 22.
  std::string stat = read_all(proc(pid) + "/stat");
  auto at = stat.rfind(')');
  for (int field = 2; field < 22 && at != stat.npos; ++field) at = stat.find(' ', at + 1);
  return at == stat.npos ? 0 : std::strtoull(stat.c_str() + at + 1, nullptr, 10);
}

std::string boot_id() {
  std::string id = read_all("/proc/sys/kernel/random/boot_id");
  return id.substr(0, id.find('\n'));
}

std::int64_t peak_of_tree(pid_t pid) {
  std::int64_t kb = 0;
  std::string status = read_all(proc(pid) + "/status");
  if (auto at = status.find("VmHWM:"); at != status.npos) kb = std::strtoll(status.c_str() + at + 6, nullptr, 10);
  for (pid_t child : children_of(pid)) kb += peak_of_tree(child);
  return kb;
}

void stop_trees(const std::vector<pid_t>& roots) {
  std::set<pid_t> stopped;
  bool found = true;
  for (int look = 0; found && look < kMaxLooks; ++look) {
    found = false;
    std::vector<pid_t> pids;
    for (pid_t root : roots) add_tree(root, pids);
    for (pid_t pid : pids) {
      if (!stopped.insert(pid).second) continue;
      kill(pid, SIGSTOP);
      found = true;
    }
  }
}

void continue_trees(const std::vector<pid_t>& roots) {
  std::vector<pid_t> pids;
  for (pid_t root : roots) add_tree(root, pids);
  for (auto pid = pids.rbegin(); pid != pids.rend(); ++pid) kill(*pid, SIGCONT);
}

void kill_tree(pid_t pid) {
  kill(pid, SIGSTOP);  // so that it starts no further ones meanwhile
  for (pid_t child : children_of(pid)) kill_tree(child);
  kill(pid, SIGKILL);
}

void signal_group(pid_t child, int signal) {
  if (!is_taken_by_first_thread(child, signal)) {
    kill(-child, signal);
    return;
  }
  std::vector<pid_t> others;
  add_tree(child, others);
  for (pid_t orphan : children_of(getpid())) others.push_back(orphan);
  for (pid_t other : others) {
    if (other != child && getpgid(other) == child) kill(other, signal);
  }
  syscall(SYS_tgkill, child, child, signal);
}

int kill_all_with(std::string_view beginning) {
  std::set<pid_t> killed;
  std::vector<pollfd> ending;
  bool found = true;
  for (int look = 0; found && look < kMaxLooks; ++look) {
    found = false;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator("/proc", error)) {
      pid_t pid = std::atoi(entry.path().filename().c_str());
      if (pid <= 1 || pid == getpid() || killed.contains(pid)) continue;
      // Held by a descriptor, so that what is looked at is what is killed.
      int held = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
      if (held < 0) continue;
      if (has_variable(pid, beginning) && syscall(SYS_pidfd_send_signal, held, SIGKILL, nullptr, 0) == 0) {
        killed.insert(pid);
        ending.push_back({held, POLLIN, 0});
        found = true;
      } else {
        close(held);
      }
    }
  }
  const auto give_up = std::chrono::steady_clock::now() + kDeathPatience;
  for (auto& one : ending) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(give_up - std::chrono::steady_clock::now());
    poll(&one, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    close(one.fd);
  }
  return static_cast<int>(killed.size());
}

}  // namespace mayfly::emulator
