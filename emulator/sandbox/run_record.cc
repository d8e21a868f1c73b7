#include "emulator/sandbox/run_record.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <thread>

#include "core/environment.h"
#include "emulator/sandbox/control_groups.h"
#include "emulator/sandbox/process_tree.h"

namespace mayfly::emulator {

namespace fs = std::filesystem;
using core::Errc;
using core::fail;
using core::Outcome;

namespace {

constexpr std::string_view kFirstLine = "mayfly run 1";
constexpr std::size_t kRunDigits = 16;
constexpr std::size_t kMaxGroups = 32;
constexpr std::size_t kMaxRecordBytes = 64 * 1024;
// For killed processes to leave their groups.
constexpr int kMaxLooks = 500;
constexpr std::chrono::milliseconds kBetweenLooks{2};

bool is_run(std::string_view text) {
  return text.size() == kRunDigits &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

template <class Number>
bool read_number(std::string_view text, Number& number) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

std::string failed(const fs::path& file, const char* what) {
  return file.string() + ": " + what + ": " + std::strerror(errno);
}

// Open, of this user and closed to all others; -1 if it is not that, whoever made it.
int open_private_folder(const fs::path& folder, bool make) {
  if (make) mkdir(folder.c_str(), 0700);
  int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  struct stat found {};
  if (fd >= 0 && fstat(fd, &found) == 0 && found.st_uid == geteuid() && (found.st_mode & 077) == 0) return fd;
  if (fd >= 0) close(fd);
  return -1;
}

bool is_own_folder(const fs::path& folder) {
  struct stat found {};
  return stat(folder.c_str(), &found) == 0 && S_ISDIR(found.st_mode) && found.st_uid == geteuid();
}

fs::path state_folder() {
  auto user = std::to_string(geteuid());
  for (const fs::path& place : {fs::path(core::env_or("XDG_RUNTIME_DIR", "")), fs::path("/run/user/" + user)}) {
    if (place.is_absolute() && is_own_folder(place)) return place / "mayfly";
  }
  return "/tmp/mayfly-" + user;
}

// A path in a record leads to a control group of that run, or nowhere.
bool is_group_of(const fs::path& folder, const std::string& run) {
  struct statfs found {};
  return folder.filename() == "mayfly-" + run && statfs(folder.c_str(), &found) == 0 &&
         (found.f_type == CGROUP_SUPER_MAGIC || found.f_type == CGROUP2_SUPER_MAGIC);
}

std::string counted(int n, const char* one, const char* many) {
  return std::to_string(n) + " " + (n == 1 ? one : many);
}

int environments_in(const fs::path& group) {
  std::error_code error;
  int count = 0;
  for (const auto& entry : fs::directory_iterator(group, error)) {
    std::error_code ignored;
    count += entry.is_directory(ignored);
  }
  return count;
}

// In /tmp anybody may have made something of that name.
void remove_files(const fs::path& folder) {
  struct stat found {};
  std::error_code ignored;
  bool ours = lstat(folder.c_str(), &found) == 0 && S_ISDIR(found.st_mode) && found.st_uid == geteuid();
  if (ours) fs::remove_all(folder, ignored);
}

struct Remains {
  int processes = 0, groups = 0;
  bool gone = true;
};

Remains end_remains(const RunFacts& facts) {
  Remains remains;
  for (const auto& group : facts.groups) {
    if (!is_group_of(group.folder, facts.run)) continue;
    remains.groups = std::max(remains.groups, environments_in(group.folder));
    if (group.holds_processes) remains.processes += kill_group(group.folder, group.unified);
  }
  remains.processes += kill_all_with(run_variable(facts.run));
  remove_files(run_files(facts.run));
  for (const auto& group : facts.groups) {
    if (!is_group_of(group.folder, facts.run)) continue;
    bool removed = remove_group(group.folder);
    for (int look = 0; !removed && look < kMaxLooks; ++look) {
      std::this_thread::sleep_for(kBetweenLooks);
      removed = remove_group(group.folder);
    }
    remains.gone = remains.gone && removed;
  }
  return remains;
}

// Nothing if its owner lives, or nothing was left.
std::optional<std::string> clean_up(int folder, const std::string& name) {
  int fd = openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return std::nullopt;
  std::optional<std::string> note;
  struct stat opened {
  }, named{};
  bool is_dead = fstat(fd, &opened) == 0 && S_ISREG(opened.st_mode) && opened.st_uid == geteuid() &&
                 flock(fd, LOCK_EX | LOCK_NB) == 0 && fstatat(folder, name.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 &&
                 named.st_ino == opened.st_ino;  // no other run was quicker
  if (is_dead) {
    std::string text(std::min<std::size_t>(static_cast<std::size_t>(opened.st_size), kMaxRecordBytes), '\0');
    ssize_t n = read(fd, text.data(), text.size());
    text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    auto facts = parse_run_facts(text);
    Remains remains;
    // Of another boot nothing is left. A process that still is its owner, though
    // without a lock, is let live.
    if (facts && facts->run == name && facts->boot == boot_id()) {
      if (start_time_of(facts->pid) == facts->start_time) {
        remains.gone = false;
      } else {
        remains = end_remains(*facts);
      }
    }
    if (remains.processes > 0 || remains.groups > 0) {
      note = "cleaned up after mayfly run (pid " + std::to_string(facts->pid) +
             ", killed): " + counted(remains.processes, "process", "processes");
      if (remains.groups > 0) *note += ", " + counted(remains.groups, "cgroup", "cgroups");
    }
    if (remains.gone) unlinkat(folder, name.c_str(), 0);
  }
  close(fd);
  return note;
}

}  // namespace

std::string run_variable(std::string_view run) { return "MAYFLY_RUN=" + std::string(run) + "/"; }

fs::path run_files(std::string_view run) { return "/tmp/mayfly-run-" + std::string(run); }

std::string to_text(const RunFacts& facts) {
  std::string text = std::string(kFirstLine) + "\nrun " + facts.run + "\npid " + std::to_string(facts.pid) +
                     "\nstart " + std::to_string(facts.start_time) + "\nboot " + facts.boot + "\n";
  for (const auto& group : facts.groups) {
    text += group.unified ? "group2" : "group1";
    text += group.holds_processes ? " processes " : " limits ";
    text += group.folder.string() + "\n";
  }
  return text;
}

Outcome<RunFacts> parse_run_facts(std::string_view text) {
  RunFacts facts;
  for (int number = 1; !text.empty(); ++number) {
    auto end = text.find('\n');
    std::string where = "line " + std::to_string(number);
    if (end == text.npos) return fail(Errc::parse, where + " has no end");
    auto line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (number == 1) {
      if (line != kFirstLine) return fail(Errc::parse, where + " is not '" + std::string(kFirstLine) + "'");
      continue;
    }
    auto space = std::min(line.find(' '), line.size());
    auto name = line.substr(0, space), value = line.substr(std::min(space + 1, line.size()));
    bool good = false;
    if (name == "run") {
      good = is_run(value);
      facts.run = value;
    } else if (name == "pid") {
      good = read_number(value, facts.pid) && facts.pid > 1;
    } else if (name == "start") {
      good = read_number(value, facts.start_time) && facts.start_time > 0;
    } else if (name == "boot") {
      good = !value.empty();
      facts.boot = value;
    } else if (name == "group1" || name == "group2") {
      bool processes = value.starts_with("processes ");
      auto folder = value.substr(std::min(value.find(' ') + 1, value.size()));
      good = (processes || value.starts_with("limits ")) && folder.starts_with('/') &&
             folder.find('\0') == folder.npos && facts.groups.size() < kMaxGroups;
      facts.groups.push_back({name == "group2", processes, fs::path(folder)});
    }
    if (!good) return fail(Errc::parse, where + ": '" + std::string(line.substr(0, 80)) + "' is no fact of a run");
  }
  if (facts.run.empty() || facts.pid == 0 || facts.start_time == 0 || facts.boot.empty())
    return fail(Errc::parse, "run, pid, start or boot is missing");
  return facts;
}

Outcome<RunRecord> RunRecord::write(const RunFacts& facts) {
  fs::path folder = state_folder(), file = folder / facts.run, draft = folder / (facts.run + ".new");
  int folder_fd = open_private_folder(folder, true);
  if (folder_fd < 0) {
    return fail(Errc::refused, folder.string() + ": it is not a folder of this user's alone (mode 0700)");
  }
  close(folder_fd);
  int fd = open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return fail(Errc::refused, failed(draft, "cannot be written"));
  RunRecord record(fd, draft);
  std::string text = to_text(facts);
  // It gets its name when it is locked and complete: nobody takes it for a dead one's.
  if (flock(fd, LOCK_EX | LOCK_NB) != 0 || ::write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      rename(draft.c_str(), file.c_str()) != 0) {
    return fail(Errc::refused, failed(draft, "cannot be written"));
  }
  record.file_ = file;
  return record;
}

RunRecord::RunRecord(RunRecord&& other) noexcept : fd_(std::exchange(other.fd_, -1)), file_(std::move(other.file_)) {}

RunRecord::~RunRecord() {
  if (fd_ < 0) return;
  unlink(file_.c_str());
  close(fd_);
}

std::vector<std::string> clean_up_after_killed_runs() {
  std::vector<std::string> notes;
  fs::path path = state_folder();
  int folder = open_private_folder(path, false);
  if (folder < 0) return notes;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path, error)) {
    std::string name = entry.path().filename().string();
    if (!is_run(name)) continue;
    if (auto note = clean_up(folder, name)) notes.push_back(std::move(*note));
  }
  close(folder);
  return notes;
}

}  // namespace mayfly::emulator
