// Who listens on which TCP port of this machine, from /proc/net/tcp and the open
// files of processes. For messages only: it may have changed meanwhile, and
// other users' processes cannot be looked into.

#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace mayfly::emulator::cli {

struct PortHolder {
  bool found = false;  // some socket listens there
  std::string name;    // empty when the process is another user's
  int pid = 0;
};

PortHolder holder_of(std::uint16_t port);

struct ListeningPort {
  std::string address;  // "127.0.0.1", "::1", "0.0.0.0"
  std::uint16_t port = 0;
  std::string host_port() const;
};

// All of them, as they are when this is made. That takes tens of milliseconds where
// there are a thousand connections.
class ListeningPorts {
 public:
  ListeningPorts();
  // Of the process and its descendants.
  std::vector<ListeningPort> of(pid_t pid) const;

 private:
  void add(pid_t pid, std::vector<ListeningPort>& out) const;
  std::vector<std::pair<unsigned long, ListeningPort>> by_socket_;  // by its inode
};

// Whether the kernel gives this port to who asks for any: then nobody has
// insisted on it.
bool is_ephemeral(std::uint16_t port);

}  // namespace mayfly::emulator::cli
