#include "extensions/telemetry/usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <string_view>

namespace mayfly::telemetry {
namespace {

// Takes the next number; false when there is none.
bool take(std::string_view& text, std::uint64_t& out) {
  auto begin = std::min(text.find_first_of("0123456789\n"), text.size());
  text.remove_prefix(begin);
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return error == std::errc{};
}

// The number behind `name` in a file of "name number" lines.
std::optional<std::uint64_t> line_of(std::string_view text, std::string_view name) {
  auto at = text.find(name);
  if (at == text.npos) return std::nullopt;
  text.remove_prefix(at + name.size());
  std::uint64_t number = 0;
  return take(text, number) ? std::optional(number) : std::nullopt;
}

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

bool is_number(const char* name) { return *name >= '1' && *name <= '9'; }

// Entries of a directory that are numbers; empty when it cannot be read.
std::optional<std::uint64_t> count_numbers(int parent, const char* path) {
  int fd = openat(parent, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  Directory directory(fdopendir(fd));
  if (!directory) {
    close(fd);
    return std::nullopt;
  }
  std::uint64_t count = 0;
  while (auto* entry = readdir(directory.get())) count += *entry->d_name >= '0' && *entry->d_name <= '9';
  return count;
}

// A file's text as it was a moment ago; empty when it cannot be read. The
// beginning is enough of any that is read here.
class File {
 public:
  File(const std::string& proc, const char* name) {
    int fd = open((proc + name).c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    size_ = read(fd, buffer_, sizeof buffer_);
    close(fd);
  }
  std::string_view text() const { return {buffer_, static_cast<std::size_t>(std::max<ssize_t>(size_, 0))}; }

 private:
  char buffer_[4 * 1024];
  ssize_t size_ = 0;
};

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

Usage UsageReader::read() {
  Usage usage;
  read_cpu(usage);
  read_network(usage);
  read_memory(usage);
  read_tmp(usage);
  read_own(usage);
  auto now = std::chrono::steady_clock::now();
  if (!processes_read_ || now - *processes_read_ >= kProcessesEvery) {
    processes_read_ = now;
    read_processes(usage);
  }
  return usage;
}

// cpu  user nice system idle iowait irq softirq steal ...   (proc(5), in ticks)
void UsageReader::read_cpu(Usage& usage) {
  File file(proc_, "/stat");
  auto text = file.text();
  if (!text.starts_with("cpu ")) return;
  std::uint64_t user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, softirq = 0;
  for (auto* number : {&user, &nice, &system, &idle, &wait, &irq, &softirq}) {
    if (!take(text, *number)) return;
  }
  auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  usage.cpu_user_s = static_cast<double>(user + nice) / ticks;
  usage.cpu_system_s = static_cast<double>(system + irq + softirq) / ticks;
}

// name: bytes packets errs drop fifo frame compressed multicast | bytes ...   received, then sent
void UsageReader::read_network(Usage& usage) {
  File file(proc_, "/net/dev");
  auto text = file.text();
  std::uint64_t received = 0, sent = 0;
  bool any = false;
  while (!text.empty()) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    auto colon = line.find(':');
    if (colon == line.npos) continue;
    auto name = line.substr(0, colon);
    name.remove_prefix(std::min(name.find_first_not_of(' '), name.size()));
    any = true;
    if (name == "lo") continue;
    line.remove_prefix(colon + 1);
    std::uint64_t numbers[9] = {};
    for (auto& number : numbers) {
      if (!take(line, number)) return;
    }
    received += numbers[0];
    sent += numbers[8];
  }
  if (!any) return;
  usage.received_bytes = received;
  usage.sent_bytes = sent;
}

void UsageReader::read_memory(Usage& usage) {
  File file(proc_, "/meminfo");
  auto text = file.text();
  auto total = line_of(text, "MemTotal:"), available = line_of(text, "MemAvailable:");
  if (total && available && *total >= *available) usage.memory_bytes = (*total - *available) * 1024;
}

void UsageReader::read_tmp(Usage& usage) {
  struct statvfs fs {};
  if (statvfs(tmp_.c_str(), &fs) != 0 || fs.f_blocks < fs.f_bfree) return;
  usage.tmp_bytes = static_cast<std::uint64_t>(fs.f_blocks - fs.f_bfree) * fs.f_frsize;
  usage.tmp_limit_bytes = static_cast<std::uint64_t>(fs.f_blocks) * fs.f_frsize;
}

// A process that ends meanwhile is no fault; one that is there and does not show
// its descriptors, because it is somebody else's, leaves their number unknown.
void UsageReader::read_processes(Usage& usage) {
  Directory directory(opendir(proc_.c_str()));
  if (!directory) return;
  int processes = 0;
  bool others = false, hidden = false;
  std::uint64_t threads = 0, descriptors = 0;
  while (auto* entry = readdir(directory.get())) {
    if (!is_number(entry->d_name)) continue;
    if (++processes > kMaxProcesses) return;
    std::string_view name = entry->d_name;
    if (name != std::to_string(getpid())) others = true;
    struct stat task {};
    char path[64];
    auto full = [&](std::string_view what) {
      auto size = name.copy(path, sizeof path - what.size() - 1);
      size += what.copy(path + size, what.size());
      path[size] = '\0';
      return static_cast<const char*>(path);
    };
    if (fstatat(dirfd(directory.get()), full("/task"), &task, 0) != 0) continue;
    threads += task.st_nlink - 2;  // one folder each
    auto open = count_numbers(dirfd(directory.get()), full("/fd"));
    if (!open) hidden |= errno != ENOENT && errno != ESRCH;
    descriptors += open.value_or(0);
  }
  // Beside this process there is at least the runtime: alone, it sees only itself.
  if (!others) return;
  usage.threads = threads;
  if (!hidden) usage.file_descriptors = descriptors;
}

void UsageReader::read_own(Usage& usage) {
  rusage own{};
  if (getrusage(RUSAGE_SELF, &own) == 0) usage.own_cpu_s = seconds(own.ru_utime) + seconds(own.ru_stime);
  File file(proc_, "/self/statm");
  auto text = file.text();
  std::uint64_t size = 0, resident = 0;
  if (take(text, size) && take(text, resident)) {
    usage.own_memory_bytes = resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  }
}

}  // namespace mayfly::telemetry
