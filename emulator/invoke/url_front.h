// The function's URL: any HTTP request becomes an event, the function's answer
// the reply. What the URL does without the function is here, too: CORS, the
// signature that AWS_IAM wants, limits, error pages.

#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/http_server/http_server.h"
#include "emulator/invoke/invoke_api.h"
#include "emulator/settings.h"

namespace mayfly::emulator {

class UrlFront {
 public:
  // `settings.url` is there.
  UrlFront(boost::asio::io_context& io, const Settings& settings, InvokeApi::Submit submit)
      : io_(io), settings_(settings), submit_(std::move(submit)) {}

  boost::asio::awaitable<void> serve(core::HttpExchange& exchange);

  // Where it listens, once that is known.
  void set_port(std::uint16_t port) { port_ = port; }

 private:
  std::optional<core::HttpReply> admit(const core::HttpExchange& exchange, const core::HttpExchange::Body& body,
                                       Invocation& invocation) const;
  // Of a response that is streamed; `ours` are the fields that it cannot set.
  boost::asio::awaitable<void> reply_in_parts(core::HttpExchange& exchange, const Answer& answer,
                                              const ReplyFields& ours);

  boost::asio::io_context& io_;
  const Settings& settings_;
  const InvokeApi::Submit submit_;
  std::uint16_t port_ = 0;
};

// On an address shared by both: paths of Lambda's API begin with a date,
// "/2015-03-31/...", and all others are the function's.
bool is_api_path(std::string_view path);

}  // namespace mayfly::emulator
