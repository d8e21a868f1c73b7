// Lambda around one extension: starts the program, speaks the Extensions and
// Telemetry APIs to it, freezes, thaws and kills it. All by the calls of one
// thread, which waits where Lambda would wait; spelled from the documentation.
//
// A sandbox has many lives: start() after an end begins the next one, with the
// same folder as its /tmp when that can be mounted.

#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/message.h"

namespace storm {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

class Sandbox {
 public:
  struct Options {
    std::string program;
    std::vector<std::string> variables;  // NAME=value, beside those that Lambda gives
    std::string folder;                  // for tmp/, out and err; must exist
    int processor = -1;                  // the only one it may run on
  };

  explicit Sandbox(Options options);
  ~Sandbox();  // kills it
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  // Of the next life.
  void set_variables(std::vector<std::string> variables) { options_.variables = std::move(variables); }

  // Starts the program and serves it until its first `next`. Ends the program
  // of the caller when that does not come: nothing could be told of it then.
  void start();

  // Answers the pending `next`.
  void invoke(std::string_view request_id, milliseconds timeout);
  // False: not within `patience`, or the program has ended.
  bool wait_next(milliseconds patience);
  bool next_pending() const { return next_pending_; }
  bool running();

  // Delivers a batch; the status it was answered with, 0 when it was not.
  int deliver(std::string_view batch);
  // Sends only this many bytes of it and hangs up.
  void deliver_part(std::string_view batch, std::size_t bytes);

  void freeze();
  void thaw();

  // Answers the pending `next`.
  void send_shutdown(std::string_view reason, milliseconds budget);
  // Kills it at the end of `patience`. False: it had to be.
  bool wait_end(milliseconds patience);
  void kill();

  pid_t pid() const { return pid_; }
  // As wait() tells it: valid after an end.
  int status() const { return status_; }
  // What it wrote in this life.
  std::string errors() const;
  // CPU of all threads until now.
  std::chrono::nanoseconds cpu() const;
  // A field of /proc/PID/status, in KiB: "VmRSS:", "VmHWM:".
  long memory_kib(const char* field) const;
  std::size_t descriptors() const;

 private:
  void spawn();
  void reap(bool wait);
  bool serve_one(milliseconds patience);
  void answer(std::string_view head, std::string_view body);
  bool connect_listener();

  Options options_;
  int api_ = -1;  // listens
  int api_port_ = 0;
  std::unique_ptr<bench::Messages> extension_;  // its connection
  std::unique_ptr<bench::Messages> telemetry_;  // to its listener
  int telemetry_port_ = 0;
  pid_t pid_ = -1;
  int status_ = 0;
  bool next_pending_ = false;
  bool frozen_ = false;
};

}  // namespace storm
