// The least that a client can be: one blocking socket, a buffer, no library.
// What our programs are measured against.

#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace raw {

inline constexpr unsigned long kBufferBytes = 8 << 20;

struct Answer {
  const char* head;
  const char* body;
  unsigned long body_bytes;
};

class Socket {
 public:
  // `address` is "127.0.0.1:port".
  explicit Socket(const char* address) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(static_cast<unsigned short>(atoi(strchr(address, ':') + 1)));
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to)) _exit(1);
    int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    // Pages are touched as bytes arrive, as in a buffer that grows.
    buffer_ =
        static_cast<char*>(mmap(nullptr, kBufferBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  }

  void send(const char* head, unsigned long head_bytes, const char* body, unsigned long body_bytes) {
    iovec parts[2] = {{const_cast<char*>(head), head_bytes}, {const_cast<char*>(body), body_bytes}};
    unsigned long left = head_bytes + body_bytes;
    while (left > 0) {
      long n = writev(fd_, parts, 2);
      if (n <= 0) _exit(1);
      left -= static_cast<unsigned long>(n);
      for (auto& part : parts) {
        unsigned long taken =
            part.iov_len < static_cast<unsigned long>(n) ? part.iov_len : static_cast<unsigned long>(n);
        part.iov_base = static_cast<char*>(part.iov_base) + taken;
        part.iov_len -= taken;
        n -= static_cast<long>(taken);
      }
    }
  }

  // The body lies in the buffer until the next call with the same `offset`.
  Answer receive(unsigned long offset) {
    char* begin = buffer_ + offset;
    unsigned long have = 0, whole = 0;
    const char* body = nullptr;
    while (!body || have < whole) {
      long n = recv(fd_, begin + have, kBufferBytes - offset - have - 1, 0);
      if (n <= 0) _exit(0);
      have += static_cast<unsigned long>(n);
      if (body) continue;
      body = static_cast<const char*>(memmem(begin, have, "\r\n\r\n", 4));
      if (!body) continue;
      body += 4;
      begin[have] = 0;
      whole = static_cast<unsigned long>(body - begin) + strtoul(strstr(begin, "Content-Length: ") + 16, nullptr, 10);
    }
    return {begin, body, whole - static_cast<unsigned long>(body - begin)};
  }

 private:
  int fd_;
  char* buffer_;
};

}  // namespace raw
