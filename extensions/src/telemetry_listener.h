// The HTTP server to which the Telemetry API delivers.
//
// Lambda waits for the answer to a batch before it delivers the next one, and
// counts on it that an answered batch is not lost. So there are two ways: an
// answer as soon as the bytes are here, for whoever may take long over them, and
// one when they have been handled, for whoever keeps books that outlive a kill.

#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "core/failure.h"
#include "core/http_server/http_server.h"

namespace mayfly::extension {

enum class TelemetryAnswer { at_once, when_handled };

class TelemetryListener {
 public:
  // Lambda's limit is twice the largest maxBytes and some metadata.
  static constexpr std::size_t kMaxBodyBytes = 8 * 1024 * 1024;

  // Receives the bodies, from the event loop itself: an exception thrown there
  // leaves io_context::run(). A body over kMaxBodyBytes was thrown away and comes
  // as an empty one, so that the loss is counted where all others are.
  using Deliver = std::function<void(std::string body)>;

  TelemetryListener(boost::asio::io_context& io, TelemetryAnswer when, Deliver deliver);

  // Takes a free port and returns it. Lambda connects from outside of this
  // process's network, so all interfaces must listen there; where the Runtime
  // API is on loopback, so is whoever delivers.
  // Errors: Errc::refused.
  core::Outcome<std::uint16_t> listen(bool loopback_only);

 private:
  boost::asio::awaitable<void> receive(core::HttpExchange& exchange);

  boost::asio::io_context& io_;
  const TelemetryAnswer when_;
  Deliver deliver_;
  core::HttpServer server_;
};

}  // namespace mayfly::extension
