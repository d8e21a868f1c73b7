#include "tests/runtime/busy_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <utility>

namespace mayfly::test {
namespace {

constexpr std::string_view kAccepted = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
constexpr std::string_view kBroken = "HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n";

void signal_fd(int fd) {
  std::uint64_t one = 1;
  [[maybe_unused]] auto written = write(fd, &one, sizeof one);
}

// The size of the body behind `head`, or nothing while its end is yet to come.
std::optional<std::size_t> body_size(std::string_view head, std::string_view rest) {
  if (head.find("Transfer-Encoding: chunked\r\n") != head.npos) {
    auto last = rest.starts_with("0\r\n") ? 0 : rest.find("\r\n0\r\n");
    auto end = last == rest.npos ? last : rest.find("\r\n\r\n", last);
    return end == rest.npos ? std::nullopt : std::optional(end + 4);
  }
  constexpr std::string_view kLength = "Content-Length: ";
  auto at = head.find(kLength);
  std::size_t size = 0;
  if (at != head.npos) std::from_chars(head.data() + at + kLength.size(), head.data() + head.size(), size);
  return rest.size() < size ? std::nullopt : std::optional(size);
}

}  // namespace

struct BusyServer::Connection {
  int fd;
  std::size_t number;
  std::string received;
  std::optional<std::size_t> running;  // the invocation it was given
};

BusyServer::BusyServer(std::size_t count, std::function<std::string(std::size_t)> event, std::size_t good)
    : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      stop_fd_(eventfd(0, EFD_CLOEXEC)),
      done_fd_(eventfd(0, EFD_CLOEXEC)),
      count_(count),
      event_(std::move(event)),
      good_(good) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener_, any, size) != 0 || listen(listener_, 64) != 0 || getsockname(listener_, any, &size) != 0) {
    throw std::runtime_error("no loopback port");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

BusyServer::~BusyServer() {
  signal_fd(stop_fd_);
  thread_.join();
  for (const auto& connection : open_) close(connection.fd);
  for (int fd : {listener_, stop_fd_, done_fd_}) close(fd);
}

void BusyServer::run() {
  for (;;) {
    std::vector<pollfd> fds{{stop_fd_, POLLIN, 0}, {listener_, POLLIN, 0}};
    for (const auto& connection : open_) fds.push_back({connection.fd, POLLIN, 0});
    if (poll(fds.data(), fds.size(), -1) < 0) continue;
    if (fds[0].revents) return;
    for (std::size_t i = fds.size(); i-- > 2;) {
      if (!fds[i].revents || read_from(open_[i - 2])) continue;
      close(open_[i - 2].fd);
      open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(i - 2));
    }
    if (!fds[1].revents) continue;
    std::lock_guard lock(mutex_);
    open_.push_back({accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC), accepted_++, {}, {}});
  }
}

bool BusyServer::read_from(Connection& connection) {
  char bytes[16 * 1024];
  ssize_t n = recv(connection.fd, bytes, sizeof bytes, 0);
  if (n <= 0) return false;
  auto& received = connection.received;
  received.append(bytes, static_cast<std::size_t>(n));
  auto end = received.find("\r\n\r\n");
  if (end == received.npos) return true;
  std::string_view head(received.data(), end + 2);
  auto body = body_size(head, std::string_view(received).substr(end + 4));
  if (!body) return true;
  std::string line(head.substr(0, head.find(" HTTP/")));
  std::string reply = answer(connection, line, received.substr(end + 4, *body));
  received.erase(0, end + 4 + *body);
  if (!reply.empty()) send(connection.fd, reply.data(), reply.size(), MSG_NOSIGNAL);
  return true;
}

std::string BusyServer::answer(Connection& connection, std::string_view line, std::string body) {
  constexpr std::string_view kInvocation = " /2018-06-01/runtime/invocation/";
  std::lock_guard lock(mutex_);
  if (connection.number >= good_) return std::string(kBroken);
  if (line.starts_with("POST /2020-01-01/extension/register")) {
    return "HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: i\r\nContent-Length: 0\r\n\r\n";
  }
  if (line.starts_with("GET /2020-01-01/extension/event/next")) return "";
  auto route = line.substr(line.find(' '));
  if (!route.starts_with(kInvocation)) {
    faults_.emplace_back(line);
    return std::string(kAccepted);
  }
  route.remove_prefix(kInvocation.size());
  if (route == "next") {
    if (connection.running) faults_.push_back("next before r" + std::to_string(*connection.running) + " is answered");
    if (given_ == count_) return "";
    connection.running = given_++;
    std::string event = event_(*connection.running);
    std::string id = std::to_string(*connection.running);
    return "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: r" + id + "\r\nLambda-Runtime-Trace-Id: t" + id +
           "\r\nContent-Length: " + std::to_string(event.size()) + "\r\n\r\n" + event;
  }
  auto id = route.substr(0, route.find('/'));
  if (!connection.running || id != "r" + std::to_string(*connection.running)) {
    faults_.emplace_back(line);
    return std::string(kBroken);
  }
  answers_[*connection.running] = {std::string(route.substr(id.size() + 1)), std::move(body)};
  connection.running.reset();
  if (answers_.size() == count_) signal_fd(done_fd_);
  return std::string(kAccepted);
}

std::map<std::size_t, BusyServer::Answer> BusyServer::answers() {
  std::lock_guard lock(mutex_);
  return answers_;
}

std::size_t BusyServer::connections() {
  std::lock_guard lock(mutex_);
  return accepted_;
}

std::vector<std::string> BusyServer::faults() {
  std::lock_guard lock(mutex_);
  return faults_;
}

}  // namespace mayfly::test
