// What each environment does at this moment, for who asks with SIGUSR1: a line an
// environment. Useful when something hangs and nobody watches.
//
// It only listens; memory is looked up in /proc when asked.
// Thread-safety: one thread.

#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "emulator/observation.h"
#include "emulator/settings.h"

namespace mayfly::emulator::cli {

class StatusBoard {
 public:
  StatusBoard(int memory_mb, std::chrono::milliseconds timeout) : memory_mb_(memory_mb), timeout_(timeout) {}

  void observe(const Observation& o);

  // `now_ns`: on the scale of Observation::elapsed_ns.
  //   environment 1  call #3 8f3c41d2  1.20 s of 3.00 s  9/128 MB  bootstrap 4711, agent 4712
  //   environment 2  frozen for 12.31 s, 4 calls  9/128 MB  bootstrap 4715
  std::string text(std::int64_t now_ns) const;

 private:
  struct Call {
    std::string request_id;
    std::int64_t since_ns = 0;
    bool answered = false;
  };
  struct Environment {
    std::string state;
    std::int64_t since_ns = 0;
    std::int64_t calls_ended = 0;
    std::map<std::uint32_t, Call> calls;  // that run, by number
    std::map<std::string, int> pids;      // of processes that live, by name
  };

  std::string line(std::uint32_t number, const Environment& environment, std::int64_t now_ns) const;

  const int memory_mb_;
  const std::chrono::milliseconds timeout_;
  std::map<std::uint32_t, Environment> environments_;
};

}  // namespace mayfly::emulator::cli
