// The HTTP server to which the Telemetry API delivers.
//
// A batch is answered 200 as soon as its bytes are here: Lambda waits for the
// answer before it delivers the next one, and what reading it costs is none of
// its business. Only who keeps books that survive a kill answers once the records
// are in them: what is answered is lost by nobody else.

#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "core/failure.h"
#include "core/http_server/http_server.h"

namespace mayfly::extension {

class TelemetryListener {
 public:
  // Lambda's limit is twice the largest maxBytes and some metadata.
  static constexpr std::size_t kMaxBodyBytes = 8 * 1024 * 1024;

  // Receives the bodies, from the event loop itself: an exception thrown there
  // leaves io_context::run(). A body over kMaxBodyBytes was thrown away and comes
  // as an empty one, so that the loss is counted where all others are.
  using Deliver = std::function<void(std::string body)>;

  TelemetryListener(boost::asio::io_context& io, Deliver deliver);

  // From now on the answer is sent when `deliver` has returned.
  void answer_when_taken() { answers_when_taken_ = true; }

  // Takes a free port and returns it. Lambda connects from outside of this
  // process's network, so all interfaces must listen there; where the Runtime
  // API is on loopback, so is whoever delivers.
  // Errors: Errc::refused.
  core::Outcome<std::uint16_t> listen(bool loopback_only);

 private:
  boost::asio::awaitable<void> receive(core::HttpExchange& exchange);

  boost::asio::io_context& io_;
  Deliver deliver_;
  bool answers_when_taken_ = false;
  core::HttpServer server_;
};

}  // namespace mayfly::extension
