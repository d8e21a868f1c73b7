#include "backend.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <stdexcept>

#include "extensions/telemetry/inflate.h"

namespace {

int listen_on_loopback(int backlog, int& port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(listen(fd, backlog) == 0);
  socklen_t size = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  port = ntohs(address.sin_port);
  return fd;
}

std::string decompress(const std::string& body) {
  auto size = ZSTD_getFrameContentSize(body.data(), body.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN)
    throw std::runtime_error("not one zstd frame");
  std::string out(size, '\0');
  if (ZSTD_isError(ZSTD_decompress(out.data(), out.size(), body.data(), body.size())))
    throw std::runtime_error("broken zstd");
  return out;
}

}  // namespace

Backend::Backend(std::initializer_list<Behaviour> behaviours) : behaviours_(behaviours) {
  listener_ = listen_on_loopback(16, port_);
  REQUIRE(pipe2(stop_pipe_, O_CLOEXEC) == 0);
  REQUIRE(pipe2(hang_up_pipe_, O_CLOEXEC) == 0);
  thread_ = std::thread([this] { serve(); });
}

Backend::~Backend() {
  close(stop_pipe_[1]);
  thread_.join();
  for (int fd : {stop_pipe_[0], hang_up_pipe_[0], hang_up_pipe_[1]}) close(fd);
  close(listener_);
}

void Backend::serve() {
  int fd = -1;
  for (;;) {
    pollfd fds[2] = {{stop_pipe_[0], POLLIN, 0}, {fd >= 0 ? fd : listener_, POLLIN, 0}};
    poll(fds, 2, -1);
    if (fds[0].revents != 0) break;
    if (fd < 0) {
      fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    } else if (!serve_one(fd)) {
      close(fd);
      fd = -1;
    }
  }
  if (fd >= 0) close(fd);
}

// False: the connection is over.
bool Backend::serve_one(int fd) {
  Behaviour behaviour;
  {
    std::lock_guard lock(mutex_);
    if (!behaviours_.empty()) behaviour = behaviours_.front();
  }
  std::string data;
  std::size_t head_end = std::string::npos, length = 0;
  while (head_end == data.npos || data.size() < head_end + length) {
    char buffer[65536];
    auto n = recv(fd, buffer, behaviour.kind == Behaviour::reset_in_body ? 1 : sizeof buffer, 0);
    if (n <= 0) return false;
    data.append(buffer, static_cast<std::size_t>(n));
    if (head_end != data.npos || (head_end = data.find("\r\n\r\n")) == data.npos) continue;
    head_end += 4;
    auto at = data.find("Content-Length: ");
    if (at != data.npos) length = std::stoul(data.substr(at + 16));
    if (behaviour.kind == Behaviour::reset_in_body) break;
  }
  Request request{data.substr(0, head_end), data.substr(head_end)};
  bool zstd = request.head.find("Content-Encoding: zstd\r\n") != std::string::npos;
  bool whole = behaviour.kind != Behaviour::reset_in_body;
  bool gzip = request.head.find("Content-Encoding: gzip\r\n") != std::string::npos;
  if (whole && zstd) request.body = decompress(request.body);
  if (whole && gzip) request.body = mayfly::telemetry::gunzip(request.body, 1 << 24).value();
  {
    std::lock_guard lock(mutex_);
    if (!behaviours_.empty()) behaviours_.pop_front();
    bool logs = request.head.find("Content-Type: application/x-protobuf\r\n") != std::string::npos &&
                request.head.find("/v1/logs") != std::string::npos;
    if (behaviour.kind == Behaviour::answer && behaviour.status == 200 && logs) {
      for (auto& r : decode_logs(request.body)) delivered_.push_back(r.body);
    }
    requests_.push_back(std::move(request));
    changed_.notify_all();
  }
  if (behaviour.kind == Behaviour::reset_in_body) {
    linger now{1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    return false;
  }
  if (behaviour.kind == Behaviour::close_unanswered) return false;
  if (behaviour.kind == Behaviour::never_answer) {
    char byte;
    pollfd fds[3] = {{stop_pipe_[0], POLLIN, 0}, {fd, POLLIN, 0}, {hang_up_pipe_[0], POLLIN, 0}};
    poll(fds, 3, -1);
    return fds[0].revents == 0 && fds[2].revents == 0 && recv(fd, &byte, 1, MSG_PEEK) > 0;
  }
  std::string answer = "HTTP/1.1 " + std::to_string(behaviour.status) + " Told\r\n" + behaviour.fields +
                       "Content-Length: " + std::to_string(behaviour.body.size()) + "\r\n\r\n" + behaviour.body;
  send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
  return !behaviour.close_after;
}

void Backend::behave(const std::vector<Behaviour>& behaviours) {
  std::lock_guard lock(mutex_);
  behaviours_.assign(behaviours.begin(), behaviours.end());
}

std::vector<Backend::Request> Backend::wait_requests(std::size_t n) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return requests_.size() >= n; });
  return requests_;
}

std::vector<Backend::Request> Backend::requests() {
  std::lock_guard lock(mutex_);
  return requests_;
}

void Backend::hang_up() { REQUIRE(write(hang_up_pipe_[1], "", 1) == 1); }

std::vector<std::string> Backend::delivered() {
  std::lock_guard lock(mutex_);
  return delivered_;
}

BlackHole::BlackHole() {
  listener_ = listen_on_loopback(0, port_);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port_));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (int i = 0; i < 3; ++i) {
    idle_.push_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    connect(idle_.back(), reinterpret_cast<sockaddr*>(&address), sizeof address);
  }
}

BlackHole::~BlackHole() {
  for (int fd : idle_) close(fd);
  close(listener_);
}

std::string refusing_url() {
  int port = 0;
  close(listen_on_loopback(1, port));
  return "otlp+http://127.0.0.1:" + std::to_string(port);
}
