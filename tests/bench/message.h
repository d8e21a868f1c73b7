// One HTTP/1.1 message off a blocking socket, as little of it as a measurement
// needs: where the head ends, and how long Content-Length says the body is.

#pragma once

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace bench {

class Messages {
 public:
  explicit Messages(int fd) : fd_(fd), buffer_(64 * 1024, '\0') {}
  ~Messages() { close(fd_); }
  Messages(const Messages&) = delete;
  Messages& operator=(const Messages&) = delete;
  int fd() const { return fd_; }

  // The next message; false: the peer has gone. Its views live until the next call.
  bool receive() {
    used_ = head_bytes_ = 0;
    std::size_t whole = 0;
    while (whole == 0 || used_ < whole) {
      if (used_ == buffer_.size()) buffer_.resize(2 * used_);
      ssize_t n = recv(fd_, buffer_.data() + used_, buffer_.size() - used_, 0);
      if (n <= 0) return false;
      used_ += static_cast<std::size_t>(n);
      if (whole > 0) continue;
      auto end = std::string_view(buffer_.data(), used_).find("\r\n\r\n");
      if (end == std::string_view::npos) continue;
      head_bytes_ = end + 4;
      whole = head_bytes_ + content_length();
    }
    return true;
  }
  std::string_view head() const { return {buffer_.data(), head_bytes_}; }
  std::string_view body() const { return {buffer_.data() + head_bytes_, used_ - head_bytes_}; }

  bool send(std::string_view head, std::string_view body) const {
    iovec parts[2] = {{const_cast<char*>(head.data()), head.size()}, {const_cast<char*>(body.data()), body.size()}};
    for (std::size_t left = head.size() + body.size(); left > 0;) {
      ssize_t n = writev(fd_, parts, 2);
      if (n <= 0) return false;
      left -= static_cast<std::size_t>(n);
      for (auto& part : parts) {
        auto taken = std::min(part.iov_len, static_cast<std::size_t>(n));
        part.iov_base = static_cast<char*>(part.iov_base) + taken;
        part.iov_len -= taken;
        n -= static_cast<ssize_t>(taken);
      }
    }
    return true;
  }

 private:
  std::size_t content_length() const {
    std::string head(buffer_.data(), head_bytes_);
    const char* field = strcasestr(head.c_str(), "\r\nContent-Length:");
    return field ? std::strtoul(field + 17, nullptr, 10) : 0;
  }
  int fd_;
  std::string buffer_;
  std::size_t used_ = 0, head_bytes_ = 0;
};

}  // namespace bench
