#include "core/http_server/http_server.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <cstring>
#include <exception>
#include <set>

#include "core/http_field.h"
#include "core/http_server/request_head.h"

namespace mayfly::core {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;
using asio::awaitable;
using asio::use_awaitable;

// GCC 12 copies the bytes of an aggregate that is made inside a co_await
// expression, strings and all, so every reply here has a name first.

namespace {

// Room behind a body, so that JSON can be parsed where it lies.
constexpr std::size_t kPadding = 64;
// Beyond this a body over its limit is not read to its end any more.
constexpr std::size_t kMaxDiscardedBytes = 64 * 1024 * 1024;
// How long a closing connection waits for the peer to close, too.
constexpr std::chrono::seconds kLinger{1};
// How long no connection is accepted when the system has no room for one.
constexpr std::chrono::milliseconds kAcceptPause{100};

// What reads and writes on one connection need. Shared by the server, to be
// able to close it, and the connection's coroutine.
struct Connection {
  explicit Connection(tcp::socket socket) : stream(std::move(socket)) {}
  beast::tcp_stream stream;
  beast::flat_buffer buffer;
};

class Exchange final : public HttpExchange {
 public:
  Exchange(Connection& connection, std::chrono::milliseconds body_timeout)
      : connection_(connection), body_timeout_(body_timeout) {
    parser_.header_limit(1 << 20);  // the head was limited before
    parser_.body_limit(boost::none);
    parser_.eager(false);
  }

  // Gives Beast the head, which lies complete in the buffer. False: not HTTP.
  bool parse_head(std::size_t head_bytes) {
    beast::error_code error;
    auto taken = parser_.put(asio::const_buffer(connection_.buffer.data().data(), head_bytes), error);
    if (error == http::error::need_more) error = {};
    if (error || !parser_.is_header_done() || taken != head_bytes) return false;
    connection_.buffer.consume(head_bytes);
    return true;
  }

  std::string_view method() const override { return view(parser_.get().method_string()); }
  std::string_view target() const override { return view(parser_.get().target()); }
  std::string_view path() const override { return target().substr(0, target().find('?')); }
  std::string_view query() const override {
    auto mark = target().find('?');
    return mark == std::string_view::npos ? std::string_view() : target().substr(mark + 1);
  }
  std::string_view field(std::string_view name) const override {
    return view(parser_.get()[{name.data(), name.size()}]);
  }
  bool has_field(std::string_view name) const override { return parser_.get().count({name.data(), name.size()}) > 0; }

  awaitable<Body> read_body(std::size_t limit_bytes) override {
    Body body;
    if (parser_.is_done()) co_return body;
    if (body_timeout_ > std::chrono::milliseconds{0}) connection_.stream.expires_after(body_timeout_);
    if (same_field_name(field("Expect"), "100-continue")) {
      http::response<http::empty_body> go_on{http::status::continue_, 11};
      beast::error_code error;
      co_await http::async_write(connection_.stream, go_on, asio::redirect_error(use_awaitable, error));
    }
    auto announced = parser_.content_length();
    if (announced && *announced <= limit_bytes) body.bytes.reserve(*announced + kPadding);
    std::string discarded;
    while (!parser_.is_done()) {
      if (body.size > kMaxDiscardedBytes) co_return broken(std::move(body));
      bool keep = body.size < limit_bytes + 1 && (!announced || *announced <= limit_bytes);
      std::string& into = keep ? body.bytes : discarded;
      if (!keep) discarded.clear();
      std::size_t at = into.size();
      std::size_t want = keep && announced ? *announced - at : 64 * 1024;
      into.resize(at + want);
      parser_.get().body().data = into.data() + at;
      parser_.get().body().size = want;
      beast::error_code error;
      co_await http::async_read(connection_.stream, connection_.buffer, parser_,
                                asio::redirect_error(use_awaitable, error));
      if (error == http::error::need_buffer) error = {};
      std::size_t got = want - parser_.get().body().size;
      into.resize(at + got);
      body.size += got;
      if (error) co_return broken(std::move(body));
    }
    connection_.stream.expires_never();
    if (body.size > limit_bytes) {
      body.state = Body::too_large;
      body.bytes.clear();
    }
    co_return body;
  }

  awaitable<void> reply(HttpReply reply) override {
    replied_ = true;
    http::response<http::string_body> response{static_cast<http::status>(reply.status), 11, std::move(reply.body)};
    keep_alive_ = parser_.keep_alive() && parser_.is_done();
    if (!reply.content_type.empty()) response.set(http::field::content_type, clean(reply.content_type));
    for (auto& [name, value] : reply.fields) response.insert(name, clean(value));
    if (reply.status == 204 || reply.status == 304) {
      response.body().clear();
    } else {
      response.content_length(response.body().size());
    }
    if (!keep_alive_) response.set(http::field::connection, "close");
    if (method() == "HEAD") response.body().clear();
    beast::error_code error;
    http::serializer<false, http::string_body> serializer(response);
    co_await http::async_write(connection_.stream, serializer, asio::redirect_error(use_awaitable, error));
    if (error) keep_alive_ = false;
  }

  bool replied() const { return replied_; }
  bool body_broken() const { return body_broken_; }
  bool keep_alive() const { return keep_alive_; }

 private:
  static std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }
  Body broken(Body body) {
    body_broken_ = true;
    body.state = Body::broken;
    return body;
  }
  static std::string clean(std::string value) {
    for (char& c : value) {
      if (!is_field_value({&c, 1})) c = ' ';
    }
    return value;
  }

  Connection& connection_;
  const std::chrono::milliseconds body_timeout_;
  http::request_parser<http::buffer_body> parser_;
  bool replied_ = false;
  bool body_broken_ = false;
  bool keep_alive_ = false;
};

// "[::1]:80" and "localhost:80" without their ports.
std::string_view host_without_port(std::string_view host) {
  if (host.starts_with('[')) {
    auto close = host.find(']');
    return close == host.npos ? host : host.substr(1, close - 1);
  }
  return host.substr(0, host.find(':'));
}

bool is_allowed_host(std::string_view field, const std::vector<std::string>& names) {
  auto host = host_without_port(field);
  if (Origin{std::string(host), 1}.is_loopback()) return true;
  return std::ranges::any_of(names,
                             [&](const std::string& name) { return name == "*" || same_field_name(name, host); });
}

}  // namespace

struct HttpServer::State : std::enable_shared_from_this<State> {
  State(asio::io_context& context, HttpServerOptions o, HttpHandler h)
      : io(context), options(std::move(o)), handler(std::move(h)), acceptor(context) {}

  awaitable<void> accept();
  awaitable<void> serve(std::shared_ptr<Connection> connection);
  awaitable<std::size_t> read_head(Connection& connection);
  awaitable<bool> serve_one(Connection& connection);
  awaitable<void> refuse(Connection& connection, std::string_view status, std::string_view problem);
  std::string_view refusal(const HttpExchange& exchange) const;

  asio::io_context& io;
  const HttpServerOptions options;
  const HttpHandler handler;
  tcp::acceptor acceptor;
  std::set<std::shared_ptr<Connection>> connections;
  bool accepting = false;
};

HttpServer::HttpServer(asio::io_context& io, HttpServerOptions options, HttpHandler handler)
    : state_(std::make_shared<State>(io, std::move(options), std::move(handler))) {}

HttpServer::~HttpServer() { stop(); }

Outcome<Origin> HttpServer::listen(const std::string& address, std::uint16_t port) {
  boost::system::error_code error;
  auto refused = [&](const char* what) {
    return fail(Errc::refused, Origin{address, port}.host_port() + ": " + what + ": " + error.message());
  };
  auto ip = asio::ip::make_address(address, error);
  if (error) return refused("not a numeric address");
  tcp::endpoint endpoint(ip, port);
  auto& acceptor = state_->acceptor;
  acceptor.open(endpoint.protocol(), error);
  if (error) return refused("no socket");
  acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  acceptor.bind(endpoint, error);
  if (error) return refused("cannot listen there");
  acceptor.listen(tcp::acceptor::max_listen_connections, error);
  if (error) return refused("cannot listen there");
  auto local = acceptor.local_endpoint(error);
  if (error) return refused("no local address");
  state_->accepting = true;
  asio::co_spawn(
      state_->io, [state = state_] { return state->accept(); }, asio::detached);
  return Origin{local.address().to_string(), local.port()};
}

void HttpServer::stop() {
  boost::system::error_code ignored;
  state_->acceptor.close(ignored);
  for (const auto& connection : state_->connections) connection->stream.socket().close(ignored);
}

awaitable<void> HttpServer::State::accept() {
  auto self = shared_from_this();
  while (acceptor.is_open()) {
    boost::system::error_code error;
    tcp::socket socket(io);
    co_await acceptor.async_accept(socket, asio::redirect_error(use_awaitable, error));
    if (!acceptor.is_open()) co_return;  // stopped while this connection was on its way here
    if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) co_return;
    if (error == asio::error::connection_aborted) continue;
    if (error) {  // out of descriptors, most likely
      asio::steady_timer pause(io, kAcceptPause);
      co_await pause.async_wait(asio::redirect_error(use_awaitable, error));
      continue;
    }
    socket.set_option(tcp::no_delay(true), error);
    auto connection = std::make_shared<Connection>(std::move(socket));
    connections.insert(connection);
    asio::co_spawn(
        io, [self, connection] { return self->serve(connection); },
        [self, connection](std::exception_ptr) {
          self->connections.erase(connection);
          if (!self->accepting && self->acceptor.is_open()) {
            self->accepting = true;
            asio::co_spawn(
                self->io, [self] { return self->accept(); }, asio::detached);
          }
        });
    if (connections.size() >= options.max_connections) {
      accepting = false;
      co_return;
    }
  }
}

awaitable<void> HttpServer::State::serve(std::shared_ptr<Connection> connection) {
  try {
    while (co_await serve_one(*connection)) {
    }
  } catch (const std::exception& e) {
    std::string line = std::string("mayfly: a request handler failed: ") + e.what() + "\n";
    [[maybe_unused]] auto n = ::write(STDERR_FILENO, line.data(), line.size());
  }
  // Closing a socket that holds unread bytes resets the connection, and a reset
  // can overtake the reply. So say that nothing follows and read on for a moment.
  boost::system::error_code error;
  auto& stream = connection->stream;
  stream.socket().shutdown(tcp::socket::shutdown_send, error);
  stream.expires_after(kLinger);
  std::array<char, 16 * 1024> discarded;
  for (std::size_t total = 0; !error && total < kMaxDiscardedBytes;) {
    total += co_await stream.async_read_some(asio::buffer(discarded), asio::redirect_error(use_awaitable, error));
  }
  stream.close();
}

// The size of the head now at the front of the buffer; 0 when the peer has gone
// or was too slow, more than max_head_bytes when it is too long.
awaitable<std::size_t> HttpServer::State::read_head(Connection& connection) {
  auto& [stream, buffer] = connection;
  std::size_t scanned = 0;
  bool timed = false;
  stream.expires_never();
  for (;;) {
    std::string_view got(static_cast<const char*>(buffer.data().data()), buffer.size());
    auto end = got.find("\r\n\r\n", scanned);
    if (end != got.npos) {
      stream.expires_never();
      co_return end + 4;
    }
    if (got.size() >= options.max_head_bytes) co_return options.max_head_bytes + 1;
    scanned = got.size() < 3 ? 0 : got.size() - 3;
    // Waiting for a request has no limit, waiting for the rest of one has.
    if (!got.empty() && !timed) {
      stream.expires_after(options.head_timeout);
      timed = true;
    }
    boost::system::error_code error;
    auto n = co_await stream.async_read_some(buffer.prepare(8 * 1024), asio::redirect_error(use_awaitable, error));
    if (error) co_return 0;
    buffer.commit(n);
  }
}

std::string_view HttpServer::State::refusal(const HttpExchange& exchange) const {
  if (!options.refuse_browsers) return {};
  if (exchange.has_field("Origin")) return "Requests from web pages are refused.\n";
  if (!is_allowed_host(exchange.field("Host"), options.host_names)) return "The Host field names another server.\n";
  return {};
}

// For what is no request: nothing of it can be trusted for a reply.
awaitable<void> HttpServer::State::refuse(Connection& connection, std::string_view status, std::string_view problem) {
  std::string text =
      "HTTP/1.1 " + std::string(status) +
      "\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: " + std::to_string(problem.size() + 1) +
      "\r\n\r\n" + std::string(problem) + "\n";
  boost::system::error_code error;
  co_await asio::async_write(connection.stream, asio::buffer(text), asio::redirect_error(use_awaitable, error));
}

awaitable<bool> HttpServer::State::serve_one(Connection& connection) {
  std::size_t head_bytes = co_await read_head(connection);
  if (head_bytes == 0) co_return false;
  if (head_bytes > options.max_head_bytes) {
    co_await refuse(connection, "431 Request Header Fields Too Large", "the head is too long");
    co_return false;
  }
  std::string_view head(static_cast<const char*>(connection.buffer.data().data()), head_bytes);
  Exchange exchange(connection, options.body_timeout);
  std::string_view problem = head_problem(head);
  if (problem.empty() && !exchange.parse_head(head_bytes)) problem = "not an HTTP/1.1 request";
  if (!problem.empty()) {
    co_await refuse(connection, "400 Bad Request", problem);
    co_return false;
  }
  if (auto why = refusal(exchange); !why.empty()) {
    HttpReply refused{403, "text/plain", {}, std::string(why)};
    co_await exchange.reply(std::move(refused));
    co_return exchange.keep_alive();
  }
  co_await handler(exchange);
  if (!exchange.replied() && exchange.body_broken()) {
    co_await refuse(connection, "400 Bad Request", "the body cannot be read to its end");
    co_return false;
  }
  if (!exchange.replied()) {
    HttpReply none{500, "text/plain", {}, "No reply.\n"};
    co_await exchange.reply(std::move(none));
  }
  co_return exchange.keep_alive();
}

}  // namespace mayfly::core
