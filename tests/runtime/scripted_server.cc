#include "tests/runtime/scripted_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>
#include <stdexcept>

namespace mayfly::test {
namespace {

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

void signal_fd(int fd) {
  std::uint64_t one = 1;
  if (write(fd, &one, sizeof one) != sizeof one) throw std::runtime_error("eventfd");
}

void send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t n = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

}  // namespace

struct ScriptedServer::Connection {
  int fd;
  int number;
  std::string received;
  bool answered_at_head = false;
};

std::string_view Request::field(std::string_view name) const {
  std::string_view rest = head;
  while (!rest.empty()) {
    auto one = rest.substr(0, rest.find("\r\n"));
    rest.remove_prefix(std::min(one.size() + 2, rest.size()));
    auto colon = one.find(": ");
    if (colon != one.npos && same_name(one.substr(0, colon), name)) return one.substr(colon + 2);
  }
  return {};
}

bool Request::has_field(std::string_view name) const { return field(name).data() != nullptr; }

ScriptedServer::ScriptedServer(std::vector<Step> script)
    : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      stop_fd_(eventfd(0, EFD_CLOEXEC)),
      done_fd_(eventfd(0, EFD_CLOEXEC)),
      script_(std::move(script)),
      used_(script_.size()) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener_, any, size) != 0 || listen(listener_, 16) != 0 || getsockname(listener_, any, &size) != 0) {
    throw std::runtime_error(std::string("scripted server: ") + std::strerror(errno));
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

ScriptedServer::~ScriptedServer() {
  signal_fd(stop_fd_);
  thread_.join();
  for (const auto& connection : connections_) close(connection.fd);
  if (listener_ >= 0) close(listener_);
  close(stop_fd_);
  close(done_fd_);
}

void ScriptedServer::run() {
  for (;;) {
    std::vector<pollfd> fds{{stop_fd_, POLLIN, 0}, {listener_, POLLIN, 0}};
    for (const auto& connection : connections_) fds.push_back({connection.fd, POLLIN, 0});
    if (poll(fds.data(), fds.size(), -1) < 0) continue;
    if (fds[0].revents) return;
    for (std::size_t i = fds.size(); i-- > 2;) {
      if (!fds[i].revents || read_from(connections_[i - 2])) continue;
      close(connections_[i - 2].fd);
      connections_.erase(connections_.begin() + static_cast<std::ptrdiff_t>(i - 2));
      std::lock_guard lock(mutex_);
      ++closed_;
    }
    if (fds[1].revents && listener_ >= 0) accept_connection();
  }
}

void ScriptedServer::accept_connection() {
  int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd >= 0) connections_.push_back({fd, accepted_++, {}});
}

bool ScriptedServer::read_from(Connection& connection) {
  char bytes[64 * 1024];
  ssize_t n = recv(connection.fd, bytes, sizeof bytes, 0);
  if (n <= 0) return false;
  connection.received.append(bytes, static_cast<std::size_t>(n));
  return play(connection);
}

bool ScriptedServer::play(Connection& connection) {
  auto end = connection.received.find("\r\n\r\n");
  if (end == std::string::npos) return true;
  auto line_end = connection.received.find("\r\n");
  Request request{connection.received.substr(0, line_end), "", "", connection.number};
  request.head = connection.received.substr(std::min(line_end + 2, end), end - std::min(line_end + 2, end));
  std::size_t length = 0;
  auto length_text = request.field("Content-Length");
  std::from_chars(length_text.data(), length_text.data() + length_text.size(), length);
  if (request.field("Transfer-Encoding") == "chunked") length = chunked_size(connection.received.substr(end + 4));

  bool at_head = std::ranges::any_of(script_, [&](const Step& step) {
    return step.at_head && !used_[static_cast<std::size_t>(&step - script_.data())] &&
           request.line.starts_with(step.expects);
  });
  bool complete = connection.received.size() >= end + 4 + length;
  if (!complete && !at_head) return true;
  request.body = connection.received.substr(end + 4, length);
  connection.received.erase(0, std::min(end + 4 + length, connection.received.size()));
  std::string line = request.line;
  {
    std::lock_guard lock(mutex_);
    requests_.push_back(std::move(request));
  }

  Step* step = take_step(line);
  if (!step) {
    signal_fd(done_fd_);
    return true;
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(step->delay_ms));
  send_all(connection.fd, step->answer);
  switch (step->then) {
    case Step::Then::keep: return true;
    case Step::Then::reset: {
      linger abort{1, 0};
      setsockopt(connection.fd, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
      return false;
    }
    case Step::Then::leave:
      close(listener_);
      listener_ = -1;
      return false;
    case Step::Then::close: return false;
  }
  return false;
}

// Up to the end of the trailers; more than there is when that is yet to come.
// Chunks of tests hold no line "0".
std::size_t ScriptedServer::chunked_size(std::string_view body) {
  auto last = body.starts_with("0\r\n") ? 0 : body.find("\r\n0\r\n");
  auto end = last == body.npos ? last : body.find("\r\n\r\n", last + 1);
  return end == body.npos ? body.size() + 1 : end + 4;
}

Step* ScriptedServer::take_step(std::string_view line) {
  for (std::size_t i = 0; i < script_.size(); ++i) {
    if (used_[i] || !line.starts_with(script_[i].expects)) continue;
    used_[i] = true;
    return &script_[i];
  }
  return nullptr;
}

int ScriptedServer::closed() {
  std::lock_guard lock(mutex_);
  return closed_;
}

std::vector<Request> ScriptedServer::requests() { return requests(""); }

std::vector<Request> ScriptedServer::requests(std::string_view line) {
  std::lock_guard lock(mutex_);
  std::vector<Request> found;
  for (const auto& request : requests_) {
    if (request.line.starts_with(line)) found.push_back(request);
  }
  return found;
}

std::string event_answer(std::string_view event, std::string_view request_id, std::string_view fields) {
  std::string answer = "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: " + std::string(request_id) + "\r\n";
  answer.append(fields)
      .append("Content-Length: ")
      .append(std::to_string(event.size()))
      .append("\r\n\r\n")
      .append(event);
  return answer;
}

std::string answer_with_status(int status, std::string_view body, std::string_view fields) {
  std::string answer = "HTTP/1.1 " + std::to_string(status) + " Status\r\n";
  answer.append(fields).append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n").append(body);
  return answer;
}

std::string accepted() { return answer_with_status(202, "{\"status\":\"OK\"}\n"); }
std::string registered() { return answer_with_status(200, "{}", "Lambda-Extension-Identifier: id-1\r\n"); }

}  // namespace mayfly::test
