#include "secure_backend.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mayfly/base64.h>

namespace {

int connect_to(int port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

std::string take_request(std::string& buffer, const std::function<int(char*, int)>& read) {
  char bytes[16 * 1024];
  for (;;) {
    if (auto end = buffer.find("\r\n\r\n"); end != buffer.npos) {
      auto length = buffer.find("Content-Length: ");
      auto size = end + 4 + (length < end ? std::stoul(buffer.substr(length + 16)) : 0);
      if (buffer.size() >= size) {
        auto request = buffer.substr(0, size);
        buffer.erase(0, size);
        return request;
      }
    }
    int n = read(bytes, sizeof bytes);
    if (n <= 0) return {};
    buffer.append(bytes, static_cast<std::size_t>(n));
  }
}

constexpr char kOk[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

SSL_CTX* make_context(const Certificate& certificate, SecureBackend::Protocol protocol) {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  REQUIRE(SSL_CTX_use_certificate_file(context, certificate.file.c_str(), SSL_FILETYPE_PEM) == 1);
  REQUIRE(SSL_CTX_use_PrivateKey_file(context, certificate.key.c_str(), SSL_FILETYPE_PEM) == 1);
  if (protocol == SecureBackend::Protocol::tls_1_2) SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
  if (protocol == SecureBackend::Protocol::tls_1_1) {
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context, TLS1_1_VERSION);
  }
  return context;
}

}  // namespace

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    auto n = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

std::string take_request(std::string& buffer, int fd) {
  return take_request(
      buffer, [&](char* to, int size) { return static_cast<int>(recv(fd, to, static_cast<std::size_t>(size), 0)); });
}

LoopbackPort::LoopbackPort(std::function<void(int fd)> serve) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  REQUIRE(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(listen(listener_, 16) == 0);
  REQUIRE(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this, serve = std::move(serve)] {
    // OpenSSL writes to a client that has gone as write(2) does.
    sigset_t broken_pipe;
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
    for (;;) {
      int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      {
        std::lock_guard lock(mutex_);
        serving_ = fd;
      }
      serve(fd);
      std::lock_guard lock(mutex_);
      serving_ = -1;
      close(fd);
    }
  });
}

LoopbackPort::~LoopbackPort() {
  shutdown(listener_, SHUT_RDWR);
  {
    std::lock_guard lock(mutex_);
    if (serving_ >= 0) shutdown(serving_, SHUT_RDWR);
  }
  thread_.join();
  close(listener_);
}

SecureBackend::SecureBackend(Certificate certificate, Protocol protocol) : protocol_(protocol) {
  use(certificate);
  listener_.emplace([this](int fd) { protocol_ == Protocol::plain ? serve_plain(fd) : serve(fd); });
}

SecureBackend::~SecureBackend() {
  listener_.reset();
  SSL_CTX_free(static_cast<SSL_CTX*>(context_));
}

void SecureBackend::use(Certificate certificate) {
  std::lock_guard lock(mutex_);
  certificate_ = std::move(certificate);
  SSL_CTX_free(static_cast<SSL_CTX*>(context_));
  context_ = make_context(certificate_, protocol_);
}

void SecureBackend::answer(std::vector<std::string> heads) {
  std::lock_guard lock(mutex_);
  answers_ = std::move(heads);
}

void SecureBackend::close_after_answer(bool say_goodbye) {
  std::lock_guard lock(mutex_);
  close_after_ = say_goodbye;
}

void SecureBackend::serve(int fd) {
  SSL* ssl;
  {
    std::lock_guard lock(mutex_);
    ++connections_;
    ssl = SSL_new(static_cast<SSL_CTX*>(context_));
  }
  SSL_set_fd(ssl, fd);
  bool first = true;
  bool said_goodbye = SSL_accept(ssl) != 1;
  std::string buffer;
  while (!said_goodbye) {
    auto request = take_request(buffer, [&](char* to, int size) { return SSL_read(ssl, to, size); });
    if (request.empty()) break;
    std::string out = kOk;
    std::optional<bool> close_after;
    {
      std::lock_guard lock(mutex_);
      requests_.push_back({request, SSL_session_reused(ssl) == 1, std::exchange(first, false)});
      if (!answers_.empty()) {
        out = answers_.front();
        answers_.erase(answers_.begin());
      }
      close_after = std::exchange(close_after_, std::nullopt);
    }
    SSL_write(ssl, out.data(), static_cast<int>(out.size()));
    if (!close_after) continue;
    if (*close_after) SSL_shutdown(ssl);
    break;
  }
  SSL_free(ssl);
}

void SecureBackend::serve_plain(int fd) {
  char bytes[4096];
  auto n = recv(fd, bytes, sizeof bytes, 0);
  {
    std::lock_guard lock(mutex_);
    ++connections_;
    if (n > 0) in_clear_.append(bytes, static_cast<std::size_t>(n));
  }
  write_all(fd, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

std::vector<SecureBackend::Request> SecureBackend::requests() {
  std::lock_guard lock(mutex_);
  return requests_;
}
std::string SecureBackend::in_clear() {
  std::lock_guard lock(mutex_);
  return in_clear_;
}
int SecureBackend::connections() {
  std::lock_guard lock(mutex_);
  return connections_;
}

ConnectProxy::ConnectProxy(int port, std::string user_and_password)
    : to_(port), expected_(std::move(user_and_password)) {
  listener_.emplace([this](int fd) { serve(fd); });
}

std::string ConnectProxy::url() const {
  auto user = expected_.empty() ? "" : expected_ + "@";
  return "http://" + user + "127.0.0.1:" + std::to_string(listener_->port());
}

std::vector<std::string> ConnectProxy::heads() {
  std::lock_guard lock(mutex_);
  return heads_;
}

void ConnectProxy::serve(int fd) {
  std::string buffer;
  std::string head;
  while (!(head = take_request(buffer, fd)).empty()) {
    {
      std::lock_guard lock(mutex_);
      heads_.push_back(head);
    }
    std::string credentials;
    mayfly::append_base64(credentials, expected_);
    if (!expected_.empty() && head.find("Proxy-Authorization: Basic " + credentials + "\r\n") == head.npos) {
      write_all(
          fd,
          "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 4\r\n\r\nno\r\n");
      continue;
    }
    if (head.starts_with("CONNECT ")) break;
    write_all(fd, kOk);
  }
  if (head.empty()) return;
  int backend = connect_to(to_);
  write_all(fd, backend < 0 ? "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"
                            : "HTTP/1.0 200 Connection established\r\n\r\n");
  for (char bytes[16 * 1024]; backend >= 0;) {
    pollfd fds[2] = {{fd, POLLIN, 0}, {backend, POLLIN, 0}};
    if (poll(fds, 2, -1) < 0) break;
    int from = fds[0].revents ? fd : backend;
    auto n = recv(from, bytes, sizeof bytes, 0);
    if (n <= 0) break;
    write_all(from == fd ? backend : fd, {bytes, static_cast<std::size_t>(n)});
  }
  if (backend >= 0) close(backend);
}
