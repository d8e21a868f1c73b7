// What a run leaves behind for its successors in case it is killed: a file with
// its name and its control groups, locked as long as it lives.
//
// The next run ends what is left of those whose lock is free. Nothing is ever
// found by the name of a program or by a process id alone: control groups and
// the variable of the processes carry the run's random id.

#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/failure.h"

namespace mayfly::emulator {

// "MAYFLY_RUN=<run>/", followed by the number of the environment: a variable of
// processes that no control group holds together.
std::string run_variable(std::string_view run);

// The folder of a run's files, /tmp/mayfly-run-<run>, which is this user's alone.
std::filesystem::path run_files(std::string_view run);

struct RunFacts {
  std::string run;  // 16 hex digits
  pid_t pid = 0;
  std::uint64_t start_time = 0;  // see start_time_of
  std::string boot;
  struct Group {
    bool unified = false;
    bool holds_processes = false;  // it is by this group that they can be ended
    std::filesystem::path folder;  // its last part is "mayfly-<run>"
  };
  std::vector<Group> groups;
};

std::string to_text(const RunFacts& facts);
// Errors: Errc::parse, naming line and what is wrong with it.
core::Outcome<RunFacts> parse_run_facts(std::string_view text);

class RunRecord {
 public:
  // In "mayfly" below XDG_RUNTIME_DIR or /run/user/<id>, else /tmp/mayfly-<id>:
  // a folder that is ours alone (0700). Errors: Errc::refused, naming the file.
  static core::Outcome<RunRecord> write(const RunFacts& facts);
  RunRecord(RunRecord&& other) noexcept;
  ~RunRecord();  // removes it

 private:
  RunRecord(int fd, std::filesystem::path file) : fd_(fd), file_(std::move(file)) {}
  int fd_;
  std::filesystem::path file_;
};

// Ends what is left of runs that were killed. A line for each that had left
// something: "cleaned up after mayfly run (pid 4121, killed): 2 processes, 1
// cgroup". Waits for what it kills, a second at most for each run.
std::vector<std::string> clean_up_after_killed_runs();

}  // namespace mayfly::emulator
