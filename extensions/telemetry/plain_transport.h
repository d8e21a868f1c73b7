// Plain HTTP, straight to the backend.

#pragma once

#include <utility>

#include "core/http_connection.h"
#include "extensions/telemetry/transport.h"

namespace mayfly::telemetry {

class PlainTransport final : public Transport {
 public:
  PlainTransport(core::Origin origin, core::HttpConnection::Options options)
      : connection_(std::move(origin), options) {}

  core::Outcome<void> send(std::string_view head, std::string_view body, core::Deadline deadline) override {
    return connection_.send(head, body, deadline);
  }
  core::Outcome<const core::HttpAnswer*> receive(core::Deadline deadline) override {
    return connection_.receive(deadline);
  }
  bool reused() const override { return connection_.reused(); }

 private:
  core::HttpConnection connection_;
};

}  // namespace mayfly::telemetry
