// The way to a backend: plain, over TLS, and either of them through a proxy.

#pragma once

#include <chrono>
#include <memory>

#include "core/uri.h"
#include "extensions/telemetry/proxy.h"
#include "extensions/telemetry/tls_layer.h"
#include "extensions/telemetry/transport.h"

namespace mayfly::telemetry {

struct Route {
  core::Origin backend;
  bool tls = false;
  Trust trust;  // with `tls`
  ProxySettings proxies;

  // The value of Host: without the port that the scheme implies.
  std::string host() const;
};

// Opens no connection and no file: the first send() does. What TLS needs and
// cannot be had (module, CA certificates) is a failure of each send() with
// Errc::not_found or Errc::refused. `wake_fd` as in core::HttpConnection.
// Errors: Errc::parse, when a proxy variable is wrong.
core::Outcome<std::unique_ptr<Transport>> open_transport(const Route& route, std::size_t max_answer_bytes, int wake_fd);

}  // namespace mayfly::telemetry
