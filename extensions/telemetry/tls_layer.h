// TLS on a connection to a backend, if need be through the tunnel of a proxy.
//
// Thread-safety: one thread at a time.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/http_connection.h"
#include "core/uri.h"
#include "extensions/telemetry/tls_module.h"

namespace mayfly::telemetry {

// By whom a backend's certificate must be signed.
struct Trust {
  std::string ca_file;    // PEM; empty: what the system trusts
  bool insecure = false;  // certificates are not looked at
};

// The file of `trust`, or the first that is there: /etc/pki/tls/certs/ca-bundle.crt
// (Amazon Linux), /etc/ssl/certs/ca-certificates.crt (Debian, Alpine).
// Errors: Errc::not_found; there is no way on without one.
core::Outcome<std::string> find_ca_file(const Trust& trust);

class TlsLayer final : public core::ConnectionLayer {
 public:
  struct Tunnel {
    std::string authorization;  // Proxy-Authorization; a secret
  };

  // `tunnel`: the connection leads to a proxy, which is asked for `backend`.
  TlsLayer(core::Origin backend, std::optional<Tunnel> tunnel);
  ~TlsLayer() override;

  // Loads the module and the roots: 10 ms the first time in a process. Before
  // begin(), so that it does not count as connecting. Errors: not_found, refused.
  core::Outcome<void> prepare(const Trust& trust);

  // The session of an earlier connection was gone on with.
  bool resumed() const { return resumed_; }

  core::Outcome<void> begin(int socket, core::Deadline deadline) override;
  void end() override;
  ssize_t write(std::span<const iovec> parts) override;
  ssize_t read(std::span<char> space) override;
  std::string_view problem() const override { return problem_; }

 private:
  core::Outcome<void> open_tunnel(int socket, core::Deadline deadline);
  core::Outcome<void> shake_hands(int socket, core::Deadline deadline);
  ssize_t write_some(std::span<const iovec> parts);
  ssize_t result(long taken);

  const core::Origin backend_;
  const std::optional<Tunnel> tunnel_;
  const mayfly_tls_functions* tls_ = nullptr;
  mayfly_tls_peer* peer_ = nullptr;
  mayfly_tls_link* link_ = nullptr;
  bool resumed_ = false;
  std::string problem_;
  std::vector<char> record_;  // head and beginning of the body, which go out together
};

}  // namespace mayfly::telemetry
