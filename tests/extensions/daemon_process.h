// mayfly-telemetry as a process of its own, beside a FakeLambda.

#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

class DaemonProcess {
 public:
  using Environment = std::vector<std::pair<std::string, std::string>>;

  // Started with exactly this environment and what Lambda always gives.
  DaemonProcess(const std::string& runtime_api, Environment environment);
  ~DaemonProcess();  // kills it if it still runs

  pid_t pid() const { return pid_; }
  // Waits until it has ended. 128 + the signal when it was killed.
  int exit_code();
  // What it has written so far.
  std::string output() const;
  std::string errors() const;

 private:
  std::string folder_;
  pid_t pid_ = -1;
  bool ended_ = false;
};
