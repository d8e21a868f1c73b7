#include "runtime/bootstrap/exec_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

namespace mayfly::runtime {
namespace {

using Clock = std::chrono::steady_clock;
using core::Errc;
using core::fail;

constexpr std::size_t kMaxLastErrors = 4 * 1024;
constexpr std::size_t kReadBytes = 64 * 1024;

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() { close(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_ = -1;
};

struct Pipe {
  Descriptor read, write;
};

core::Failure system_failure(std::string what) {
  return {Errc::refused, std::move(what) + ": " + std::strerror(errno)};
}

core::Outcome<Pipe> make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return unexpected(system_failure("no pipe for the program"));
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

// A file in memory: the program reads it at its own pace, or not at all, and
// nobody has to write to it meanwhile.
core::Outcome<Descriptor> input_file(std::string_view input) {
  Descriptor file(memfd_create("event", MFD_CLOEXEC));
  if (!file) return unexpected(system_failure("no memory file for the event"));
  for (std::size_t at = 0; at < input.size();) {
    auto written = pwrite(file.get(), input.data() + at, input.size() - at, static_cast<off_t>(at));
    if (written < 0) return unexpected(system_failure("the event does not go into memory"));
    at += static_cast<std::size_t>(written);
  }
  return file;
}

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> all;
  for (const auto& word : words) all.push_back(const_cast<char*>(word.c_str()));
  all.push_back(nullptr);
  return all;
}

// Its own process group, so that it ends with all that it has started; default
// signals, whatever ours are; no descriptor of ours.
core::Outcome<pid_t> spawn(const ExecSpec& spec, int input, int output, int errors) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  sigset_t all, none;
  sigfillset(&all);
  sigemptyset(&none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setsigmask(&attributes, &none);

  auto arguments = pointers(spec.arguments), variables = pointers(spec.variables);
  pid_t child = 0;
  int error = posix_spawn(&child, spec.program.c_str(), &actions, &attributes, arguments.data(), variables.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return fail(Errc::refused, spec.program + " cannot be started: " + std::strerror(error));
  return child;
}

std::string exit_text(int status) {
  if (WIFEXITED(status)) {
    return WEXITSTATUS(status) == 0 ? std::string() : "exit status " + std::to_string(WEXITSTATUS(status));
  }
  std::string text = strsignal(WTERMSIG(status));
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return "signal: " + text;
}

// A running program and what it writes.
class Program {
 public:
  // `ended` becomes readable at the program's end.
  Program(const ExecSpec& spec, pid_t pid, Descriptor ended, Descriptor output, Descriptor errors)
      : spec_(spec), pid_(pid), ended_(std::move(ended)), output_(std::move(output)), errors_(std::move(errors)) {}

  ExecEnd run() {
    while (!has_ended(until_next())) {
      const auto now = Clock::now();
      if (now >= spec_.terminate_at && !std::exchange(end_.terminated, true)) kill(-pid_, SIGTERM);
      if (now >= spec_.kill_at) kill_all();
    }
    kill_all();  // it is a zombie still, so that its group cannot be anybody else's
    while (read_output() || read_errors()) {
    }
    reap();
    trim_errors();
    return std::move(end_);
  }

 private:
  void kill_all() {
    kill(-pid_, SIGKILL);
    killed_ = true;
  }

  int until_next() const {
    auto next = end_.terminated ? spec_.kill_at : spec_.terminate_at;
    if (killed_ || next == Clock::time_point::max()) return -1;
    auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
  }

  // Waits for something to happen, and takes what was written.
  bool has_ended(int timeout_ms) {
    pollfd events[] = {{ended_.get(), POLLIN, 0}, {output_.get(), POLLIN, 0}, {errors_.get(), POLLIN, 0}};
    if (poll(events, 3, timeout_ms) <= 0) return false;
    if (events[1].revents) read_output();
    if (events[2].revents) read_errors();
    return events[0].revents != 0;
  }

  // False: nothing is there, now or ever.
  bool read_output() {
    const std::size_t before = end_.output.size();
    const std::size_t room = std::min(kReadBytes, spec_.max_output_bytes + 1 - before);
    if (!output_ || room == 0) return false;
    end_.output.resize(before + room);
    auto n = ::read(output_.get(), end_.output.data() + before, room);
    end_.output.resize(before + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    if (n == 0) output_.close();
    if (end_.output.size() > spec_.max_output_bytes) {
      end_.too_large = true;
      output_.close();
      kill_all();
    }
    return n > 0;
  }

  bool read_errors() {
    if (!errors_) return false;
    char bytes[4 * 1024];
    auto n = ::read(errors_.get(), bytes, sizeof bytes);
    if (n == 0) errors_.close();
    if (n <= 0) return false;
    std::string_view text(bytes, static_cast<std::size_t>(n));
    end_.last_errors.append(text);
    if (end_.last_errors.size() > kMaxLastErrors) {
      end_.last_errors.erase(0, end_.last_errors.size() - kMaxLastErrors);
      cut_ = true;
    }
    while (!text.empty()) {
      auto written = ::write(STDERR_FILENO, text.data(), text.size());
      if (written <= 0 && errno != EINTR) break;
      text.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
    }
    return true;
  }

  void trim_errors() {
    auto line_end = end_.last_errors.find('\n');
    if (cut_ && line_end != std::string::npos) end_.last_errors.erase(0, line_end + 1);
  }

  void reap() {
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    end_.how = exit_text(status);
    // Orphans come to us where we are the first process of a container.
    while (waitpid(-pid_, nullptr, WNOHANG) > 0) {
    }
  }

  const ExecSpec& spec_;
  const pid_t pid_;
  Descriptor ended_, output_, errors_;
  ExecEnd end_;
  bool killed_ = false;
  bool cut_ = false;  // last_errors is not all of it
};

}  // namespace

core::Outcome<ExecEnd> run_program(const ExecSpec& spec) {
  auto input = input_file(spec.input);
  if (!input) return unexpected(std::move(input).error());
  auto output = make_pipe(), errors = make_pipe();
  if (!output) return unexpected(std::move(output).error());
  if (!errors) return unexpected(std::move(errors).error());
  auto child = spawn(spec, input->get(), output->write.get(), errors->write.get());
  if (!child) return unexpected(std::move(child).error());
  output->write.close();
  errors->write.close();
  Descriptor ended(static_cast<int>(syscall(SYS_pidfd_open, *child, 0)));
  if (!ended) {
    auto failure = system_failure("no descriptor of the program");
    kill(-*child, SIGKILL);
    waitpid(*child, nullptr, 0);
    return unexpected(std::move(failure));
  }
  for (int fd : {output->read.get(), errors->read.get()}) fcntl(fd, F_SETFL, O_NONBLOCK);
  return Program(spec, *child, std::move(ended), std::move(output->read), std::move(errors->read)).run();
}

}  // namespace mayfly::runtime
