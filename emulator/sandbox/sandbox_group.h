// The processes of one execution environment as one thing: frozen, thawed,
// limited, measured and killed together, whatever they have started and wherever
// that has gone to.
//
// It is made of what the machine gives, each from version 2 of the kernel's
// control groups, else version 1: a freezer, a limit of memory, a limit of the
// number of processes. Without a freezer, every process is stopped by SIGSTOP,
// found by parentage or by a variable of its own. What cannot be had is told
// (Enforcement); nothing fails for it.
//
// Version 2 first, because there what is frozen can be killed: the kernel then
// ends the environment of a killed `mayfly` by itself.
//
// Thread-safety: one thread. SandboxGroups outlives no fork: the children of the
// calling process are the environment's roots.

#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "emulator/sandbox/control_groups.h"
#include "emulator/sandbox/run_record.h"
#include "emulator/settings.h"

namespace mayfly::emulator {

struct Enforcement {
  std::string freezer = "signals";  // or "cgroup v1", "cgroup v2"
  std::string memory_problem = "not tried";
  std::string processes_problem = "not tried";  // empty: limited
  std::string cpu_problem = "not asked for";    // empty: limited
};

// How a new process comes into a group.
struct GroupEntry {
  int folder = -1;         // version 2: for CLONE_INTO_CGROUP
  int processes = -1;      // version 2: or write "0" here
  std::vector<int> tasks;  // version 1: write "0" to each, from the only thread
};

class SandboxGroup {
 public:
  static constexpr int kMaxProcesses = 1'024;  // as on Lambda

  ~SandboxGroup();  // kills all, and removes the group now or when they have ended
  SandboxGroup(const SandboxGroup&) = delete;
  SandboxGroup& operator=(const SandboxGroup&) = delete;

  const GroupEntry& entry() const { return entry_; }
  // "NAME=value" for the environment of every process; empty when control groups
  // hold them together.
  const std::string& variable() const { return variable_; }
  // A child that was started into it, and its end.
  void joined(pid_t child);
  void left(pid_t child);

  void freeze();
  void thaw();
  bool is_frozen() const { return frozen_; }
  // Everything in it, frozen or not. What the program still knows as its child
  // is to be reaped.
  void kill();

  // The peak of memory since the group was made, page cache that no process has
  // mapped left out, in KiB; nothing when memory is not measured.
  std::optional<std::int64_t> peak_memory_kb();
  // How many processes the kernel has killed for want of memory.
  std::int64_t out_of_memory_kills() const;

 private:
  friend class SandboxGroups;
  SandboxGroup() = default;
  std::vector<pid_t> roots() const;

  std::shared_ptr<std::vector<std::filesystem::path>> to_remove_;
  std::vector<std::filesystem::path> folders_;
  std::filesystem::path freezer_;  // empty: by signals
  std::filesystem::path memory_;   // empty: not limited
  bool unified_freezer_ = false, unified_memory_ = false;
  int freeze_fd_ = -1, peak_fd_ = -1;
  GroupEntry entry_;
  std::string variable_;
  std::vector<pid_t> children_;
  bool frozen_ = false;
  std::int64_t last_peak_ = 0, peak_kb_ = 0;
};

// The groups of one run. One in a program.
class SandboxGroups {
 public:
  SandboxGroups() = default;
  ~SandboxGroups();  // when every process has ended
  SandboxGroups(const SandboxGroups&) = delete;
  SandboxGroups& operator=(const SandboxGroups&) = delete;

  // First cleans up after runs that were killed, then makes what `wanted` and
  // the machine allow and records it. Returns lines worth telling.
  std::vector<std::string> open(ControlGroups wanted, bool throttle_cpu = false);
  const Enforcement& enforcement() const { return enforcement_; }
  // 16 hex digits, as the run is recorded.
  const std::string& run() const { return run_; }

  // `max_processes`: 0 is no limit. Of processors it gets, where that was asked for,
  // as much as its memory buys: 1,769 MB one. Works before open() too: held together
  // by signals, then.
  std::unique_ptr<SandboxGroup> make(int memory_mb, int max_processes = SandboxGroup::kMaxProcesses);
  // Removes what ended environments have left. For use when children have ended.
  void tidy();
  // Kills what is in groups, frozen or not: for the end of the program.
  void kill_all();

 private:
  struct Place {
    bool unified = false;
    bool freezer = false, memory = false, pids = false, cpu = false;
    bool any() const { return freezer || memory || pids || cpu; }
    std::filesystem::path folder;  // of the run
  };
  bool prepare(Place& place);

  const std::string run_ = new_run();
  static std::string new_run();
  std::vector<Place> places_;
  std::optional<RunRecord> record_;
  Enforcement enforcement_;
  std::shared_ptr<std::vector<std::filesystem::path>> to_remove_ =
      std::make_shared<std::vector<std::filesystem::path>>();
  int made_ = 0;
};

}  // namespace mayfly::emulator
