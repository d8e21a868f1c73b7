#include "extensions/telemetry/tls_layer.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/http_answer.h"
#include "core/http_field.h"

namespace mayfly::telemetry {
namespace {

using core::Deadline;
using core::Errc;
using core::fail;
using core::Outcome;

constexpr std::size_t kRecordBytes = 16 * 1024;     // of TLS
constexpr std::size_t kMaxProxyAnswer = 16 * 1024;  // a page that says why not
constexpr const char* kBundles[] = {"/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/certs/ca-certificates.crt"};

Outcome<void> wait(int socket, short events, Deadline deadline, const std::string& whom) {
  pollfd fd{socket, events, 0};
  for (;;) {
    int ready = poll(&fd, 1, deadline.poll_ms());
    if (ready > 0) return {};
    if (ready == 0) return fail(Errc::timeout, "no answer from " + whom + " in time");
    if (errno != EINTR) return fail(Errc::unreachable, std::string("poll: ") + std::strerror(errno));
  }
}

}  // namespace

Outcome<std::string> find_ca_file(const Trust& trust) {
  // What is asked for by name is used, or nothing: no other roots in its place.
  if (!trust.ca_file.empty()) return trust.ca_file;
  for (const char* file : kBundles) {
    if (access(file, R_OK) == 0) return std::string(file);
  }
  return fail(
      Errc::not_found,
      std::string("no CA certificates: neither MAYFLY_TELEMETRY_CA_FILE nor SSL_CERT_FILE is set, and there is no ") +
          kBundles[0] + " or " + kBundles[1]);
}

TlsLayer::TlsLayer(core::Origin backend, std::optional<Tunnel> tunnel)
    : backend_(std::move(backend)), tunnel_(std::move(tunnel)) {}

TlsLayer::~TlsLayer() {
  end();
  if (peer_) tls_->free_peer(peer_);
}

Outcome<void> TlsLayer::prepare(const Trust& trust) {
  if (peer_) return {};
  auto module = tls_module();
  if (!module) return unexpected(module.error());
  std::string ca_file;
  if (!trust.insecure) {
    auto found = find_ca_file(trust);
    if (!found) return unexpected(found.error());
    ca_file = *found;
  }
  char why[256] = "";
  tls_ = *module;
  peer_ = tls_->make_peer(backend_.host.c_str(), ca_file.c_str(), trust.insecure, why, sizeof why);
  if (!peer_) return fail(Errc::refused, std::string("no CA certificates: ") + why);
  return {};
}

Outcome<void> TlsLayer::begin(int socket, Deadline deadline) {
  problem_.clear();
  if (tunnel_) {
    if (auto open = open_tunnel(socket, deadline); !open) return open;
  }
  return shake_hands(socket, deadline);
}

Outcome<void> TlsLayer::open_tunnel(int socket, Deadline deadline) {
  std::string head = "CONNECT " + backend_.host_port() + " HTTP/1.1\r\n";
  core::append_field(head, "Host", backend_.host_port());
  if (!tunnel_->authorization.empty()) core::append_field(head, "Proxy-Authorization", tunnel_->authorization);
  head += "\r\n";
  // The buffer of a new connection takes a head whole.
  ssize_t sent = send(socket, head.data(), head.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  auto whole = static_cast<ssize_t>(head.size());
  explicit_bzero(head.data(), head.size());
  if (sent != whole) return fail(Errc::unreachable, "the proxy takes no request");

  core::HttpAnswer answer(kMaxProxyAnswer);
  answer.answers_connect();
  for (;;) {
    if (auto ready = wait(socket, POLLIN, deadline, "the proxy"); !ready) return ready;
    auto space = answer.space();
    ssize_t n = recv(socket, space.data(), space.size(), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (n < 0) return fail(Errc::unreachable, std::string("the proxy: ") + std::strerror(errno));
    auto complete = answer.feed(static_cast<std::size_t>(n));
    if (!complete) return fail(Errc::unreachable, "the proxy: " + complete.error().message);
    if (!*complete) continue;
    if (answer.status() < 300) return {};
    return fail(Errc::unreachable, "the proxy refuses a tunnel to " + backend_.host_port() + " with status " +
                                       std::to_string(answer.status()));
  }
}

Outcome<void> TlsLayer::shake_hands(int socket, Deadline deadline) {
  link_ = tls_->attach(peer_, socket);
  if (!link_) return fail(Errc::unreachable, "no TLS connection to \"" + backend_.host + "\" can be made");
  for (;;) {
    int done = tls_->handshake(link_);
    if (done == 0) break;
    if (done == MAYFLY_TLS_ENDED || done == MAYFLY_TLS_FAILED) {
      return fail(Errc::unreachable, "no TLS connection to " + backend_.host_port() + ": " + tls_->why(link_));
    }
    short events = done == MAYFLY_TLS_WANTS_TO_WRITE ? POLLOUT : POLLIN;
    if (auto ready = wait(socket, events, deadline, backend_.host_port()); !ready) return ready;
  }
  resumed_ = tls_->resumed(link_) != 0;
  return {};
}

void TlsLayer::end() {
  if (link_) tls_->detach(std::exchange(link_, nullptr));
}

// A result of the module as one of the system.
ssize_t TlsLayer::result(long taken) {
  if (taken >= 0) return taken;
  if (taken == MAYFLY_TLS_WANTS_TO_READ || taken == MAYFLY_TLS_WANTS_TO_WRITE) {
    errno = EAGAIN;
    return -1;
  }
  if (taken == MAYFLY_TLS_ENDED) return 0;
  problem_ = tls_->why(link_);
  errno = EPROTO;
  return -1;
}

ssize_t TlsLayer::write(std::span<const iovec> parts) {
  ssize_t taken = write_some(parts);
  if (taken != 0) return taken;
  errno = EPIPE;
  return -1;
}

ssize_t TlsLayer::write_some(std::span<const iovec> parts) {
  // A record is a packet or more: head and body of a small request share one.
  if (parts.size() > 1 && parts[0].iov_len < kRecordBytes) {
    record_.clear();
    for (const auto& part : parts) {
      const char* bytes = static_cast<const char*>(part.iov_base);
      record_.insert(record_.end(), bytes, bytes + std::min(part.iov_len, kRecordBytes - record_.size()));
    }
    ssize_t taken = result(tls_->write(link_, record_.data(), record_.size()));
    explicit_bzero(record_.data(), record_.size());  // the head may hold a secret
    return taken;
  }
  return result(tls_->write(link_, parts[0].iov_base, parts[0].iov_len));
}

ssize_t TlsLayer::read(std::span<char> space) {
  if (!link_) return 0;
  return result(tls_->read(link_, space.data(), space.size()));
}

}  // namespace mayfly::telemetry
