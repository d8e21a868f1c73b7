// Lambda's Invoke API as clients of the service speak it: the AWS CLI, boto3 and
// other SDKs, curl. How it refuses: service_error.h.

#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

#include "core/http_server/http_server.h"
#include "emulator/invocation.h"
#include "emulator/settings.h"

namespace mayfly::emulator {

class InvokeApi {
 public:
  // Invoke, InvokeWithResponseStream, and InvokeAsync, which is deprecated.
  enum class Operation { invoke, invoke_in_parts, invoke_async };

  static constexpr std::size_t kMaxPayloadBytes = 6 * 1024 * 1024;
  static constexpr std::size_t kMaxEventBytes = 1024 * 1024;  // asynchronous ones
  static constexpr std::size_t kMaxAsyncBytes = 256 * 1024;   // those of InvokeAsync
  static constexpr std::size_t kMaxClientContextBytes = 3'583;

  // What takes invocations. False: throttled. `on_answer` is called
  // once, maybe not before the return, and not at all after false.
  using Submit = std::function<bool(std::shared_ptr<Invocation>, std::function<void(Answer)> on_answer)>;

  InvokeApi(boost::asio::io_context& io, const Settings& settings, Submit submit)
      : io_(io), settings_(settings), submit_(std::move(submit)) {}

  boost::asio::awaitable<void> serve(core::HttpExchange& exchange);

 private:
  boost::asio::awaitable<void> invoke(core::HttpExchange& exchange, std::string_view encoded_name, Operation operation);

  boost::asio::io_context& io_;
  const Settings& settings_;
  const Submit submit_;
};

}  // namespace mayfly::emulator
