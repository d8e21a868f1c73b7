// Environments share this machine's network, on Lambda each has its own. So a
// process that insists on a port works in the first environment and fails in the
// second one, with words of its own or with none. This says what has happened.
//
// What a failed process wanted cannot be seen any more; what its namesake in
// another environment listens on can be, and is the same.
//
// It only listens, and looks into /proc when an Init fails beside an environment
// that works, at most once a second: a function that fails again and again must not
// keep the others waiting. Thread-safety: one thread.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "emulator/cli/message.h"
#include "emulator/observation.h"

namespace mayfly::emulator::cli {

class ListeningPorts;

class PortConflicts {
 public:
  // A process and a port are told of once.
  std::optional<Message> observe(const Observation& o);

 private:
  struct Process {
    int pid = 0;
    bool external = false;
    bool says_in_use = false;  // of an address: EADDRINUSE, in any of its wordings
  };
  struct Environment {
    bool initialising = false;
    std::map<std::string, Process> processes;  // alive, or ended in the Init that runs
  };

  bool may_look(const Observation& o);
  std::optional<Message> explain(const ListeningPorts& ports, std::uint32_t number, const std::string& name,
                                 const Process& failed);
  std::optional<Message> explain_any(std::uint32_t number, const Environment& environment);

  std::map<std::uint32_t, Environment> environments_;
  std::set<std::string> told_;
  std::int64_t next_look_ns_ = 0;  // as Observation::elapsed_ns
};

// Whether a line of a log says that an address is taken, in the words of libc,
// Go, Node, Python, Rust or Java.
bool says_address_in_use(std::string_view line);

}  // namespace mayfly::emulator::cli
