// The Runtime API, 2018-06-01: what a runtime asks for and posts. Strings and
// states are those of the official Runtime Interface Emulator.
//
// One object serves one generation of processes; after close() its requests end
// without an effect.

#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "core/http_server/http_server.h"
#include "emulator/apis/workers.h"
#include "emulator/lifecycle/lifecycle.h"

namespace mayfly::emulator {

class RuntimeApi {
 public:
  // 6 MiB and 100 bytes.
  static constexpr std::size_t kMaxResponseBytes = 6 * 1024 * 1024 + 100;
  // 200 MiB, when it is streamed to the caller.
  static constexpr std::size_t kMaxStreamedBytes = 200 * 1024 * 1024;

  // Calls to `next` that may wait under Managed Instances, as in the official
  // emulator.
  static constexpr std::size_t kMaxWorkers = 10'000;

  RuntimeApi(boost::asio::io_context& io, Lifecycle& lifecycle, const Settings& settings)
      : io_(io),
        settings_(settings),
        lifecycle_(&lifecycle),
        workers_(std::make_shared<Workers>(io, settings.is_managed() ? kMaxWorkers : 1)) {}

  void hand_out(RuntimeEvent event) { workers_->put(std::move(event)); }
  void close() {
    lifecycle_ = nullptr;
    workers_->close();
  }

  // Paths that begin with /2018-06-01/.
  boost::asio::awaitable<void> serve(core::HttpExchange& exchange);

 private:
  boost::asio::awaitable<void> next(core::HttpExchange& exchange);
  boost::asio::awaitable<void> respond(core::HttpExchange& exchange, std::string_view request_id, bool error);
  boost::asio::awaitable<void> respond_in_parts(core::HttpExchange& exchange, std::string_view request_id,
                                                std::string_view invocation_id);
  boost::asio::awaitable<void> init_error(core::HttpExchange& exchange);

  boost::asio::io_context& io_;
  const Settings& settings_;
  Lifecycle* lifecycle_;
  std::shared_ptr<Workers> workers_;
};

// Lambda keeps an error type that the runtime gives only if it has the form
// Runtime.Xxx or Function.Xxx; else Function.Unknown or Runtime.Unknown.
std::string known_error_type(std::string_view given);

}  // namespace mayfly::emulator
