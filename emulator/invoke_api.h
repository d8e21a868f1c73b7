// Lambda's Invoke API as clients of the service speak it: the AWS CLI, boto3 and
// other SDKs, curl. Texts of errors are the service's [A].
//
// [A] the service model in botocore, and answers recorded from the service in
//     LocalStack's snapshot tests, read 2026-11.

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
  static constexpr std::size_t kMaxPayloadBytes = 6 * 1024 * 1024;
  static constexpr std::size_t kMaxEventBytes = 1024 * 1024;  // asynchronous ones
  static constexpr std::size_t kMaxClientContextBytes = 3'583;

  // What takes invocations. False: throttled. `on_answer` is called
  // once, maybe not before the return, and not at all after false.
  using Submit = std::function<bool(std::shared_ptr<Invocation>, std::function<void(Answer)> on_answer)>;

  InvokeApi(boost::asio::io_context& io, const Settings& settings, Submit submit)
      : io_(io), settings_(settings), submit_(std::move(submit)) {}

  boost::asio::awaitable<void> serve(core::HttpExchange& exchange);

 private:
  // `in_parts`: InvokeWithResponseStream.
  boost::asio::awaitable<void> invoke(core::HttpExchange& exchange, std::string_view encoded_name, bool in_parts);

  boost::asio::io_context& io_;
  const Settings& settings_;
  const Submit submit_;
};

}  // namespace mayfly::emulator
