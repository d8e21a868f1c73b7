#include "emulator/sandbox/sandbox_group.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <thread>

#include "emulator/identifiers.h"
#include "emulator/sandbox/process_tree.h"

namespace mayfly::emulator {

namespace fs = std::filesystem;

namespace {

// At the very end, for the kernel to let go of groups whose processes are reaped.
constexpr int kMaxLooks = 200;
constexpr std::chrono::milliseconds kBetweenLooks{5};

// Microseconds; what is used up is waited for until the next one begins. As on
// Lambda, measured there: 1,447 of 20,000 for 128 MB.
constexpr int kCpuPeriod = 20'000;
constexpr int kMemoryOfOneProcessor = 1'769;  // MB

// The number behind a name at the start of a line; 0 when there is none.
std::int64_t number_of(const std::string& text, std::string_view name) {
  std::string wanted = "\n" + std::string(name) + " ";
  auto at = text.starts_with(wanted.substr(1)) ? 0 : text.find(wanted);
  if (at == text.npos) return 0;
  return std::strtoll(text.c_str() + at + wanted.size() - (at == 0 ? 1 : 0), nullptr, 10);
}

bool has_word(const std::string& text, std::string_view word) {
  std::string padded = " " + text + " ";
  std::ranges::replace(padded, '\n', ' ');
  return padded.find(" " + std::string(word) + " ") != padded.npos;
}

bool has_controller(const ControlHierarchy& hierarchy, std::string_view name) {
  return std::ranges::find(hierarchy.controllers, name) != hierarchy.controllers.end();
}

// Version 2: groups below `group` get the controller. The error number.
int hand_down(const fs::path& group, const std::string& controller) {
  if (!has_word(read_all((group / "cgroup.controllers").string()), controller)) return ENOENT;
  if (has_word(read_all((group / "cgroup.subtree_control").string()), controller)) return 0;
  return write_value(group / "cgroup.subtree_control", "+" + controller);
}

std::string why(int error) { return error == ENOENT ? "no such controller here" : std::string(std::strerror(error)); }

int open_file(const fs::path& file, int flags) { return open(file.c_str(), flags | O_CLOEXEC); }

void close_all(std::initializer_list<int> descriptors) {
  for (int fd : descriptors) {
    if (fd >= 0) close(fd);
  }
}

}  // namespace

// ---- SandboxGroup

SandboxGroup::~SandboxGroup() {
  kill();
  close_all({freeze_fd_, peak_fd_, entry_.folder, entry_.processes});
  for (int fd : entry_.tasks) close(fd);
  for (const auto& folder : folders_) {
    if (!remove_group(folder)) to_remove_->push_back(folder);
  }
}

void SandboxGroup::joined(pid_t child) { children_.push_back(child); }

void SandboxGroup::left(pid_t child) { std::erase(children_, child); }

std::vector<pid_t> SandboxGroup::roots() const {
  std::vector<pid_t> found;
  std::string whole = variable_ + '\0';
  for (pid_t child : children_of(getpid())) {
    if (std::ranges::find(children_, child) != children_.end() || has_variable(child, whole)) found.push_back(child);
  }
  return found;
}

void SandboxGroup::freeze() {
  if (frozen_) return;
  frozen_ = true;
  if (freezer_.empty()) return stop_trees(roots());
  std::string_view value = unified_freezer_ ? "1" : "FROZEN";
  [[maybe_unused]] auto n = pwrite(freeze_fd_, value.data(), value.size(), 0);
}

void SandboxGroup::thaw() {
  if (!frozen_) return;
  frozen_ = false;
  if (freezer_.empty()) return continue_trees(roots());
  std::string_view value = unified_freezer_ ? "0" : "THAWED";
  [[maybe_unused]] auto n = pwrite(freeze_fd_, value.data(), value.size(), 0);
}

void SandboxGroup::kill() {
  if (!freezer_.empty()) {
    kill_group(freezer_, unified_freezer_);
    thaw();
  } else {
    for (pid_t root : roots()) kill_tree(root);
    frozen_ = false;
  }
}

std::optional<std::int64_t> SandboxGroup::peak_memory_kb() {
  if (peak_fd_ < 0) return std::nullopt;
  std::array<char, 32> text{};
  if (pread(peak_fd_, text.data(), text.size() - 1, 0) <= 0) return std::nullopt;
  std::int64_t peak = std::strtoll(text.data(), nullptr, 10);
  if (peak == last_peak_) return peak_kb_;  // which is nearly always so, and asking for more is dear
  last_peak_ = peak;
  std::string stat = "\n" + read_all((memory_ / "memory.stat").string());
  std::string prefix = unified_memory_ ? "" : "total_";
  std::int64_t files = number_of(stat, prefix + "inactive_file") + number_of(stat, prefix + "active_file") -
                       number_of(stat, unified_memory_ ? "file_mapped" : "total_mapped_file");
  peak_kb_ = std::max(peak_kb_, (peak - std::max<std::int64_t>(files, 0)) / 1024);
  return peak_kb_;
}

std::int64_t SandboxGroup::out_of_memory_kills() const {
  if (memory_.empty()) return 0;
  auto file = memory_ / (unified_memory_ ? "memory.events" : "memory.oom_control");
  return number_of(read_all(file.string()), "oom_kill");
}

// ---- SandboxGroups

std::string SandboxGroups::new_run() { return random_hex(16); }

SandboxGroups::~SandboxGroups() {
  auto gone = [this] {
    tidy();
    bool all = to_remove_->empty();
    for (const auto& place : places_) all = remove_group(place.folder) && all;
    return all;
  };
  for (int look = 0; !gone() && look < kMaxLooks; ++look) std::this_thread::sleep_for(kBetweenLooks);
}

std::vector<std::string> SandboxGroups::open(ControlGroups wanted, bool throttle_cpu) {
  std::vector<std::string> notes = clean_up_after_killed_runs();

  auto hierarchies = control_hierarchies(read_all("/proc/self/mountinfo"), read_all("/proc/self/cgroup"));
  std::ranges::stable_partition(hierarchies, [](const auto& hierarchy) { return hierarchy.unified; });
  std::vector<Place> planned;
  RunFacts facts{run_, getpid(), start_time_of(getpid()), boot_id(), {}};
  for (const auto& hierarchy : hierarchies) {
    bool allowed =
        wanted == ControlGroups::automatic || wanted == (hierarchy.unified ? ControlGroups::v2 : ControlGroups::v1);
    Place place;
    place.unified = hierarchy.unified;
    place.freezer = hierarchy.unified || has_controller(hierarchy, "freezer");
    place.memory = hierarchy.unified || has_controller(hierarchy, "memory");
    place.pids = hierarchy.unified || has_controller(hierarchy, "pids");
    place.cpu = throttle_cpu && (hierarchy.unified || has_controller(hierarchy, "cpu"));
    place.folder = hierarchy.own / ("mayfly-" + run_);
    if (!allowed || !place.any()) continue;
    facts.groups.push_back({place.unified, place.freezer, place.folder});
    planned.push_back(std::move(place));
  }
  if (auto record = RunRecord::write(facts)) {
    record_.emplace(std::move(*record));
  } else {
    notes.push_back("nothing would clean up after a kill -9 of this run: " + record.error().message);
  }

  bool freezer = false, memory = false, pids = false, cpu = false;
  if (throttle_cpu) enforcement_.cpu_problem = "no control groups";
  if (planned.empty()) enforcement_.memory_problem = enforcement_.processes_problem = "no control groups";
  for (auto& place : planned) {
    if (!prepare(place)) continue;
    place.freezer = place.freezer && !freezer;
    place.memory = place.memory && !memory;
    place.pids = place.pids && !pids;
    place.cpu = place.cpu && !cpu;
    if (!place.any()) {
      remove_group(place.folder);
      continue;
    }
    if (place.freezer) enforcement_.freezer = place.unified ? "cgroup v2" : "cgroup v1";
    freezer = freezer || place.freezer;
    memory = memory || place.memory;
    pids = pids || place.pids;
    cpu = cpu || place.cpu;
    places_.push_back(std::move(place));
  }
  if (memory) enforcement_.memory_problem.clear();
  if (pids) enforcement_.processes_problem.clear();
  if (cpu) enforcement_.cpu_problem.clear();
  return notes;
}

// Makes the run's group there and finds out what its environments can have.
bool SandboxGroups::prepare(Place& place) {
  if (mkdir(place.folder.c_str(), 0755) != 0) {
    enforcement_.memory_problem = enforcement_.processes_problem = why(errno);
    return false;
  }
  if (!place.unified) return true;
  place.freezer = access((place.folder / "cgroup.freeze").c_str(), W_OK) == 0;
  auto down = [&](const std::string& controller, std::string& problem) {
    int error = hand_down(place.folder.parent_path(), controller);
    if (error == 0) error = hand_down(place.folder, controller);
    if (error != 0) problem = why(error);
    return error == 0;
  };
  place.memory = down("memory", enforcement_.memory_problem);
  place.pids = down("pids", enforcement_.processes_problem);
  place.cpu = place.cpu && down("cpu", enforcement_.cpu_problem);
  return true;
}

std::unique_ptr<SandboxGroup> SandboxGroups::make(int memory_mb, int max_processes) {
  std::unique_ptr<SandboxGroup> group(new SandboxGroup());
  std::string name = std::to_string(++made_);
  group->to_remove_ = to_remove_;
  for (const auto& place : places_) {
    fs::path folder = place.folder / name;
    if (mkdir(folder.c_str(), 0755) != 0) continue;
    group->folders_.push_back(folder);
    if (place.unified) {
      group->entry_.folder = open_file(folder, O_RDONLY | O_DIRECTORY);
      group->entry_.processes = open_file(folder / "cgroup.procs", O_WRONLY);
    } else {
      group->entry_.tasks.push_back(open_file(folder / "tasks", O_WRONLY));
    }
    if (place.freezer) {
      group->freezer_ = folder;
      group->unified_freezer_ = place.unified;
      group->freeze_fd_ = open_file(folder / (place.unified ? "cgroup.freeze" : "freezer.state"), O_WRONLY);
    }
    if (place.memory) {
      std::string bytes = std::to_string(static_cast<std::int64_t>(memory_mb) * 1024 * 1024);
      group->memory_ = folder;
      group->unified_memory_ = place.unified;
      write_value(folder / (place.unified ? "memory.max" : "memory.limit_in_bytes"), bytes);
      // Swap would be memory beyond the limit. Not every kernel counts it.
      write_value(folder / (place.unified ? "memory.swap.max" : "memory.memsw.limit_in_bytes"),
                  place.unified ? "0" : bytes);
      group->peak_fd_ = open_file(folder / (place.unified ? "memory.peak" : "memory.max_usage_in_bytes"), O_RDONLY);
    }
    if (place.cpu) {
      auto quota = std::to_string(kCpuPeriod * memory_mb / kMemoryOfOneProcessor), period = std::to_string(kCpuPeriod);
      if (!place.unified) write_value(folder / "cpu.cfs_period_us", period);
      write_value(folder / (place.unified ? "cpu.max" : "cpu.cfs_quota_us"),
                  place.unified ? quota + " " + period : quota);
    }
    if (place.pids && max_processes > 0) write_value(folder / "pids.max", std::to_string(max_processes));
  }
  if (group->freezer_.empty()) group->variable_ = run_variable(run_) + name;
  return group;
}

void SandboxGroups::kill_all() {
  for (const auto& place : places_) {
    if (place.freezer) kill_group(place.folder, place.unified);
  }
}

void SandboxGroups::tidy() {
  if (to_remove_->empty()) return;
  std::erase_if(*to_remove_, [](const fs::path& folder) { return remove_group(folder); });
}

}  // namespace mayfly::emulator
