// What a run writes down for its successors, and what they make of it.

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "emulator/sandbox/process_tree.h"
#include "emulator/sandbox/run_record.h"
#include "tests/emulator/running_service.h"

using namespace mayfly::emulator;
using mayfly::emulator::test::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

const std::string kRun = "0123456789abcdef";

RunFacts facts_of(pid_t pid, std::uint64_t start) {
  return {kRun, pid, start, boot_id(), {{true, true, "/sys/fs/cgroup/nowhere/mayfly-" + kRun}}};
}

// The state folder is below it for as long as it lives.
struct Runtime {
  TemporaryFolder folder;
  Runtime() { setenv("XDG_RUNTIME_DIR", folder.path().c_str(), 1); }
  ~Runtime() { unsetenv("XDG_RUNTIME_DIR"); }
  fs::path state() const { return folder.path() / "mayfly"; }
  fs::path file() const { return state() / kRun; }
  // As a killed run leaves it: complete, and not locked.
  void leave(const std::string& text) const {
    mkdir(state().c_str(), 0700);
    std::ofstream(file()) << text;
  }
};

// A process with the run's variable that has nothing to do with us.
pid_t start_stranger(const std::string& variable) {
  pid_t pid = fork();
  if (pid == 0) {
    const char* arguments[] = {"sleep", "1000", nullptr};
    const char* variables[] = {variable.c_str(), nullptr};
    execve("/bin/sleep", const_cast<char**>(arguments), const_cast<char**>(variables));
    _exit(127);
  }
  while (!has_variable(pid, variable)) usleep(1'000);
  return pid;
}

bool is_killed(pid_t pid) {
  int status = 0;
  return waitpid(pid, &status, WNOHANG) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

std::string problem(const std::string& text) {
  auto facts = parse_run_facts(text);
  return facts ? "" : facts.error().message;
}

constexpr std::uint64_t kNeverStarted = 1;  // no process began then

}  // namespace

TEST_CASE("what is written is read again") {
  auto facts = facts_of(4121, 77);
  facts.groups.push_back({false, false, "/sys/fs/cgroup/memory/a b/mayfly-" + kRun});
  auto read = parse_run_facts(to_text(facts));
  REQUIRE(read.has_value());
  CHECK(to_text(*read) == to_text(facts));
  CHECK(read->pid == 4121);
  CHECK(read->start_time == 77);
  CHECK(read->groups.size() == 2);
  CHECK(read->groups[0].unified);
  CHECK(read->groups[0].holds_processes);
  CHECK_FALSE(read->groups[1].unified);
  CHECK_FALSE(read->groups[1].holds_processes);
}

TEST_CASE("a record that is not whole or not ours is refused, and why") {
  std::string whole = to_text(facts_of(4121, 77));
  CHECK(problem(whole) == "");
  CHECK(problem("") == "run, pid, start or boot is missing");
  CHECK(problem("mayfly run 2\n") == "line 1 is not 'mayfly run 1'");
  CHECK(problem(whole.substr(0, whole.size() - 1)) == "line 6 has no end");
  CHECK(problem("mayfly run 1\nrun ../../etc\n") == "line 2: 'run ../../etc' is no fact of a run");
  CHECK(problem("mayfly run 1\nrun " + kRun + "\npid 1\n") == "line 3: 'pid 1' is no fact of a run");
  CHECK(problem("mayfly run 1\nrun " + kRun + "\npid -1\n") == "line 3: 'pid -1' is no fact of a run");
  CHECK(problem("mayfly run 1\ngroup1 processes relative\n") ==
        "line 2: 'group1 processes relative' is no fact of a run");
  CHECK(problem("mayfly run 1\nwhatever\n") == "line 2: 'whatever' is no fact of a run");
}

TEST_CASE("a record is this user's alone, there as long as its owner, and left alone as long") {
  Runtime runtime;
  {
    auto record = RunRecord::write(facts_of(getpid(), start_time_of(getpid())));
    REQUIRE(record.has_value());
    struct stat found {};
    CHECK(stat(runtime.state().c_str(), &found) == 0);
    CHECK((found.st_mode & 0777) == 0700);
    CHECK(stat(runtime.file().c_str(), &found) == 0);
    CHECK((found.st_mode & 0777) == 0600);
    CHECK(clean_up_after_killed_runs().empty());
    CHECK(fs::exists(runtime.file()));
  }
  CHECK(fs::is_empty(runtime.state()));
}

TEST_CASE("a folder that others can write to, or a link, is no place for records") {
  Runtime runtime;
  SUBCASE("open to others") {
    mkdir(runtime.state().c_str(), 0700);
    chmod(runtime.state().c_str(), 0755);
  }
  SUBCASE("a link") {
    mkdir((runtime.folder.path() / "elsewhere").c_str(), 0700);
    fs::create_symlink(runtime.folder.path() / "elsewhere", runtime.state());
  }
  auto record = RunRecord::write(facts_of(getpid(), 77));
  REQUIRE_FALSE(record.has_value());
  CHECK(record.error().message == runtime.state().string() + ": it is not a folder of this user's alone (mode 0700)");
}

TEST_CASE("processes of a killed run are ended by its variable, and nobody else's") {
  Runtime runtime;
  pid_t its = start_stranger(run_variable(kRun) + "1"), other = start_stranger("MAYFLY_RUN=0123456789abcdee/1");
  runtime.leave(to_text(facts_of(getpid(), kNeverStarted)));
  CHECK(clean_up_after_killed_runs() == std::vector<std::string>{"cleaned up after mayfly run (pid " +
                                                                 std::to_string(getpid()) + ", killed): 1 process"});
  CHECK(is_killed(its));  // by now: it holds nothing any more that the next one wants
  CHECK_FALSE(is_killed(other));
  kill(other, SIGKILL);
  waitpid(other, nullptr, 0);
  CHECK_FALSE(fs::exists(runtime.file()));
  CHECK(clean_up_after_killed_runs().empty());
}

TEST_CASE("the files of a run go with it") {
  Runtime runtime;
  fs::create_directory(run_files(kRun));
  std::ofstream(run_files(kRun) / "hosts") << "127.0.0.1 localhost";
  runtime.leave(to_text(facts_of(getpid(), kNeverStarted)));
  CHECK(clean_up_after_killed_runs().empty());  // not worth a line
  CHECK_FALSE(fs::exists(run_files(kRun)));
}

TEST_CASE("a record of another boot, or that cannot be read, is removed and nothing else is done") {
  Runtime runtime;
  pid_t stranger = start_stranger(run_variable(kRun) + "1");
  auto facts = facts_of(getpid(), kNeverStarted);
  SUBCASE("another boot") {
    facts.boot = "another";
    runtime.leave(to_text(facts));
  }
  SUBCASE("half a record") { runtime.leave(to_text(facts).substr(0, 60)); }
  SUBCASE("of another run") {
    facts.run = "fedcba9876543210";
    runtime.leave(to_text(facts));
  }
  CHECK(clean_up_after_killed_runs().empty());
  CHECK_FALSE(is_killed(stranger));
  kill(stranger, SIGKILL);
  waitpid(stranger, nullptr, 0);
  CHECK_FALSE(fs::exists(runtime.file()));
}

TEST_CASE("a process that still is the owner is let live, even without its lock") {
  Runtime runtime;
  pid_t stranger = start_stranger(run_variable(kRun) + "1");
  runtime.leave(to_text(facts_of(getpid(), start_time_of(getpid()))));
  CHECK(clean_up_after_killed_runs().empty());
  CHECK_FALSE(is_killed(stranger));
  kill(stranger, SIGKILL);
  waitpid(stranger, nullptr, 0);
  CHECK(fs::exists(runtime.file()));
}

TEST_CASE("a group in a record that is no control group of that run is not touched") {
  Runtime runtime;
  auto folder = runtime.folder.path() / ("mayfly-" + kRun);
  fs::create_directories(folder / "inner");
  auto facts = facts_of(getpid(), kNeverStarted);
  facts.groups = {{true, true, folder}, {false, true, "/sys/fs/cgroup"}};
  runtime.leave(to_text(facts));
  CHECK(clean_up_after_killed_runs().empty());
  CHECK(fs::exists(folder / "inner"));
}
