// The OTLP receiver for the function's own SDK: http/protobuf and http/json on
// loopback, port 4318, where every SDK sends when it is told nothing else [A].
//
// It takes logs, metrics and traces and answers as soon as they are in the queue,
// so an SDK that flushes before the response waits for microseconds and not for a
// backend. Requests go on in protobuf, with this environment's resource attributes
// added (see otlp_request.h).
//
// What one request may cost is limited: 4 MiB as it comes, 64 MiB or the queue's
// bytes decompressed, 32 connections, 16 MiB of bodies at a time. Within a body
// there is no time limit: Lambda may freeze both ends in the middle of it.
//
// [A] opentelemetry-proto, docs/specification.md, "OTLP/HTTP", read 2026-11.

#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <functional>
#include <string>

#include "core/failure.h"
#include "core/http_server/http_server.h"
#include "core/uri.h"
#include "extensions/telemetry/batch.h"

namespace mayfly::telemetry {

class Receiver {
 public:
  static constexpr std::size_t kMaxBodyBytes = 4 * 1024 * 1024;      // as it comes
  static constexpr std::size_t kMaxRequestBytes = 64 * 1024 * 1024;  // as it goes on

  struct Options {
    core::Origin address{"127.0.0.1", 4318};  // numeric; port 0 takes a free one
    std::size_t max_request_bytes = kMaxRequestBytes;
    // The fields of the Resource to be merged in, as they are known by now.
    std::function<std::string()> resource = {};
    // Takes a request in protobuf with at least one record. What there is no room for
    // later on is dropped and counted there: an SDK that was told to come again
    // would hold the function up.
    std::function<void(Batch)> take = {};
  };

  // All calls come from `io`, on its thread.
  Receiver(boost::asio::io_context& io, Options options);

  // Returns what it listens on. Errors: refused, naming address and cause.
  core::Outcome<core::Origin> listen();

 private:
  boost::asio::awaitable<void> receive(core::HttpExchange& exchange);
  core::HttpReply take(Signal signal, bool json, bool gzip, std::string body);

  const Options options_;
  std::size_t held_bytes_ = 0;  // of bodies that are being read
  core::HttpServer server_;
};

}  // namespace mayfly::telemetry
