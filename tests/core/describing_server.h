// An HTTP server on a thread of its own that answers with what it understood, and
// requests to it.

#pragma once

#include <doctest/doctest.h>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "core/http_server/http_server.h"
#include "tests/core/loopback.h"

namespace mayfly::test {

using namespace std::literals;
namespace asio = boost::asio;
using core::HttpExchange;
using core::HttpReply;
using core::HttpServer;
using core::HttpServerOptions;

inline constexpr std::size_t kBodyLimit = 1'000;
inline constexpr std::size_t kLongReply = 16'000'000;  // more than the sockets on the way hold

inline HttpReply reply(unsigned status, std::string body) { return {status, "text/plain", {}, std::move(body)}; }

inline std::string words(const HttpExchange& exchange, const std::string& body) {
  return std::string(exchange.method()) + " " + std::string(exchange.path()) + " " + std::string(exchange.query()) +
         " " + std::string(exchange.field("x-field")) + (exchange.has_field("X-Field") ? "!" : "") + " " + body;
}

// Sends every part back as it comes, with its size before it.
inline asio::awaitable<void> echo_parts(HttpExchange& exchange) {
  HttpReply head = reply(200, "not sent");
  if (!co_await exchange.begin_reply(std::move(head))) co_return;
  for (;;) {
    auto part = co_await exchange.read_part();
    if (part.broken) {
      co_await exchange.write("broken");
      co_return;
    }
    if (part.bytes.empty()) break;
    std::string words = std::to_string(part.bytes.size()) + ":";
    if (part.bytes.size() <= kBodyLimit) words += part.bytes;
    if (!co_await exchange.write(words)) co_return;
  }
  std::string last = "trailer " + std::string(exchange.trailer("x-TRAILER")) + ", field ";
  last += exchange.field("X-Trailer");
  co_await exchange.write(last);
  co_await exchange.end_reply();
}

// Answers with what it understood.
inline asio::awaitable<void> describe(HttpExchange& exchange) {
  if (exchange.path() == "/silent") co_return;
  if (exchange.path() == "/parts") co_return co_await echo_parts(exchange);
  if (exchange.path() == "/throws") throw std::runtime_error("a handler's own");
  HttpReply answer = reply(200, "body");
  if (exchange.path() == "/fields") {
    std::string text;
    for (const auto& one : exchange.fields()) text += std::string(one.name) + "=" + std::string(one.value) + " ";
    answer = reply(200, text + exchange.peer_address());
  } else if (exchange.path() == "/unread") {
    answer = reply(413, "unread");
  } else if (exchange.path() == "/injects") {
    answer.content_type += "\r\nX-Evil: 1";
    answer.fields.emplace_back("A", "b\r\nX-Evil: 1\r\n\r\nHTTP/1.1");
  } else if (exchange.path() == "/empty") {
    answer = reply(204, "");
  } else {
    auto body = co_await exchange.read_body(kBodyLimit);
    if (body.state == HttpExchange::Body::broken) co_return;
    if (exchange.path() == "/late-and-long") {
      asio::steady_timer timer(co_await asio::this_coro::executor, 150ms);
      co_await timer.async_wait(asio::use_awaitable);
      body.bytes.assign(kLongReply, 'x');
    }
    bool large = body.state == HttpExchange::Body::too_large;
    answer = large ? reply(413, std::to_string(body.size)) : reply(200, words(exchange, body.bytes));
    answer.fields.emplace_back("X-Reply", "yes");
  }
  co_await exchange.reply(std::move(answer));
}

// A server and the thread it runs on.
class Running {
 public:
  explicit Running(HttpServerOptions options = {}) : server_(io_, std::move(options), describe) {
    auto origin = server_.listen("127.0.0.1", 0);
    REQUIRE(origin);
    port_ = origin->port;
    thread_ = std::thread([this] { io_.run(); });
  }
  ~Running() {
    stop();
    thread_.join();  // hangs here if stop() leaves anything running
  }
  void stop() {
    asio::post(io_, [this] { server_.stop(); });
  }
  std::uint16_t port() const { return port_; }
  Peer connect() const { return connect_to(port_); }

 private:
  asio::io_context io_{1};
  HttpServer server_;
  std::uint16_t port_;
  std::thread thread_;
};

inline std::string get(std::string_view target, std::string_view fields = "") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(fields) + "\r\n";
}

inline std::string post(std::string_view body, std::string_view fields = "") {
  return "POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(fields) + "\r\n" + std::string(body);
}

// A request in chunks to /parts, up to where they begin.
inline std::string in_parts(std::string_view fields = "") {
  return "POST /parts HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n" + std::string(fields) + "\r\n";
}

// One chunk of a reply, without its size and line ends; empty: the last one.
inline std::string read_chunk(Peer& peer) {
  std::string size = peer.read_until("\r\n");
  std::string bytes = peer.read_bytes(size.empty() ? 0 : std::stoul(size, nullptr, 16) + 2);
  return bytes.substr(0, bytes.size() < 2 ? 0 : bytes.size() - 2);
}

inline std::string body_of(const std::string& message) {
  auto end = message.find("\r\n\r\n");
  return end == message.npos ? "no head in: " + message : message.substr(end + 4);
}

// The status of the answer, and whether the server closed the connection behind it.
struct Outcome {
  int status;
  bool closed;
  bool operator==(const Outcome&) const = default;
};
inline std::ostream& operator<<(std::ostream& out, const Outcome& o) {
  return out << o.status << (o.closed ? " closed" : " open");
}

inline Outcome send(const Running& server, std::string_view request) {
  Peer peer = server.connect();
  peer.write(request);
  auto answer = peer.read_message();
  int status = answer.size() > 12 ? std::stoi(answer.substr(9, 3)) : 0;
  bool says_close = answer.find("Connection: close\r\n") != answer.npos;
  if (says_close) CHECK(peer.closed_by_peer());
  return {status, says_close || status == 0};
}

}  // namespace mayfly::test
