#include "emulator/sandbox/process_usage.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "emulator/sandbox/process_tree.h"

namespace mayfly::emulator {

namespace {

// A number behind "Name:" in /proc/PID/status; 0 when it is not there.
std::int64_t status_figure(const std::string& status, std::string_view name) {
  auto at = status.find(name);
  return at == status.npos ? 0 : std::strtoll(status.c_str() + at + name.size(), nullptr, 10);
}

// The name, field 2, is in brackets and may hold anything; utime is field 14,
// and behind it stime and those of children that were waited for.
std::chrono::microseconds cpu_of(const std::string& stat) {
  auto at = stat.rfind(')');
  for (int field = 2; field < 14 && at != stat.npos; ++field) at = stat.find(' ', at + 1);
  if (at == stat.npos) return {};
  const char* text = stat.c_str() + at;
  std::int64_t ticks = 0;
  for (int field = 0; field < 4; ++field) {
    char* end = nullptr;
    ticks += std::strtoll(text, &end, 10);
    text = end;
  }
  return std::chrono::microseconds(ticks * 1'000'000 / sysconf(_SC_CLK_TCK));
}

int count_files(const std::string& folder) {
  std::error_code error;
  int count = 0;
  for (std::filesystem::directory_iterator file(folder, error), end; !error && file != end; file.increment(error))
    ++count;
  return count;
}

}  // namespace

void ProcessUsage::keep_highest(const ProcessUsage& other) {
  cpu = std::max(cpu, other.cpu);
  peak_memory_kb = std::max(peak_memory_kb, other.peak_memory_kb);
  threads = std::max(threads, other.threads);
  open_files = std::max(open_files, other.open_files);
}

ProcessUsage usage_of_tree(pid_t pid) {
  const std::string folder = "/proc/" + std::to_string(pid);
  const std::string status = read_all(folder + "/status");
  ProcessUsage usage;
  usage.cpu = cpu_of(read_all(folder + "/stat"));
  usage.peak_memory_kb = status_figure(status, "VmHWM:");
  usage.threads = static_cast<int>(status_figure(status, "\nThreads:"));
  usage.open_files = count_files(folder + "/fd");
  for (pid_t child : children_of(pid)) {
    ProcessUsage more = usage_of_tree(child);
    usage.cpu += more.cpu;
    usage.peak_memory_kb += more.peak_memory_kb;
    usage.threads += more.threads;
    usage.open_files += more.open_files;
  }
  return usage;
}

}  // namespace mayfly::emulator
