#include "core/http_server/http_server.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <stdexcept>
#include <string>
#include <thread>

#include "tests/core/loopback.h"

using namespace std::literals;
using mayfly::core::HttpExchange;
using mayfly::core::HttpReply;
using mayfly::core::HttpServer;
using mayfly::core::HttpServerOptions;
using mayfly::test::connect_to;
using mayfly::test::Peer;
namespace asio = boost::asio;

namespace {

constexpr std::size_t kBodyLimit = 1'000;
constexpr std::size_t kLongReply = 16'000'000;  // more than the sockets on the way hold

HttpReply reply(unsigned status, std::string body) { return {status, "text/plain", {}, std::move(body)}; }

std::string words(const HttpExchange& exchange, const std::string& body) {
  return std::string(exchange.method()) + " " + std::string(exchange.path()) + " " + std::string(exchange.query()) +
         " " + std::string(exchange.field("x-field")) + (exchange.has_field("X-Field") ? "!" : "") + " " + body;
}

// Sends every part back as it comes, with its size before it.
asio::awaitable<void> echo_parts(HttpExchange& exchange) {
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
asio::awaitable<void> describe(HttpExchange& exchange) {
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

std::string get(std::string_view target, std::string_view fields = "") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(fields) + "\r\n";
}

std::string post(std::string_view body, std::string_view fields = "") {
  return "POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(fields) + "\r\n" + std::string(body);
}

// A request in chunks to /parts, up to where they begin.
std::string in_parts(std::string_view fields = "") {
  return "POST /parts HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n" + std::string(fields) + "\r\n";
}

// One chunk of a reply, without its size and line ends; empty: the last one.
std::string read_chunk(Peer& peer) {
  std::string size = peer.read_until("\r\n");
  std::string bytes = peer.read_bytes(size.empty() ? 0 : std::stoul(size, nullptr, 16) + 2);
  return bytes.substr(0, bytes.size() < 2 ? 0 : bytes.size() - 2);
}

std::string body_of(const std::string& message) {
  auto end = message.find("\r\n\r\n");
  return end == message.npos ? "no head in: " + message : message.substr(end + 4);
}

// The status of the answer, and whether the server closed the connection behind it.
struct Outcome {
  int status;
  bool closed;
  bool operator==(const Outcome&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Outcome& o) {
  return out << o.status << (o.closed ? " closed" : " open");
}

Outcome send(const Running& server, std::string_view request) {
  Peer peer = server.connect();
  peer.write(request);
  auto answer = peer.read_message();
  int status = answer.size() > 12 ? std::stoi(answer.substr(9, 3)) : 0;
  bool says_close = answer.find("Connection: close\r\n") != answer.npos;
  if (says_close) CHECK(peer.closed_by_peer());
  return {status, says_close || status == 0};
}

}  // namespace

TEST_CASE("method, path, query, fields and body reach the handler, and the reply its client") {
  Running server;
  Peer peer = server.connect();
  peer.write("PUT /a/b%20c?x=1?&y HTTP/1.1\r\nHost: localhost\r\nX-FIELD: \t v \r\nContent-Length: 4\r\n\r\nbody");
  auto answer = peer.read_message();
  CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(answer.find("Content-Type: text/plain\r\n") != answer.npos);
  CHECK(answer.find("X-Reply: yes\r\n") != answer.npos);
  CHECK(body_of(answer) == "PUT /a/b%20c x=1?&y v! body");
}

TEST_CASE("a connection carries many requests, pipelined ones too, in order") {
  Running server;
  Peer peer = server.connect();
  peer.write(get("/1") + post("two") + get("/3?q"));
  CHECK(body_of(peer.read_message()) == "GET /1   ");
  CHECK(body_of(peer.read_message()) == "POST /p   two");
  CHECK(body_of(peer.read_message()) == "GET /3 q  ");
  peer.write(get("/4"));
  CHECK(body_of(peer.read_message()) == "GET /4   ");
}

TEST_CASE("a request may arrive byte by byte") {
  Running server;
  Peer peer = server.connect();
  for (char c : post("slowly")) peer.write({&c, 1});
  CHECK(body_of(peer.read_message()) == "POST /p   slowly");
}

TEST_CASE("a chunked body is read whole") {
  Running server;
  Peer peer = server.connect();
  peer.write(
      "POST /p HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: "
      "1\r\n\r\n" +
      get("/after"));
  CHECK(body_of(peer.read_message()) == "POST /p   abcde");
  CHECK(body_of(peer.read_message()) == "GET /after   ");
}

TEST_CASE("a body in parts reaches the handler as it comes, and each part of the reply its client") {
  Running server;
  Peer peer = server.connect();
  peer.write(in_parts());
  auto head = peer.read_head();
  CHECK(head.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(head.find("Transfer-Encoding: chunked\r\n") != head.npos);
  CHECK(head.find("Content-Length") == head.npos);
  peer.write("3\r\nabc\r\n");  // the request goes on only when its answer is here
  CHECK(read_chunk(peer) == "3:abc");
  peer.write("2;x=y\r\nde");
  CHECK(read_chunk(peer) == "2:de");
  peer.write("\r\n0\r\nX-Trailer: \t at the end\r\n\r\n");
  CHECK(read_chunk(peer) == "trailer at the end, field ");
  CHECK(read_chunk(peer) == "");
}

TEST_CASE("a connection lives on after a reply in parts, unless it began before the request's end") {
  Running server;
  Peer peer = server.connect();
  peer.write(get("/parts") + in_parts() + "0\r\n\r\n");
  CHECK(peer.read_head().find("Connection: close") == std::string::npos);
  CHECK(read_chunk(peer) == "trailer , field ");
  CHECK(read_chunk(peer) == "");
  CHECK(peer.read_head().find("Connection: close\r\n") != std::string::npos);
  CHECK(read_chunk(peer) == "trailer , field ");
  CHECK(read_chunk(peer) == "");
  CHECK(peer.closed_by_peer());
}

TEST_CASE("a body of known size comes in parts, too, and trailers are no fields") {
  Running server;
  Peer peer = server.connect();
  peer.write("POST /parts HTTP/1.1\r\nHost: localhost\r\nX-Trailer: f\r\nContent-Length: 5\r\n\r\nab");
  peer.read_head();
  CHECK(read_chunk(peer) == "2:ab");
  peer.write("cde" + get("/after"));
  CHECK(read_chunk(peer) == "3:cde");
  CHECK(read_chunk(peer) == "trailer , field f");
  CHECK(read_chunk(peer) == "");
}

TEST_CASE("a reply in parts to an HTTP/1.0 client ends with the connection") {
  Running server;
  Peer peer = server.connect();
  peer.write("POST /parts HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nab");
  auto answer = peer.read_to_end();
  CHECK(answer.find("Transfer-Encoding") == answer.npos);
  CHECK(body_of(answer) == "2:abtrailer , field ");
}

TEST_CASE("a reply in parts to HEAD has none") {
  Running server;
  Peer peer = server.connect();
  peer.write("HEAD /parts HTTP/1.1\r\nHost: localhost\r\n\r\n" + get("/after"));
  CHECK(peer.read_head().find("Transfer-Encoding: chunked\r\n") != std::string::npos);
  CHECK(body_of(peer.read_message()) == "GET /after   ");
}

TEST_CASE("a client that waits for a 100 gets it once, before the first part") {
  Running server;
  Peer peer = server.connect();
  peer.write(in_parts("Expect: 100-continue\r\n"));
  CHECK(peer.read_head().starts_with("HTTP/1.1 200"));
  // begun before the body was asked for
  CHECK(peer.read_head().starts_with("HTTP/1.1 100"));
}

TEST_CASE("chunks and trailers that could be understood in two ways break the body, and cut the reply") {
  Running server;
  auto breaks = [&](std::string_view body) {
    Peer peer = server.connect();
    peer.write(in_parts() + std::string(body));
    auto answer = peer.read_to_end();
    return answer.ends_with("6\r\nbroken\r\n");
  };
  for (std::string body :
       {"x\r\n", "+1\r\na\r\n", "-1\r\na\r\n", "0x1\r\na\r\n", " 1\r\na\r\n", "1 a\r\na\r\n", "\r\n", "1\na\r\n",
        "1\r\nab\r\n", "1\r\na\n0\r\n\r\n", "1\r\na\rb0", "11111111111111111\r\n", "1;\x01\r\na\r\n"}) {
    CAPTURE(body);
    CHECK(breaks(body));
  }
  for (std::string trailers : {" folded: 1\r\n", "A: 1\r\n folded\r\n", "no colon\r\n", ": no name\r\n", "na me: 1\r\n",
                               "A : 1\r\n", "A: bare\rCR\r\n", "A: bare\n", "A: \x01\r\n", "Content-Length: 5\r\n",
                               "transfer-encoding: chunked\r\n", "Host: other\r\n"}) {
    CAPTURE(trailers);
    CHECK(breaks("0\r\n" + trailers + "\r\n"));
  }
  CHECK(breaks("0\r\nA: n\0l\r\n\r\n"sv));
}

TEST_CASE("chunk lines and trailers without an end are not read for ever") {
  HttpServerOptions options;
  options.max_head_bytes = 2'000;  // of trailers, too
  Running server(options);
  std::string many, one = "a: " + std::string(1'900, 'x') + "\r\n";
  for (int i = 0; i < 65; ++i) many += "a: b\r\n";
  for (std::string body :
       {"0\r\n" + one + one, "0\r\n" + many, "0\r\na: " + std::string(3'000, 'x'), "1;" + std::string(5'000, 'x')}) {
    Peer peer = server.connect();
    peer.write(in_parts() + body);
    CHECK(peer.read_to_end().ends_with("broken\r\n"));
  }
  Peer peer = server.connect();
  peer.write(in_parts() + "0\r\n" + one + "\r\n");
  peer.read_head();
  CHECK(read_chunk(peer) == "trailer , field ");
}

TEST_CASE("a client that leaves in mid-body or in mid-reply costs only its connection") {
  Running server;
  for (bool reset : {false, true}) {
    Peer peer = server.connect();
    peer.write(in_parts() + "5\r\nab");
    peer.read_head();
    CHECK(read_chunk(peer) == "2:ab");
    if (reset) peer.reset();
  }
  CHECK(send(server, get("/")) == Outcome{200, false});
}

TEST_CASE("a head that could be understood in two ways is refused and the connection closed") {
  Running server;
  auto with = [&](std::string_view fields) {
    return send(server,
                "POST /p HTTP/1.1\r\nHost: localhost\r\n" + std::string(fields) + "\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
  };
  for (std::string fields : {"Content-Length: 5\r\nTransfer-Encoding: chunked",
                             "Transfer-Encoding: chunked\r\nContent-Length: 5",
                             "Content-Length: 5\r\nContent-Length: 6",
                             "Content-Length: +5",
                             "Content-Length: -5",
                             "Content-Length: 0x5",
                             "Content-Length: 5, 6",
                             "Content-Length: five",
                             "Content-Length:",
                             "Content-Length: 99999999999999999999",
                             "Content-Length : 5",
                             "Transfer-Encoding: gzip",
                             "Transfer-Encoding: gzip, chunked",
                             "Transfer-Encoding: chunked, gzip",
                             "Transfer-Encoding: xchunked",
                             "Transfer-Encoding:",
                             "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
                             "A: 1\r\n folded",
                             "A: 1\r\n\tfolded",
                             "A: bare\rCR",
                             "A: bare\nLF",
                             "A\x01: 1",
                             "A: \x01",
                             "no colon",
                             ": no name",
                             "na me: 1",
                             "Host: other"}) {
    CAPTURE(fields);
    CHECK(with(fields) == Outcome{400, true});
  }
  CHECK(with("A: n\0l"sv) == Outcome{400, true});
  CHECK(with("Transfer-Encoding:\tChunked ") == Outcome{200, false});
  for (std::string line :
       {"", "GET", "GET /", "GET / HTTP/2.0", "GET / HTTP/1.1 x", "GET  / HTTP/1.1", "GET /a b HTTP/1.1",
        "G(T / HTTP/1.1", "PRI * HTTP/2.0", " GET / HTTP/1.1", "GET / http/1.1", "GET /\tx HTTP/1.1"}) {
    CAPTURE(line);
    CHECK(send(server, line + "\r\nHost: localhost\r\n\r\n"s) == Outcome{400, true});
  }
}

TEST_CASE("64 fields are read and 65 refused") {
  Running server;
  std::string fields;
  for (int i = 0; i < 63; ++i) fields += "A: 1\r\n";
  CHECK(send(server, get("/", fields)) == Outcome{200, false});
  CHECK(send(server, get("/", fields + "A: 1\r\n")) == Outcome{400, true});
}

TEST_CASE("a head of 16 KiB is read and one byte more refused, in one piece or two") {
  Running server;
  auto head = [](std::size_t bytes) {
    return get("/", "A: " + std::string(bytes - get("/", "A: \r\n").size(), 'x') + "\r\n");
  };
  REQUIRE(head(100).size() == 100);
  CHECK(send(server, head(16 * 1024)) == Outcome{200, false});
  CHECK(send(server, head(16 * 1024 + 1)) == Outcome{431, true});
  CHECK(send(server, head(200'000)) == Outcome{431, true});
}

TEST_CASE("a field that nobody reads may be as long as the head, others may not") {
  Running server({.max_head_bytes = 300'000, .dispensable_field = "Cause"});
  auto long_field = [](std::string name) { return name + ": " + std::string(100'000, 'x') + "\r\n"; };
  CHECK(send(server, get("/", long_field("cause") + "A: 1\r\n" + long_field("Cause"))) == Outcome{200, false});
  CHECK(send(server, get("/", long_field("Effect"))) == Outcome{400, true});
  CHECK(send(server, long_field("Cause") + get("/")) == Outcome{400, true});
  CHECK(send(server, get("/", long_field("Cause") + long_field("Cause") + long_field("Cause"))) == Outcome{431, true});
  // What stands around it is still there, and so is what follows.
  auto request = "POST /echo HTTP/1.1\r\nHost: localhost\r\n" + long_field("Cause") + "Content-Length: 2\r\n\r\nhi";
  CHECK(send(server, request + request) == Outcome{200, false});
}

TEST_CASE("web pages and other hosts' names are refused") {
  Running server({.host_names = {"sandbox.localdomain"}});
  auto with_host = [&](std::string_view host) {
    return send(server, "GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n").status;
  };
  for (std::string host : {"localhost", "localhost:9000", "127.0.0.1", "127.0.0.1:9000", "127.9.9.9", "[::1]:80",
                           "sandbox.localdomain", "SANDBOX.localdomain:80"}) {
    CAPTURE(host);
    CHECK(with_host(host) == 200);
  }
  for (std::string host : {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1:80",
                           "[::2]:80", "[::1", "", "evil.example:127", "0.0.0.0"}) {
    CAPTURE(host);
    CHECK(with_host(host) == 403);
  }
  CHECK(send(server, "GET / HTTP/1.1\r\n\r\n").status == 403);
  CHECK(send(server, get("/", "Origin: http://localhost\r\n")).status == 403);
  CHECK(send(server, get("/", "Origin:\r\n")).status == 403);
}

TEST_CASE("any host can be allowed, and the check switched off") {
  Running any({.host_names = {"*"}});
  CHECK(send(any, "GET / HTTP/1.1\r\nHost: anything\r\n\r\n").status == 200);
  CHECK(send(any, "GET / HTTP/1.1\r\nHost: anything\r\nOrigin: x\r\n\r\n").status == 403);
  Running off({.refuse_browsers = false});
  CHECK(send(off, "GET / HTTP/1.1\r\nHost: anything\r\nOrigin: x\r\n\r\n").status == 200);
}

TEST_CASE("some paths can be open to web pages, for any host") {
  Running some({.open_to_browsers = [](std::string_view path) { return path != "/closed"; }});
  CHECK(send(some, "GET /open?/closed HTTP/1.1\r\nHost: anything\r\nOrigin: x\r\n\r\n").status == 200);
  CHECK(send(some, get("/closed", "Origin: x\r\n")).status == 403);
  CHECK(send(some, "GET /closed HTTP/1.1\r\nHost: anything\r\n\r\n").status == 403);
}

TEST_CASE("a handler sees all fields in their order, and where the peer is") {
  Running server;
  Peer peer = server.connect();
  peer.write(get("/fields", "B: 1\r\na: 2\r\nA: 3\r\n"));
  CHECK(body_of(peer.read_message()) == "Host=localhost B=1 a=2 A=3 127.0.0.1");
}

TEST_CASE("a body over the limit is thrown away and the connection lives on") {
  Running server;
  for (std::size_t n : {kBodyLimit - 1, kBodyLimit, kBodyLimit + 1, std::size_t{3'000'000}}) {
    for (bool chunked : {false, true}) {
      CAPTURE(n);
      CAPTURE(chunked);
      Peer peer = server.connect();
      std::string body(n, 'x');
      char size[20];
      std::snprintf(size, sizeof size, "%zx", n);
      peer.write(chunked ? "POST /p HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"s + size +
                               "\r\n" + body + "\r\n0\r\n\r\n"
                         : post(body));
      auto answer = peer.read_message();
      if (n <= kBodyLimit) {
        CHECK(body_of(answer) == "POST /p   " + body);
      } else {
        CHECK(answer.starts_with("HTTP/1.1 413 "));
        CHECK(body_of(answer) == std::to_string(n));
      }
      peer.write(get("/after"));
      CHECK(body_of(peer.read_message()) == "GET /after   ");
    }
  }
}

TEST_CASE("a reply before the body is read reaches a client that is still sending, then the connection closes") {
  Running server;
  Peer peer = server.connect();
  peer.write("POST /unread HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000\r\n\r\n");
  peer.write(std::string(5'000'000, 'x'));
  auto answer = peer.read_message();
  CHECK(answer.starts_with("HTTP/1.1 413 "));
  CHECK(answer.find("Connection: close\r\n") != answer.npos);
  CHECK(peer.closed_by_peer());
}

TEST_CASE("a chunk that is none is refused and the connection closed") {
  Running server;
  for (std::string body : {"zz\r\n{}\r\n0\r\n\r\n", "-1\r\n{}\r\n0\r\n\r\n", "2\r\n{}x\r\n0\r\n\r\n",
                           "2\n{}\r\n0\r\n\r\n", "\r\n\r\n", "ffffffffffffffff1\r\n{}\r\n0\r\n\r\n"}) {
    CAPTURE(body);
    CHECK(send(server, "POST /p HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + body) ==
          Outcome{400, true});
  }
}

TEST_CASE("Expect: 100-continue is answered once the body is wanted") {
  Running server;
  Peer peer = server.connect();
  peer.write("POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  CHECK(peer.read_head() == "HTTP/1.1 100 Continue\r\n\r\n");
  peer.write("body");
  CHECK(body_of(peer.read_message()) == "POST /p   body");
  Peer unread = server.connect();
  unread.write("POST /unread HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  CHECK(unread.read_message().starts_with("HTTP/1.1 413 "));
}

TEST_CASE("a head that is not complete in time is not waited for, an idle connection is") {
  Running server({.head_timeout = 50ms});
  Peer idle = server.connect();
  Peer slow = server.connect();
  slow.write("GET / HTTP/1.1\r\nHos");
  CHECK(slow.closed_by_peer());
  idle.write(get("/idle"));
  CHECK(body_of(idle.read_message()) == "GET /idle   ");
}

TEST_CASE("a body that trickles is not waited for") {
  Running server({.body_timeout = 50ms});
  for (std::string_view head : {"POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"sv,
                                "POST /p HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"sv}) {
    CAPTURE(head);
    Peer slow = server.connect();
    slow.write(head);
    // Never silent for long, and never done.
    std::string_view bit = head.find("chunked") == head.npos ? "x" : "1\r\nx\r\n";
    pollfd ended{slow.fd(), POLLIN, 0};
    for (int i = 0; i < 2'000 && poll(&ended, 1, 5) == 0; ++i) slow.write(bit);
    CHECK(slow.closed_by_peer());
  }
}

TEST_CASE("a peer that never reads its reply is not waited for, one that reads slowly is") {
  Running server({.write_timeout = 100ms});
  Peer stalled = server.connect();
  Peer slow = server.connect();
  stalled.write(get("/late-and-long"));
  slow.write(get("/late-and-long"));
  std::size_t read = 0;
  std::array<char, 256 * 1024> part;
  for (ssize_t n = 1; n > 0; read += static_cast<std::size_t>(std::max<ssize_t>(n, 0))) {
    usleep(10'000);  // never silent for long, and half a second in all
    n = read < kLongReply ? ::read(slow.fd(), part.data(), part.size()) : 0;
  }
  CHECK(read >= kLongReply);
  std::size_t got = 0;
  for (ssize_t n = 1; n > 0; got += static_cast<std::size_t>(std::max<ssize_t>(n, 0))) {
    n = ::read(stalled.fd(), part.data(), part.size());
  }
  CHECK(got < kLongReply);
}

TEST_CASE("when there are too many connections, the longest idle one makes room") {
  Running server({.max_connections = 3});
  Peer first = server.connect(), second = server.connect();
  for (Peer* peer : {&first, &second}) {
    peer->write(get("/a"));
    CHECK(body_of(peer->read_message()) == "GET /a   ");
  }
  Peer third = server.connect();
  third.write(get("/b"));
  CHECK(body_of(third.read_message()) == "GET /b   ");
  CHECK(first.closed_by_peer());
  second.write(get("/c"));
  CHECK(body_of(second.read_message()) == "GET /c   ");
}

TEST_CASE("the limit of a body is none of its reply") {
  Running server({.body_timeout = 50ms});
  Peer peer = server.connect();
  peer.write("POST /late-and-long HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody");
  CHECK(body_of(peer.read_message()).size() > kLongReply);
  peer.write(get("/after"));
  CHECK(body_of(peer.read_message()) == "GET /after   ");
}

TEST_CASE("connections over the limit wait until a busy one is done") {
  Running server({.max_connections = 2});
  Peer first = server.connect();
  Peer second = server.connect();
  for (Peer* peer : {&first, &second}) {
    peer->write("POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    CHECK(peer->read_head() == "HTTP/1.1 100 Continue\r\n\r\n");
  }
  Peer third = server.connect();
  third.write(get("/3"));
  second.write("body");
  CHECK(body_of(second.read_message()) == "POST /p   body");
  CHECK(body_of(third.read_message()) == "GET /3   ");
  CHECK(second.closed_by_peer());
  first.write("more");
  CHECK(body_of(first.read_message()) == "POST /p   more");
}

TEST_CASE("running out of descriptors delays connections and loses none") {
  Running server;
  int client = socket(AF_INET, SOCK_STREAM, 0);
  rlimit before;
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit none = before;
  none.rlim_cur = static_cast<rlim_t>(client) + 1;
  REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(server.port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int connected = connect(client, reinterpret_cast<sockaddr*>(&address), sizeof address);
  Peer peer(client);
  peer.write(get("/late"));
  pollfd p{client, POLLIN, 0};
  int answered = poll(&p, 1, 20);  // the accepting side fails meanwhile, at least once
  setrlimit(RLIMIT_NOFILE, &before);
  REQUIRE(connected == 0);
  CHECK(answered == 0);
  CHECK(body_of(peer.read_message()) == "GET /late   ");
}

TEST_CASE("stop closes idle, half-read and waiting connections, and the port") {
  Running server;
  Peer idle = server.connect();
  idle.write(get("/"));
  idle.read_message();
  Peer half = server.connect();
  half.write("GET / HT");
  Peer body = server.connect();
  body.write("POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nb");
  server.stop();
  CHECK(idle.closed_by_peer());
  CHECK(half.closed_by_peer());
  CHECK(body.closed_by_peer());
  CHECK(server.connect().fd() == -1);
}

TEST_CASE("HTTP/1.0 and Connection: close end the connection after the reply") {
  Running server;
  CHECK(send(server, "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n") == Outcome{200, true});
  CHECK(send(server, get("/", "Connection: close\r\n")) == Outcome{200, true});
}

TEST_CASE("a HEAD request gets the head alone, and 204 no length") {
  Running server;
  Peer peer = server.connect();
  peer.write("HEAD /h HTTP/1.1\r\nHost: localhost\r\n\r\n" + get("/empty") + get("/after"));
  CHECK(peer.read_head().find("Content-Length: 10\r\n") != std::string::npos);
  auto empty = peer.read_head();
  CHECK(empty.starts_with("HTTP/1.1 204 "));
  CHECK(empty.find("Content-Length") == empty.npos);
  CHECK(body_of(peer.read_message()) == "GET /after   ");
}

TEST_CASE("a reply's values cannot add fields") {
  Running server;
  Peer peer = server.connect();
  peer.write(get("/injects"));
  auto answer = peer.read_message();
  CHECK(answer.find("\r\nX-Evil") == answer.npos);
  CHECK(body_of(answer) == "body");
}

TEST_CASE("a handler without a reply makes a 500, and one that throws costs its own connection") {
  Running server;
  CHECK(send(server, get("/silent")).status == 500);
  Peer thrown = server.connect();
  thrown.write(get("/throws"));
  CHECK(thrown.closed_by_peer());
  CHECK(send(server, get("/")).status == 200);
}

TEST_CASE("a client that goes away inside its body or before its reply harms nobody") {
  std::signal(SIGPIPE, SIG_DFL);
  Running server;
  for (int i = 0; i < 20; ++i) {
    Peer half = server.connect();
    half.write("POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 400\r\n\r\nb");
    Peer gone = server.connect();
    gone.write(get("/"));
    i % 2 ? gone.reset() : gone.close();
  }
  CHECK(send(server, get("/")).status == 200);
}

TEST_CASE("a port in use and an address that is no number are named") {
  Running server;
  asio::io_context io;
  HttpServer other(io, {}, describe);
  auto used = other.listen("127.0.0.1", server.port());
  REQUIRE_FALSE(used);
  CHECK(used.error().message ==
        "127.0.0.1:" + std::to_string(server.port()) + ": cannot listen there: Address already in use");
  auto free = other.listen("127.0.0.1", 0);
  REQUIRE(free);
  CHECK(free->port != server.port());
  HttpServer named(io, {}, describe);
  CHECK(named.listen("localhost", 0).error().message.starts_with("localhost:0: not a numeric address"));
}
