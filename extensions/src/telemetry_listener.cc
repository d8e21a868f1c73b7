#include "extensions/src/telemetry_listener.h"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

namespace mayfly::extension {
namespace {

core::HttpServerOptions options() {
  core::HttpServerOptions o;
  o.max_connections = 32;
  o.head_timeout = std::chrono::seconds(5);
  // Lambda may freeze this process in the middle of a batch, for hours.
  o.body_timeout = std::chrono::seconds(0);
  o.host_names = {"sandbox.localdomain", "sandbox"};
  return o;
}

}  // namespace

TelemetryListener::TelemetryListener(boost::asio::io_context& io, Deliver deliver)
    : io_(io),
      deliver_(std::move(deliver)),
      server_(io, options(), [this](core::HttpExchange& e) { return receive(e); }) {}

core::Outcome<std::uint16_t> TelemetryListener::listen(bool loopback_only) {
  auto bound = server_.listen(loopback_only ? "127.0.0.1" : "0.0.0.0", 0);
  if (!bound) return unexpected(bound.error());
  return bound->port;
}

boost::asio::awaitable<void> TelemetryListener::receive(core::HttpExchange& exchange) {
  core::HttpReply reply;
  if (exchange.method() != "POST" && exchange.method() != "PUT") {
    reply.status = 405;
    reply.fields.emplace_back("Allow", "POST");
    co_await exchange.reply(std::move(reply));
    co_return;
  }
  auto body = co_await exchange.read_body(kMaxBodyBytes);
  if (body.state == body.broken) co_return;
  if (body.state == body.too_large) body.bytes.clear();
  // Not from here: the server would swallow an exception.
  boost::asio::post(io_, [this, bytes = std::move(body.bytes)]() mutable { deliver_(std::move(bytes)); });
  // Posted later, so run later.
  if (answers_when_taken_) co_await boost::asio::post(io_, boost::asio::use_awaitable);
  co_await exchange.reply(std::move(reply));
}

}  // namespace mayfly::extension
