// Servers that misbehave on purpose: a listening socket on loopback and a
// thread that plays a script with each connection. Real sockets, because what
// is tested is what the kernel tells a client about its peer.

#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace mayfly::test {

// No test waits longer for a byte, so that a broken one fails instead of hanging.
inline constexpr int kGuardMs = 20'000;

// One end of a connection; owns it.
class Peer {
 public:
  explicit Peer(int fd) : fd_(fd) {}
  Peer(Peer&& other) noexcept : fd_(std::exchange(other.fd_, -1)), received_(std::move(other.received_)) {}
  ~Peer() { close(); }

  int fd() const { return fd_; }

  // False once the other side has closed or nothing came for kGuardMs.
  bool receive() {
    pollfd p{fd_, POLLIN, 0};
    if (poll(&p, 1, kGuardMs) != 1) return false;
    char bytes[64 * 1024];
    ssize_t n = recv(fd_, bytes, sizeof bytes, 0);
    if (n <= 0) return false;
    received_.append(bytes, static_cast<std::size_t>(n));
    return true;
  }

  // Everything up to and including `end`; what came before an end otherwise.
  std::string read_until(std::string_view end) {
    std::size_t at;
    while ((at = received_.find(end)) == received_.npos) {
      if (!receive()) return std::exchange(received_, {});
    }
    return take(at + end.size());
  }
  std::string read_head() { return read_until("\r\n\r\n"); }
  std::string read_bytes(std::size_t n) {
    while (received_.size() < n && receive()) {
    }
    return take(n);
  }
  // Head and, as Content-Length says, body: of a request or of an answer.
  std::string read_message() {
    std::string head = read_head();
    auto at = head.find("Content-Length: ");
    return at == head.npos ? head : head + read_bytes(std::stoul(head.substr(at + 16)));
  }
  std::string read_to_end() {
    while (receive()) {
    }
    return std::exchange(received_, {});
  }

  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      ssize_t n = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n < 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  // Waits until the other side has closed.
  bool closed_by_peer() {
    while (receive()) {
    }
    char byte;
    return recv(fd_, &byte, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET;
  }
  void reset() {
    linger now{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  std::string take(std::size_t n) {
    std::string taken = received_.substr(0, n);
    received_.erase(0, n);
    return taken;
  }

  int fd_;
  std::string received_;
};

class Loopback {
 public:
  // `script` plays each connection in turn, on one thread; `number` counts them from 0.
  using Script = std::function<void(Peer& peer, int number)>;

  explicit Loopback(Script script, int family = AF_INET) : fd_(listen_on(family)) {
    socklen_t size = sizeof address_;
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address_), &size);
    thread_ = std::thread([this, script = std::move(script)] {
      for (;;) {
        int fd = accept(fd_, nullptr, nullptr);
        if (fd < 0) return;
        Peer peer(fd);
        script(peer, accepted_++);
      }
    });
  }
  ~Loopback() {
    shutdown(fd_, SHUT_RDWR);
    thread_.join();
    ::close(fd_);
  }
  Loopback(const Loopback&) = delete;
  Loopback& operator=(const Loopback&) = delete;

  bool is_listening() const { return fd_ >= 0; }
  // sin_port and sin6_port lie at the same place.
  std::uint16_t port() const { return ntohs(reinterpret_cast<const sockaddr_in*>(&address_)->sin_port); }
  int accepted() const { return accepted_; }

 private:
  static int listen_on(int family) {
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    int done;
    if (family == AF_INET) {
      sockaddr_in any{};
      any.sin_family = AF_INET;
      any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      done = bind(fd, reinterpret_cast<sockaddr*>(&any), sizeof any);
    } else {
      sockaddr_in6 any{};
      any.sin6_family = AF_INET6;
      any.sin6_addr = in6addr_loopback;
      done = bind(fd, reinterpret_cast<sockaddr*>(&any), sizeof any);
    }
    if (done == 0 && listen(fd, 64) == 0) return fd;
    ::close(fd);
    return -1;
  }

  int fd_;
  sockaddr_storage address_{};
  std::atomic<int> accepted_{0};
  std::thread thread_;
};

// Connects to a server under test.
inline Peer connect_to(std::uint16_t port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    ::close(fd);
    fd = -1;
  }
  return Peer(fd);
}

}  // namespace mayfly::test
