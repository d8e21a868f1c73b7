// Runs of the generic bootstrap, as a process.

#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/runtime/scripted_server.h"

namespace mayfly::test {

// What a program has said, and how it ended: its exit code, or minus the signal.
struct Ended {
  int code;
  std::string standard_error;
  std::string standard_output;
};

// Runs a program with exactly this environment. When the script has ended, it
// gets SIGTERM.
Ended run_program(const std::string& path, ScriptedServer& server, std::vector<std::string> environment);

// An invocation each, answered with 202 whichever way.
std::vector<Step> invocations(const std::vector<std::string>& events);

// Expects that Init of bootstrap fails; gives the body of init/error.
Request init_error_of(std::vector<std::string> environment);

std::string error_type(const Request& request);
bool contains(std::string_view text, std::string_view part);

// True once there is no such process, or only a zombie of somebody else's; waits for
// that.
bool has_ended(pid_t pid);

// A folder of its own, removed at the end.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::string& path() const { return path_; }
  void write(const std::string& file, std::string_view bytes);
  std::string read(const std::string& file) const;
  // A shell script that can be executed.
  void write_script(const std::string& file, std::string_view lines);

 private:
  std::string path_;
};

}  // namespace mayfly::test
