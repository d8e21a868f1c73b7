#include "extensions/telemetry/open_transport.h"

#include <cstring>
#include <utility>

#include "core/http_connection.h"
#include "core/http_field.h"
#include "extensions/telemetry/plain_transport.h"

namespace mayfly::telemetry {
namespace {

using core::Deadline;
using core::HttpAnswer;
using core::HttpConnection;
using core::Outcome;
using std::chrono::milliseconds;

constexpr milliseconds kConnectTimeout{200};
// One or two round trips more, and 5 ms of CPU, which are 70 in a function of
// 128 MB. Nobody waits so long for it: the event loop goes on much earlier.
constexpr milliseconds kSecureConnectTimeout{1'000};

// Requests to a proxy name the whole URL (RFC 9112, section 3.2.2).
class ForwardTransport final : public Transport {
 public:
  ForwardTransport(const core::Origin& backend, Proxy proxy, HttpConnection::Options options)
      : connection_(std::move(proxy.origin), options), prefix_("http://" + backend.host_port()) {
    if (!proxy.authorization.empty()) core::append_field(field_, "Proxy-Authorization", proxy.authorization);
  }

  Outcome<void> send(std::string_view head, std::string_view body, Deadline deadline) override {
    auto target = head.find(' ') + 1;
    auto fields = head.find("\r\n") + 2;
    line_.assign(head.substr(0, target));
    line_.append(prefix_).append(head.substr(target, fields - target)).append(field_);
    auto sent = connection_.send({line_, head.substr(fields), body}, deadline);
    explicit_bzero(line_.data(), line_.size());  // a target may hold a secret
    return sent;
  }
  Outcome<const HttpAnswer*> receive(Deadline deadline) override { return connection_.receive(deadline); }
  bool reused() const override { return connection_.reused(); }

 private:
  HttpConnection connection_;
  const std::string prefix_;
  std::string field_;
  std::string line_;
};

class TlsTransport final : public Transport {
 public:
  TlsTransport(const Route& route, std::optional<Proxy> proxy, HttpConnection::Options options)
      : trust_(route.trust),
        layer_(route.backend, proxy ? std::optional(TlsLayer::Tunnel{proxy->authorization}) : std::nullopt),
        connection_(proxy ? proxy->origin : route.backend, with_layer(options)) {}

  Outcome<void> send(std::string_view head, std::string_view body, Deadline deadline) override {
    if (auto ready = layer_.prepare(trust_); !ready) return ready;
    return connection_.send(head, body, deadline);
  }
  Outcome<const HttpAnswer*> receive(Deadline deadline) override { return connection_.receive(deadline); }
  bool reused() const override { return connection_.reused(); }

 private:
  HttpConnection::Options with_layer(HttpConnection::Options options) {
    options.layer = &layer_;
    options.connect_timeout = kSecureConnectTimeout;
    return options;
  }

  const Trust trust_;
  TlsLayer layer_;
  HttpConnection connection_;
};

}  // namespace

std::string Route::host() const {
  auto host = backend.host_port();
  if (backend.port == (tls ? 443 : 80)) host.resize(host.rfind(':'));
  return host;
}

Outcome<std::unique_ptr<Transport>> open_transport(const Route& route, std::size_t max_answer_bytes, int wake_fd) {
  auto proxy = proxy_for(route.proxies, route.backend, route.tls);
  if (!proxy) return unexpected(proxy.error());
  HttpConnection::Options options{kConnectTimeout, max_answer_bytes, wake_fd};
  std::unique_ptr<Transport> transport;
  if (route.tls) {
    transport = std::make_unique<TlsTransport>(route, std::move(*proxy), options);
  } else if (*proxy) {
    transport = std::make_unique<ForwardTransport>(route.backend, std::move(**proxy), options);
  } else {
    transport = std::make_unique<PlainTransport>(route.backend, options);
  }
  return transport;
}

}  // namespace mayfly::telemetry
