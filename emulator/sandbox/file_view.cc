#include "emulator/sandbox/file_view.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "emulator/entrypoint.h"
#include "emulator/sandbox/process_tree.h"
#include "emulator/sandbox/run_record.h"

namespace mayfly::emulator {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kNames = "\n127.0.0.1 sandbox.localdomain sandbox\n";

// mount_setattr(2), Linux 5.12. By hand: libraries have it since glibc 2.36.
constexpr long kMountSetattr = 442;
constexpr std::uint64_t kReadOnly = 1;   // MOUNT_ATTR_RDONLY
constexpr unsigned kRecursive = 0x8000;  // AT_RECURSIVE

// With all that is mounted below.
bool set_read_only(const char* place, bool wanted) {
  struct {
    std::uint64_t set, clear, propagation, user_namespace;
  } attributes{wanted ? kReadOnly : 0, wanted ? 0 : kReadOnly, 0, 0};
  return syscall(kMountSetattr, AT_FDCWD, place, kRecursive, &attributes, sizeof attributes) == 0;
}

bool write_file(const char* path, std::string_view text, int flags = O_WRONLY, mode_t mode = 0) {
  int fd = open(path, flags | O_CLOEXEC, mode);
  if (fd < 0) return false;
  bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(fd);
  return written;
}

std::string text_of(int error) {
  std::string text = std::strerror(error);
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

bool is_in_tmp(const fs::path& path) {
  std::error_code error;
  auto real = fs::weakly_canonical(path, error);
  auto text = (error ? path.lexically_normal() : real).string();
  return text == "/tmp" || text.starts_with("/tmp/");
}

// What of the function lies in /tmp, where another /tmp would hide it.
std::string found_in_tmp(const Settings& settings) {
  if (is_in_tmp(settings.task_root)) return settings.task_root.string();
  auto program = find_program(settings.command.front(), settings.task_root);
  if (is_in_tmp(program)) return program.string();
  for (const auto& word : settings.command) {
    if (word.starts_with('/') && is_in_tmp(word)) return word;
  }
  for (const auto& folder : settings.extension_folders) {
    if (is_in_tmp(folder)) return folder.string();
  }
  return {};
}

// Into a process of its own: what it does to itself must not stay with us.
int try_out(const FileView& view) {
  pid_t pid = fork();
  if (pid < 0) return errno;
  if (pid == 0) _exit(view.enter());
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

}  // namespace

// ---- FileView

FileView::~FileView() {
  std::error_code ignored;
  if (!tmp_.empty()) fs::remove_all(tmp_, ignored);
}

int FileView::enter() const {
  if (unshare(CLONE_NEWNS) != 0) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return errno;
    write_file("/proc/self/setgroups", "deny");
    if (!write_file("/proc/self/uid_map", uid_map_) || !write_file("/proc/self/gid_map", gid_map_)) return errno;
  }
  auto bind = [](const std::string& what, const char* where) {
    return mount(what.c_str(), where, nullptr, MS_BIND | MS_REC, nullptr) == 0;
  };
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return errno;
  if (!hosts_.empty() && !bind(hosts_, "/etc/hosts")) return errno;
  if (!tmp_.empty() && !bind(tmp_, "/tmp")) return errno;
  if (!read_only_) return 0;
  if (tmp_.empty() && !bind("/tmp", "/tmp")) return errno;  // a mount, whose attributes are its own
  if (!set_read_only("/", true)) return errno;
  for (const char* place : {"/tmp", "/proc"}) {
    if (!set_read_only(place, false)) return errno;
  }
  return 0;
}

// ---- FileViews

FileViews::FileViews(const std::string& run) : folder_(run_files(run)) {}

FileViews::~FileViews() {
  std::error_code ignored;
  if (made_folder_) fs::remove_all(folder_, ignored);
}

void FileViews::open(const Settings& settings) {
  made_folder_ = mkdir(folder_.c_str(), 0700) == 0;
  if (!made_folder_) {
    auto why = folder_.string() + ": " + text_of(errno);
    limits_ = {why, why, why};
    return;
  }
  auto hosts = read_all("/etc/hosts");
  if (hosts.find("sandbox.localdomain") == hosts.npos) {
    hosts_ = folder_ / "hosts";
    if (!write_file(hosts_.c_str(), hosts.append(kNames), O_WRONLY | O_CREAT | O_EXCL, 0644)) hosts_.clear();
  }
  limits_ = {};
  if (!settings.limit_files) limits_.read_only_problem = limits_.tmp_problem = "--shared-files";
  if (settings.limit_files) {
    if (auto there = found_in_tmp(settings); !there.empty()) limits_.tmp_problem = there + " is in it";
  }
  int error = 0;
  auto view = make();
  if (!view || (error = try_out(*view)) == 0) return;
  if (limits_.read_only_problem.empty()) {  // a kernel before 5.12 can do the others
    limits_.read_only_problem = text_of(error);
    view->read_only_ = false;
    if ((error = try_out(*view)) == 0) return;
  }
  auto why = "no mount namespace: " + text_of(error);
  for (auto* problem : {&limits_.names_problem, &limits_.read_only_problem, &limits_.tmp_problem}) *problem = why;
}

std::unique_ptr<FileView> FileViews::make() {
  if (!limits_.names_problem.empty()) return nullptr;
  std::unique_ptr<FileView> view(new FileView());
  view->hosts_ = hosts_;
  view->read_only_ = limits_.read_only_problem.empty();
  if (limits_.tmp_problem.empty()) {
    view->tmp_ = folder_ / std::to_string(++made_);
    if (mkdir(view->tmp_.c_str(), 0700) != 0 || chmod(view->tmp_.c_str(), 01777) != 0) view->tmp_.clear();
  }
  if (view->hosts_.empty() && view->tmp_.empty() && !view->read_only_) return nullptr;
  auto map = [](auto id) { return std::to_string(id) + " " + std::to_string(id) + " 1"; };
  view->uid_map_ = map(geteuid());
  view->gid_map_ = map(getegid());
  return view;
}

}  // namespace mayfly::emulator
