#include "emulator/cli/listening_ports.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include "emulator/sandbox/process_tree.h"

namespace mayfly::emulator::cli {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kListen = 0x0A;  // include/net/tcp_states.h

struct Listener {
  ListeningPort port;
  unsigned long inode = 0;
};

// The kernel prints addresses as words of the machine's own order.
std::string address_text(std::string_view hex) {
  in6_addr bytes{};
  std::size_t words = std::min<std::size_t>(hex.size() / 8, 4);
  for (std::size_t i = 0; i < words; ++i) {
    std::uint32_t word = 0;
    std::from_chars(hex.data() + i * 8, hex.data() + i * 8 + 8, word, 16);
    std::memcpy(bytes.s6_addr + i * 4, &word, 4);
  }
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(words == 4 ? AF_INET6 : AF_INET, bytes.s6_addr, text, sizeof text);
  return text;
}

void add_listeners(const char* table, std::vector<Listener>& out) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(table, "re"),
                                                       [](std::FILE* f) { return f ? std::fclose(f) : 0; });
  if (!file) return;
  char line[512];
  while (std::fgets(line, sizeof line, file.get())) {
    char address[33] = "";
    unsigned port = 0, state = 0;
    unsigned long inode = 0;
    // slot, local address:port, remote address:port, state, queues, timer, retransmits, uid, timeout, inode
    if (std::sscanf(line, " %*u: %32[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*u %*u %lu", address, &port,
                    &state, &inode) == 4 &&
        state == kListen) {
      out.push_back({{address_text(address), static_cast<std::uint16_t>(port)}, inode});
    }
  }
}

std::vector<Listener> all_listeners() {
  std::vector<Listener> out;
  add_listeners("/proc/net/tcp", out);
  add_listeners("/proc/net/tcp6", out);
  return out;
}

// Inodes of the process's sockets.
std::vector<unsigned long> sockets_of(const fs::path& process) {
  constexpr std::string_view kSocket = "socket:[";
  std::vector<unsigned long> inodes;
  std::error_code error;
  for (fs::directory_iterator at(process / "fd", error), end; !error && at != end; at.increment(error)) {
    std::error_code gone;
    std::string target = fs::read_symlink(at->path(), gone).string();
    if (!target.starts_with(kSocket)) continue;
    unsigned long inode = 0;
    std::from_chars(target.data() + kSocket.size(), target.data() + target.size(), inode);
    inodes.push_back(inode);
  }
  return inodes;
}

std::string name_of(const fs::path& process) {
  std::string name = read_all((process / "comm").string());
  return name.substr(0, name.find('\n'));
}

}  // namespace

PortHolder holder_of(std::uint16_t port) {
  PortHolder holder;
  std::vector<unsigned long> inodes;
  for (const Listener& listener : all_listeners()) {
    if (listener.port.port == port) inodes.push_back(listener.inode);
  }
  holder.found = !inodes.empty();
  if (!holder.found) return holder;

  std::error_code error;
  for (fs::directory_iterator at("/proc", error), end; !error && at != end; at.increment(error)) {
    std::string directory = at->path().filename().string();
    int pid = 0;
    auto [last, wrong] = std::from_chars(directory.data(), directory.data() + directory.size(), pid);
    if (wrong != std::errc{} || last != directory.data() + directory.size()) continue;
    auto sockets = sockets_of(at->path());
    if (std::ranges::find_first_of(sockets, inodes) == sockets.end()) continue;
    holder.name = name_of(at->path());
    holder.pid = pid;
    break;
  }
  return holder;
}

std::string ListeningPort::host_port() const {
  bool v6 = address.find(':') != address.npos;
  return (v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

ListeningPorts::ListeningPorts() {
  for (auto& listener : all_listeners()) by_socket_.emplace_back(listener.inode, std::move(listener.port));
}

std::vector<ListeningPort> ListeningPorts::of(pid_t pid) const {
  std::vector<ListeningPort> out;
  add(pid, out);
  return out;
}

void ListeningPorts::add(pid_t pid, std::vector<ListeningPort>& out) const {
  for (unsigned long inode : sockets_of("/proc/" + std::to_string(pid))) {
    auto found = std::ranges::find(by_socket_, inode, &std::pair<unsigned long, ListeningPort>::first);
    if (found != by_socket_.end()) out.push_back(found->second);
  }
  for (pid_t child : children_of(pid)) add(child, out);
}

bool is_ephemeral(std::uint16_t port) {
  unsigned low = 32'768, high = 60'999;
  std::string range = read_all("/proc/sys/net/ipv4/ip_local_port_range");
  std::sscanf(range.c_str(), "%u %u", &low, &high);
  return port >= low && port <= high;
}

}  // namespace mayfly::emulator::cli
