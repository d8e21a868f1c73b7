#include "emulator/sandbox/control_groups.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <thread>

#include "core/split.h"
#include "emulator/sandbox/process_tree.h"

namespace mayfly::emulator {

namespace fs = std::filesystem;
using core::split;

namespace {

// How long the freezer is waited for: it takes a process when it next leaves the
// kernel.
constexpr int kMaxLooks = 50;
constexpr std::chrono::microseconds kBetweenLooks{200};

// mountinfo writes white space and backslashes as \040.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    int code = 0;
    if (text[i] == '\\' && i + 3 < text.size() &&
        std::from_chars(&text[i + 1], &text[i + 1] + 3, code, 8).ptr == &text[i + 1] + 3) {
      out += static_cast<char>(code);
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

struct Mount {
  std::string root, point;
  bool unified;
  std::vector<std::string_view> options;
};

std::vector<Mount> mounts_of(std::string_view mountinfo) {
  std::vector<Mount> mounts;
  for (auto line : split(mountinfo, '\n')) {
    auto dash = line.find(" - ");
    if (dash == line.npos) continue;
    auto before = split(line.substr(0, dash), ' '), after = split(line.substr(dash + 3), ' ');
    if (before.size() < 5 || after.size() < 3 || (after[0] != "cgroup" && after[0] != "cgroup2")) continue;
    mounts.push_back({unescaped(before[3]), unescaped(before[4]), after[0] == "cgroup2", split(after[2], ',')});
  }
  return mounts;
}

// Where the group `path` is seen below a mount of `root`; empty when it is not.
fs::path below(const Mount& mount, std::string_view path) {
  std::string_view root = mount.root == "/" ? std::string_view() : std::string_view(mount.root);
  if (!path.starts_with(root) || path.find("/..") != path.npos) return {};
  path.remove_prefix(root.size());
  if (!path.empty() && path.front() != '/') return {};
  return path.size() <= 1 ? fs::path(mount.point) : fs::path(mount.point + std::string(path));
}

std::vector<fs::path> groups_below(const fs::path& group) {
  std::vector<fs::path> groups;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(group, error)) {
    std::error_code ignored;
    if (entry.is_directory(ignored) && !entry.is_symlink(ignored)) groups.push_back(entry.path());
  }
  return groups;
}

bool is_frozen(const fs::path& group, bool unified) {
  return unified ? read_all((group / "cgroup.events").string()).find("frozen 1") != std::string::npos
                 : read_all((group / "freezer.state").string()) == "FROZEN\n";
}

void thaw_all(const fs::path& group, bool unified) {
  for (const auto& inner : groups_below(group)) thaw_all(inner, unified);
  unified ? write_value(group / "cgroup.freeze", "0") : write_value(group / "freezer.state", "THAWED");
}

}  // namespace

std::vector<ControlHierarchy> control_hierarchies(std::string_view mountinfo, std::string_view own_groups) {
  std::vector<ControlHierarchy> found;
  auto mounts = mounts_of(mountinfo);
  for (auto line : split(own_groups, '\n')) {  // "4:memory:/path", "0::/path"
    auto first = line.find(':');
    auto second = first == line.npos ? line.npos : line.find(':', first + 1);
    if (second == line.npos) continue;
    auto controllers = split(line.substr(first + 1, second - first - 1), ',');
    for (const auto& mount : mounts) {
      if (mount.unified != controllers.empty()) continue;
      bool same = std::ranges::all_of(controllers, [&](auto controller) {
        return std::ranges::find(mount.options, controller) != mount.options.end();
      });
      fs::path own = same ? below(mount, line.substr(second + 1)) : fs::path();
      if (own.empty()) continue;
      found.push_back({mount.unified, {controllers.begin(), controllers.end()}, own});
      break;
    }
  }
  return found;
}

int write_value(const fs::path& file, std::string_view value) {
  int fd = open(file.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  int error = write(fd, value.data(), value.size()) == static_cast<ssize_t>(value.size()) ? 0 : errno;
  close(fd);
  return error;
}

std::vector<pid_t> processes_in(const fs::path& group) {
  std::vector<pid_t> pids;
  std::string lines = read_all((group / "cgroup.procs").string());
  for (auto line : split(lines, '\n')) {
    pid_t pid = 0;  // and stays 0 for a process that our PID namespace does not show
    std::from_chars(line.data(), line.data() + line.size(), pid);
    if (pid > 1) pids.push_back(pid);
  }
  for (const auto& inner : groups_below(group)) {
    auto more = processes_in(inner);
    pids.insert(pids.end(), more.begin(), more.end());
  }
  return pids;
}

int kill_group(const fs::path& group, bool unified) {
  if (processes_in(group).empty()) return 0;
  unified ? write_value(group / "cgroup.freeze", "1") : write_value(group / "freezer.state", "FROZEN");
  for (int look = 0; look < kMaxLooks && !is_frozen(group, unified); ++look) std::this_thread::sleep_for(kBetweenLooks);
  auto pids = processes_in(group);
  for (pid_t pid : pids) kill(pid, SIGKILL);
  thaw_all(group, unified);
  return static_cast<int>(pids.size());
}

bool remove_group(const fs::path& group) {
  for (const auto& inner : groups_below(group)) remove_group(inner);
  return rmdir(group.c_str()) == 0 || errno == ENOENT;
}

}  // namespace mayfly::emulator
