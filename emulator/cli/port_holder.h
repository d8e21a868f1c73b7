// Who listens on a TCP port of this machine, from /proc/net/tcp and the open
// files of processes. For messages only: it may have changed meanwhile, and
// other users' processes cannot be named.

#pragma once

#include <cstdint>
#include <string>

namespace mayfly::emulator::cli {

struct PortHolder {
  bool found = false;  // some socket listens there
  std::string name;    // empty when the process is another user's
  int pid = 0;
};

PortHolder holder_of(std::uint16_t port);

}  // namespace mayfly::emulator::cli
