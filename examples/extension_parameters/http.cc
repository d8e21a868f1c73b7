#include "http.h"

#include <netdb.h>
#include <netinet/in.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>

namespace {

constexpr std::size_t kMaxBytes = 64 * 1024;

void limit_waits(int fd) {
  timeval two_seconds{2, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &two_seconds, sizeof two_seconds);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &two_seconds, sizeof two_seconds);
}

void send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t n = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

// Reads until `end` is in it, or to the end of the stream when it is empty.
std::string receive(int fd, std::string_view end) {
  std::string text;
  char buffer[4096];
  while (text.size() < kMaxBytes && (end.empty() || text.find(end) == text.npos)) {
    ssize_t n = recv(fd, buffer, sizeof buffer, 0);
    if (n <= 0) break;
    text.append(buffer, static_cast<std::size_t>(n));
  }
  return text;
}

std::string field(const std::string& head, std::string_view name) {
  for (auto at = head.find("\r\n"); at != head.npos; at = head.find("\r\n", at)) {
    at += 2;
    auto end = head.find("\r\n", at);
    auto colon = head.find(':', at);
    if (colon >= end || colon - at != name.size() || strncasecmp(head.data() + at, name.data(), name.size()) != 0) {
      continue;
    }
    auto value = head.find_first_not_of(" \t", colon + 1);
    return value < end ? head.substr(value, end - value) : "";
  }
  return "";
}

}  // namespace

int listen_on(int port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<in_port_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) < 0 || listen(fd, 16) < 0) {
    throw std::system_error(errno, std::generic_category(), "port " + std::to_string(port));
  }
  return fd;
}

void serve(int listener, const std::function<Answer(const Request&)>& answer) {
  for (;;) {
    int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    limit_waits(fd);
    std::string head = receive(fd, "\r\n\r\n");
    Answer reply{400, "not a GET request"};
    if (head.starts_with("GET ") && head.find("\r\n\r\n") != head.npos) {
      reply = answer({head.substr(4, head.find(' ', 4) - 4), field(head, "X-Aws-Parameters-Secrets-Token")});
    }
    send_all(fd, "HTTP/1.1 " + std::to_string(reply.status) + " .\r\nContent-Length: " +
                     std::to_string(reply.body.size()) + "\r\nConnection: close\r\n\r\n" + reply.body);
    close(fd);
  }
}

Answer post(const std::string& url, const std::string& headers, const std::string& body) {
  constexpr std::string_view kScheme = "http://";
  auto colon = url.rfind(':');
  if (!url.starts_with(kScheme) || colon < kScheme.size()) return {};
  std::string host = url.substr(kScheme.size(), colon - kScheme.size());
  std::string port = std::to_string(std::atoi(url.c_str() + colon + 1));
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0) return {};
  int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  limit_waits(fd);
  bool connected = connect(fd, found->ai_addr, found->ai_addrlen) == 0;
  freeaddrinfo(found);
  Answer answer;
  if (connected) {
    send_all(fd, "POST / HTTP/1.1\r\nHost: " + host + ":" + port + "\r\n" + headers +
                     "Connection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    std::string text = receive(fd, "");
    auto end = text.find("\r\n\r\n");
    if (text.starts_with("HTTP/1.") && end != text.npos) answer = {std::atoi(text.c_str() + 9), text.substr(end + 4)};
  }
  close(fd);
  return answer;
}
