// The processes of execution environments: started clean, read line by line,
// ended with everything they have started, and always reaped.
//
// Clean: an environment of their own, standard input from /dev/null, one pipe
// for standard output and error (so that their order is kept), no descriptor of
// ours, default signals, 1,024 descriptors as on Lambda, a process group of
// their own (a Ctrl-C in our terminal is ours), SIGKILL when our thread ends.
// What they see of files is their FileView.
//
// Thread-safety: one thread, which runs the io_context and starts all processes.

#pragma once

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/failure.h"
#include "emulator/sandbox/file_view.h"
#include "emulator/sandbox/process_usage.h"
#include "emulator/sandbox/sandbox_environment.h"
#include "emulator/sandbox/sandbox_group.h"

namespace mayfly::emulator {

struct ProcessSpec {
  std::filesystem::path program;       // absolute
  std::vector<std::string> arguments;  // argv[0] first
  Variables variables;
  std::filesystem::path working_directory;
  unsigned open_files = 1'024;     // as many descriptors it may have; as on Lambda
  SandboxGroup* group = nullptr;   // where it starts; null: where we are
  const FileView* view = nullptr;  // null: it sees what we see
};

class Process {
 public:
  // Longer lines are cut into pieces of this size, as CloudWatch Logs does.
  static constexpr std::size_t kMaxLineBytes = 256 * 1024;

  ~Process();
  pid_t pid() const { return pid_; }
  bool is_alive() const { return alive_; }
  // To the process and its group. Nothing when it has exited.
  void send_signal(int signal);
  // Reads what the process has written by now, up to 1 MiB.
  void drain();
  // The peaks of resident memory of the process and its descendants, in KiB;
  // the last known figure after its exit.
  std::int64_t peak_memory_kb();
  // What it has used so far, its descendants included, by a look at it now;
  // after its exit what the last look and the kernel say.
  const ProcessUsage& measure();

 private:
  friend class ProcessTable;
  explicit Process(boost::asio::io_context& io) : output_(io) {}
  void wait_for_output(std::weak_ptr<Process> self);
  void emit_lines(bool all);
  void exited();

  pid_t pid_ = -1;
  bool alive_ = false;
  std::int64_t peak_kb_ = 0;
  ProcessUsage usage_;
  boost::asio::posix::stream_descriptor output_;
  std::string pending_;  // of a line whose end has not come
  std::function<void(std::string_view)> on_line_;
  std::function<void(std::string)> on_exit_;
};

// All children of this program; one in a program. It takes SIGCHLD and makes
// the program a subreaper, so that orphans of the environments come to it.
class ProcessTable {
 public:
  // `on_reaped` is called when children have been reaped and on_exit was told.
  ProcessTable(boost::asio::io_context& io, std::function<void()> on_reaped);
  // Kills and reaps every child that is left; exits are not told any more.
  ~ProcessTable();

  // `on_exit` gets "exit status 1" or "signal: killed", nothing for exit code 0,
  // and comes after the last line. Both callbacks live as long as the process.
  // Errors: Errc::not_found for the working directory, Errc::refused for the
  // program, worded "fork/exec /path: no such file or directory".
  core::Outcome<std::shared_ptr<Process>> start(const ProcessSpec& spec, std::function<void(std::string_view)> on_line,
                                                std::function<void(std::string)> on_exit);

  // What holds each environment together.
  SandboxGroups& groups() { return groups_; }
  // What the processes of each see of files.
  FileViews& views() { return views_; }

  // There is no child, known or stray, dead or alive.
  bool empty() const;
  // Keeps the io_context busy no longer.
  void stop_watching();

 private:
  void watch();
  void reap();

  SandboxGroups groups_;
  FileViews views_{groups_.run()};
  boost::asio::io_context& io_;
  const std::function<void()> on_reaped_;
  bool watching_ = true;
  boost::asio::signal_set child_signal_;
  std::map<pid_t, std::shared_ptr<Process>> processes_;
};

// "exit status 1", "signal: segmentation fault": as Lambda words a wait status;
// empty for exit code 0.
std::string exit_text(int wait_status);

}  // namespace mayfly::emulator
