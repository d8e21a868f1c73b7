#include "emulator/cli/port_holder.h"

#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <vector>

namespace mayfly::emulator::cli {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kListen = 0x0A;  // include/net/tcp_states.h

// Inodes of the sockets that listen on `port`.
std::vector<unsigned long> listeners(const char* table, std::uint16_t port) {
  std::vector<unsigned long> inodes;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(table, "re"),
                                                       [](std::FILE* f) { return f ? std::fclose(f) : 0; });
  if (!file) return inodes;
  char line[512];
  while (std::fgets(line, sizeof line, file.get())) {
    unsigned local_port = 0, state = 0;
    unsigned long inode = 0;
    // slot, local address:port, remote address:port, state, queues, timer, retransmits, uid, timeout, inode
    if (std::sscanf(line, " %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*u %*u %lu", &local_port, &state,
                    &inode) == 3 &&
        local_port == port && state == kListen) {
      inodes.push_back(inode);
    }
  }
  return inodes;
}

bool has_socket(const fs::path& process, const std::vector<unsigned long>& inodes) {
  std::error_code error;
  for (fs::directory_iterator at(process / "fd", error), end; !error && at != end; at.increment(error)) {
    std::error_code gone;
    std::string target = fs::read_symlink(at->path(), gone).string();
    for (unsigned long inode : inodes) {
      if (target == "socket:[" + std::to_string(inode) + "]") return true;
    }
  }
  return false;
}

std::string name_of(const fs::path& process) {
  char name[64] = "";
  if (std::FILE* file = std::fopen((process / "comm").c_str(), "re")) {
    if (std::fgets(name, sizeof name, file)) name[std::strcspn(name, "\n")] = '\0';
    std::fclose(file);
  }
  return name;
}

}  // namespace

PortHolder holder_of(std::uint16_t port) {
  PortHolder holder;
  std::vector<unsigned long> inodes = listeners("/proc/net/tcp", port);
  for (unsigned long inode : listeners("/proc/net/tcp6", port)) inodes.push_back(inode);
  holder.found = !inodes.empty();
  if (!holder.found) return holder;

  std::error_code error;
  for (fs::directory_iterator at("/proc", error), end; !error && at != end; at.increment(error)) {
    std::string directory = at->path().filename().string();
    int pid = 0;
    auto [last, wrong] = std::from_chars(directory.data(), directory.data() + directory.size(), pid);
    if (wrong != std::errc{} || last != directory.data() + directory.size()) continue;
    if (!has_socket(at->path(), inodes)) continue;
    holder.name = name_of(at->path());
    holder.pid = pid;
    break;
  }
  return holder;
}

}  // namespace mayfly::emulator::cli
