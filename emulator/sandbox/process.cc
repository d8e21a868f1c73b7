#include "emulator/sandbox/process.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>

#include "emulator/sandbox/process_tree.h"

namespace mayfly::emulator {

namespace {

using core::Errc;
using core::fail;

// For one drain(), which must end while the process goes on writing. As much as
// the largest pipe holds.
constexpr std::size_t kMaxDrainBytes = 1024 * 1024;

// What a child tells about its way to execve(2), over a pipe that execve closes.
struct ChildReport {
  enum Step : int { group, files, working_directory, program } step;
  int error;
};

// All that the child needs, made before fork(2): behind it nothing may allocate.
struct ChildPlan {
  std::vector<char*> arguments;
  std::vector<char*> variables;
  const char* program;
  const char* working_directory;
  const FileView* view;     // null: sees what we see
  const GroupEntry* group;  // null: stays in ours
  int null_fd, output_fd, report_fd;
  pid_t parent;
  rlim_t open_files;
};

std::string error_text(int error) {
  std::string text = std::strerror(error);
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

void report(const ChildPlan& plan, ChildReport::Step step) {
  ChildReport report{step, errno};
  [[maybe_unused]] auto n = write(plan.report_fd, &report, sizeof report);
}

// Writing "0" to version 1's `tasks` moves the only thread; cgroup.procs would
// move the process, and wait for a grace period of the kernel: 10 ms.
bool enter_group(const GroupEntry& entry, bool cloned_into) {
  bool entered = cloned_into || entry.processes < 0 || write(entry.processes, "0", 1) == 1;
  for (int tasks : entry.tasks) entered = write(tasks, "0", 1) == 1 && entered;
  return entered;
}

// Between fork and execve: system calls only.
[[noreturn]] void become(const ChildPlan& plan, bool cloned_into) {
  if (plan.group && !enter_group(*plan.group, cloned_into)) {
    report(plan, ChildReport::group);
    _exit(127);
  }
  setpgid(0, 0);
  struct sigaction plain {};
  plain.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) sigaction(signal, &plain, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  umask(022);
  dup2(plan.null_fd, 0);
  dup2(plan.output_fd, 1);
  dup2(plan.output_fd, 2);
  if (syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */) != 0) {
    for (int fd = 3; fd < 65'536; ++fd) fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_max > plan.open_files) {
    files = {plan.open_files, plan.open_files};
    setrlimit(RLIMIT_NOFILE, &files);
  }
  if (plan.view && (errno = plan.view->enter()) != 0) {
    report(plan, ChildReport::files);
    _exit(127);
  }
  // After the user namespace: a change of capabilities forgets this setting.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != plan.parent) _exit(127);
  if (chdir(plan.working_directory) != 0) {
    report(plan, ChildReport::working_directory);
  } else {
    execve(plan.program, plan.arguments.data(), plan.variables.data());
    report(plan, ChildReport::program);
  }
  _exit(127);
}

// As fork(2), into the version 2 group where the kernel does it on the way
// (Linux 5.7): to move there afterwards costs 10 ms. Does not return in the child.
pid_t start_child(const ChildPlan& plan) {
#ifndef __SANITIZE_THREAD__  // which wants to know of forks
  if (plan.group && plan.group->folder >= 0) {
    clone_args how{};
    how.flags = CLONE_INTO_CGROUP;
    how.exit_signal = SIGCHLD;
    how.cgroup = static_cast<std::uint64_t>(plan.group->folder);
    auto pid = static_cast<pid_t>(syscall(SYS_clone3, &how, sizeof how));
    if (pid == 0) become(plan, true);
    if (pid > 0) return pid;
  }
#endif
  pid_t pid = fork();
  if (pid == 0) become(plan, false);
  return pid;
}

std::chrono::microseconds time_of(const timeval& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

std::string_view signal_name(int signal) {
  switch (signal) {
    case SIGHUP: return "hangup";
    case SIGINT: return "interrupt";
    case SIGQUIT: return "quit";
    case SIGILL: return "illegal instruction";
    case SIGTRAP: return "trace/breakpoint trap";
    case SIGABRT: return "aborted";
    case SIGBUS: return "bus error";
    case SIGFPE: return "floating point exception";
    case SIGKILL: return "killed";
    case SIGUSR1: return "user defined signal 1";
    case SIGSEGV: return "segmentation fault";
    case SIGUSR2: return "user defined signal 2";
    case SIGPIPE: return "broken pipe";
    case SIGALRM: return "alarm clock";
    case SIGTERM: return "terminated";
    case SIGXCPU: return "CPU time limit exceeded";
    case SIGXFSZ: return "file size limit exceeded";
    case SIGSYS: return "bad system call";
    default: return {};
  }
}

}  // namespace

std::string exit_text(int wait_status) {
  if (WIFSIGNALED(wait_status)) {
    auto name = signal_name(WTERMSIG(wait_status));
    return "signal: " + (name.empty() ? "signal " + std::to_string(WTERMSIG(wait_status)) : std::string(name));
  }
  int code = WEXITSTATUS(wait_status);
  return code == 0 ? std::string() : "exit status " + std::to_string(code);
}

// ---- Process

Process::~Process() = default;

void Process::send_signal(int signal) {
  if (!alive_) return;
  measure();  // of what has exited /proc says nothing
  if (signal != SIGKILL) return signal_group(pid_, signal);
  for (pid_t child : children_of(pid_)) kill_tree(child);  // those that left the group, too
  kill(-pid_, SIGKILL);
}

std::int64_t Process::peak_memory_kb() {
  if (alive_) peak_kb_ = std::max(peak_kb_, peak_of_tree(pid_));
  return peak_kb_;
}

const ProcessUsage& Process::measure() {
  if (alive_) {
    usage_.keep_highest(usage_of_tree(pid_));
    peak_kb_ = std::max(peak_kb_, usage_.peak_memory_kb);
  }
  return usage_;
}

void Process::drain() {
  std::array<char, 16 * 1024> part;
  for (std::size_t total = 0; output_.is_open() && total < kMaxDrainBytes;) {
    ssize_t n = read(output_.native_handle(), part.data(), part.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) break;
    if (n <= 0) {
      boost::system::error_code ignored;
      output_.close(ignored);
      break;
    }
    total += static_cast<std::size_t>(n);
    pending_.append(part.data(), static_cast<std::size_t>(n));
    emit_lines(false);
  }
}

void Process::emit_lines(bool all) {
  std::string_view rest = pending_;
  while (!rest.empty()) {
    auto end = rest.find('\n');
    if (end == rest.npos && !all && rest.size() < kMaxLineBytes) break;
    auto size = std::min({end, rest.size(), kMaxLineBytes});
    on_line_(rest.substr(0, size));
    rest.remove_prefix(size == end ? size + 1 : size);
  }
  pending_.erase(0, pending_.size() - rest.size());
}

void Process::wait_for_output(std::weak_ptr<Process> self) {
  output_.async_wait(boost::asio::posix::descriptor_base::wait_read, [self](boost::system::error_code error) {
    auto process = self.lock();
    if (error || !process) return;
    process->drain();
    if (process->output_.is_open()) process->wait_for_output(self);
  });
}

void Process::exited() {
  drain();
  emit_lines(true);
  boost::system::error_code ignored;
  output_.close(ignored);
}

// ---- ProcessTable

ProcessTable::ProcessTable(boost::asio::io_context& io, std::function<void()> on_reaped)
    : io_(io), on_reaped_(std::move(on_reaped)), child_signal_(io, SIGCHLD) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  watch();
}

ProcessTable::~ProcessTable() {
  groups_.kill_all();
  for (auto& [pid, process] : processes_) kill(-pid, SIGKILL);
  // Their descendants become our children as they die.
  while (!empty()) {
    for (pid_t child : children_of(getpid())) kill_tree(child);
    while (waitpid(-1, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
}

bool ProcessTable::empty() const {
  siginfo_t info{};
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 && errno == ECHILD;
}

void ProcessTable::stop_watching() {
  // A signal that has come but was not handled yet is past cancelling.
  watching_ = false;
  boost::system::error_code ignored;
  child_signal_.cancel(ignored);
}

void ProcessTable::watch() {
  child_signal_.async_wait([this](boost::system::error_code error, int) {
    if (error || !watching_) return;
    watch();
    reap();
    groups_.tidy();
    on_reaped_();
  });
}

void ProcessTable::reap() {
  for (;;) {
    siginfo_t info{};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return;
    auto found = processes_.find(info.si_pid);
    // What the process left in its group dies before its number can be reused.
    if (found != processes_.end()) kill(-info.si_pid, SIGKILL);
    int status = 0;
    rusage usage{};
    if (wait4(info.si_pid, &status, 0, &usage) < 0 || found == processes_.end()) continue;
    auto process = found->second;
    processes_.erase(found);
    process->alive_ = false;
    // Its own peak was never read when it died early. (This figure is never
    // below what our process had at fork.)
    if (process->peak_kb_ == 0) process->peak_kb_ = usage.ru_maxrss;
    process->usage_.keep_highest(
        {.cpu = time_of(usage.ru_utime) + time_of(usage.ru_stime), .peak_memory_kb = process->peak_kb_});
    process->exited();
    process->on_exit_(exit_text(status));
  }
}

core::Outcome<std::shared_ptr<Process>> ProcessTable::start(const ProcessSpec& spec,
                                                            std::function<void(std::string_view)> on_line,
                                                            std::function<void(std::string)> on_exit) {
  int output[2], report[2];
  if (pipe2(output, O_CLOEXEC) != 0) return fail(Errc::refused, "pipe: " + error_text(errno));
  if (pipe2(report, O_CLOEXEC) != 0) {
    auto why = error_text(errno);
    close(output[0]);
    close(output[1]);
    return fail(Errc::refused, "pipe: " + why);
  }
  int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

  std::string program = spec.program.string(), folder = spec.working_directory.string();
  std::vector<std::string> texts;
  for (const auto& [name, value] : spec.variables) texts.push_back(name + "=" + value);
  if (spec.group && !spec.group->variable().empty()) texts.push_back(spec.group->variable());
  ChildPlan plan{};
  for (const auto& argument : spec.arguments) plan.arguments.push_back(const_cast<char*>(argument.c_str()));
  for (const auto& text : texts) plan.variables.push_back(const_cast<char*>(text.c_str()));
  plan.arguments.push_back(nullptr);
  plan.variables.push_back(nullptr);
  plan.program = program.c_str();
  plan.working_directory = folder.c_str();
  plan.view = spec.view;
  plan.null_fd = null_fd;
  plan.output_fd = output[1];
  plan.report_fd = report[1];
  plan.parent = getpid();
  plan.open_files = spec.open_files;

  plan.group = spec.group ? &spec.group->entry() : nullptr;

  pid_t pid = start_child(plan);
  int fork_error = errno;
  close(output[1]);
  close(report[1]);
  close(null_fd);

  ChildReport told{ChildReport::program, fork_error};
  ssize_t told_bytes = -1;
  while (pid > 0 && (told_bytes = read(report[0], &told, sizeof told)) < 0 && errno == EINTR) {
  }
  bool failed = pid < 0 || told_bytes == sizeof told;
  close(report[0]);
  if (failed) {
    close(output[0]);
    while (pid > 0 && waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    switch (told.step) {
      case ChildReport::group:
        return fail(Errc::refused, "fork/exec " + program + ": control group: " + error_text(told.error));
      case ChildReport::files:
        return fail(Errc::refused, "fork/exec " + program + ": mount namespace: " + error_text(told.error));
      case ChildReport::working_directory:
        return fail(Errc::not_found, "chdir " + folder + ": " + error_text(told.error));
      case ChildReport::program: return fail(Errc::refused, "fork/exec " + program + ": " + error_text(told.error));
    }
  }

  std::shared_ptr<Process> process(new Process(io_));
  process->pid_ = pid;
  process->alive_ = true;
  process->on_line_ = std::move(on_line);
  process->on_exit_ = std::move(on_exit);
  fcntl(output[0], F_SETFL, O_NONBLOCK);
  process->output_.assign(output[0]);
  process->wait_for_output(process);
  processes_[pid] = process;
  return process;
}

}  // namespace mayfly::emulator
