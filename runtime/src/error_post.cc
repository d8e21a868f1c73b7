#include "runtime/src/error_post.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

namespace mayfly::runtime {
namespace {

constexpr timeval kPatience{0, 500'000};
// The parts that vary are bounded: a request id by what the Runtime API client
// takes, a type by us.
constexpr std::size_t kMaxHeadBytes = 1'024;

bool send_whole(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t n = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno != EINTR) return false;
    if (n > 0) bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool has_answer(int socket) {
  char byte;
  ssize_t n;
  do {
    n = recv(socket, &byte, 1, 0);
  } while (n < 0 && errno == EINTR);
  return n == 1;
}

}  // namespace

void ErrorPost::to(const core::Origin& origin) {
  address_ = {};
  address_size_ = 0;
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET, origin.host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(origin.port);
    std::memcpy(&address_, &v4, address_size_ = sizeof v4);
  } else if (inet_pton(AF_INET6, origin.host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(origin.port);
    std::memcpy(&address_, &v6, address_size_ = sizeof v6);
  }
  host_size_ = origin.host_port().copy(host_.data(), host_.size());
}

bool ErrorPost::post(std::string_view request_id, std::string_view error_type, std::string_view error_json) const {
  if (address_size_ == 0) return false;
  char head[kMaxHeadBytes];
  std::size_t size = 0;
  auto append = [&](std::string_view part) { size += part.copy(head + size, sizeof head - size); };
  append("POST /2018-06-01/runtime/");
  if (request_id.empty()) {
    append("init");
  } else {
    append("invocation/");
    append(request_id);
  }
  append("/error HTTP/1.1\r\nHost: ");
  append({host_.data(), host_size_});
  append("\r\nContent-Type: application/json\r\nConnection: close\r\nLambda-Runtime-Function-Error-Type: ");
  append(error_type.substr(0, 256));
  append("\r\nContent-Length: ");
  char length[24];
  append({length, std::to_chars(length, length + sizeof length, error_json.size()).ptr});
  append("\r\n\r\n");

  int socket = ::socket(address_.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return false;
  setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);  // connecting, too
  setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  bool answered = connect(socket, reinterpret_cast<const sockaddr*>(&address_), address_size_) == 0 &&
                  send_whole(socket, {head, size}) && send_whole(socket, error_json) && has_answer(socket);
  close(socket);
  return answered;
}

}  // namespace mayfly::runtime
