#include "core/http_server/http_server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_suffix.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <set>

#include "core/http_field.h"
#include "core/http_server/request_body.h"
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

// How much of a body is read at a time.
constexpr std::size_t kReadBytes = 64 * 1024;
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
  bool served = false;  // a request, at least
  // It waits for a request to begin, since then; max(): it does not.
  std::chrono::steady_clock::time_point idle_since = std::chrono::steady_clock::time_point::max();
};

class Exchange final : public HttpExchange {
 public:
  Exchange(Connection& connection, const HttpServerOptions& options) : connection_(connection), options_(options) {
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
    body_ = parser_.chunked() ? RequestBody::chunked(options_.max_head_bytes)
                              : RequestBody(parser_.content_length().value_or(0));
    go_on_ = !body_.done() && same_field_name(field("Expect"), "100-continue");
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
  std::string_view trailer(std::string_view name) const override { return body_.trailer(name); }
  std::vector<HttpField> fields() const override {
    std::vector<HttpField> all;
    for (const auto& field : parser_.get()) all.push_back({view(field.name_string()), view(field.value())});
    return all;
  }
  std::string peer_address() const override {
    boost::system::error_code error;
    auto peer = connection_.stream.socket().remote_endpoint(error);
    return error ? std::string() : peer.address().to_string();
  }

  awaitable<Body> read_body(std::size_t limit_bytes) override {
    Body body;
    connection_.buffer.consume(std::exchange(handed_out_, 0));
    if (body_.done()) co_return body;
    if (options_.body_timeout > std::chrono::milliseconds{0}) connection_.stream.expires_after(options_.body_timeout);
    if (auto counted = body_.counted(); counted && *counted <= limit_bytes) {
      co_await read_counted(static_cast<std::size_t>(*counted), body);
    } else {
      co_await read_up_to(limit_bytes, body);
    }
    if (!body_broken_) connection_.stream.expires_never();
    body.state = body_broken_ ? Body::broken : body.size > limit_bytes ? Body::too_large : Body::whole;
    if (body.state != Body::whole) body.bytes.clear();
    co_return body;
  }

  awaitable<Part> read_part() override {
    auto& stream = connection_.stream;
    auto& buffer = connection_.buffer;
    buffer.consume(std::exchange(handed_out_, 0));
    for (;;) {
      auto step = body_.next(received());
      if (!step.bytes.empty()) {
        handed_out_ = step.used;
        co_return Part{step.bytes, false};
      }
      buffer.consume(step.used);
      beast::error_code error;
      if (!body_.done() && !body_.broken()) {
        if (go_on_) co_await say_go_on();
        auto space = buffer.prepare(kReadBytes);
        buffer.commit(co_await stream.async_read_some(space, asio::redirect_error(use_awaitable, error)));
      }
      body_broken_ = error || body_.broken();
      if (body_broken_ || body_.done()) co_return Part{{}, body_broken_};
    }
  }

  bool peer_waits() override {
    char byte;
    auto got = ::recv(connection_.stream.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
  }

  awaitable<void> reply(HttpReply reply) override {
    replied_ = open_ = true;
    keep_alive_ = parser_.keep_alive() && body_.done();
    std::string head = head_of(reply);
    if (reply.status != 204 && reply.status != 304)
      append_field(head, "Content-Length", std::to_string(reply.body.size()));
    if (reply.status == 204 || reply.status == 304 || method() == "HEAD") reply.body.clear();
    end_head(head, keep_alive_);
    std::array<asio::const_buffer, 2> all{asio::buffer(head), asio::buffer(reply.body)};
    if (!co_await send(all)) keep_alive_ = false;
  }

  awaitable<bool> begin_reply(HttpReply reply) override {
    replied_ = open_ = true;
    std::string head = head_of(reply);
    chunked_ = parser_.get().version() >= 11;
    bodiless_ = method() == "HEAD";
    if (chunked_) append_field(head, "Transfer-Encoding", "chunked");
    reusable_ = chunked_ && parser_.keep_alive() && body_.done();
    end_head(head, reusable_);
    std::array<asio::const_buffer, 1> all{asio::buffer(head)};
    co_return co_await send(all);
  }

  awaitable<bool> write(std::string_view part) override {
    if (part.empty() || bodiless_) co_return open_;
    char size[24];
    auto size_bytes = static_cast<std::size_t>(std::snprintf(size, sizeof size, "%zx\r\n", part.size()));
    std::array<asio::const_buffer, 3> chunk{asio::buffer(size, chunked_ ? size_bytes : 0),
                                            asio::buffer(part.data(), part.size()),
                                            asio::buffer("\r\n", chunked_ ? 2 : 0)};
    co_return co_await send(chunk);
  }

  awaitable<bool> end_reply() override {
    std::array<asio::const_buffer, 1> last{asio::buffer("0\r\n\r\n", chunked_ && !bodiless_ ? 5 : 0)};
    keep_alive_ = co_await send(last) && reusable_;
    co_return open_;
  }

  bool replied() const { return replied_; }
  bool body_broken() const { return body_broken_; }
  bool keep_alive() const { return keep_alive_; }

 private:
  static std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }
  // Heads are put together here: Beast's serializer takes some 30,000
  // instructions for one.
  static std::string head_of(const HttpReply& reply) {
    std::string head = "HTTP/1.1 " + std::to_string(reply.status) + ' ';
    head += view(http::obsolete_reason(static_cast<http::status>(reply.status)));
    head += "\r\n";
    if (!reply.content_type.empty()) append_field(head, "Content-Type", reply.content_type);
    for (const auto& [name, value] : reply.fields) append_field(head, name, value);
    return head;
  }
  static void end_head(std::string& head, bool keep_alive) {
    head += keep_alive ? "\r\n" : "Connection: close\r\n\r\n";
  }
  std::string_view received() const {
    return {static_cast<const char*>(connection_.buffer.data().data()), connection_.buffer.size()};
  }

  awaitable<void> say_go_on() {
    go_on_ = false;
    beast::error_code error;
    co_await asio::async_write(connection_.stream, asio::buffer("HTTP/1.1 100 Continue\r\n\r\n", 25),
                               asio::redirect_error(use_awaitable, error));
  }

  // A body of known size goes from the socket to where it stays.
  awaitable<void> read_counted(std::size_t size, Body& body) {
    auto& stream = connection_.stream;
    auto& buffer = connection_.buffer;
    body.bytes.reserve(size + kPadding);
    body.bytes.resize(size);
    auto here = std::min(size, buffer.size());
    received().copy(body.bytes.data(), here);
    buffer.consume(here);
    beast::error_code error;
    if (here < size) {
      if (go_on_) co_await say_go_on();
      here += co_await asio::async_read(stream, asio::buffer(body.bytes.data() + here, size - here),
                                        asio::redirect_error(use_awaitable, error));
    }
    body_.skip(here);
    body.size = here;
    if (error) body_broken_ = true;
  }

  // Keeps what is within the limit; what is over it, or will be, is read and
  // thrown away.
  awaitable<void> read_up_to(std::size_t limit_bytes, Body& body) {
    bool keep = !body_.counted();
    for (;;) {
      auto part = co_await read_part();
      if (part.bytes.empty()) co_return;
      body.size += part.bytes.size();
      if (body.size > limit_bytes) keep = false;
      if (keep) body.bytes += part.bytes;
      if (body.size > kMaxDiscardedBytes) {
        body_broken_ = true;
        co_return;
      }
    }
  }

  // Most replies fit into the socket and need no timer.
  template <class Buffers>
  awaitable<bool> send(const Buffers& buffers) {
    auto& stream = connection_.stream;
    beast::buffers_suffix<Buffers> left(buffers);
    beast::error_code error;
    if (open_) left.consume(stream.socket().write_some(left, error));
    if (error && error != asio::error::would_block) open_ = false;
    while (open_ && beast::buffer_bytes(left) > 0) {
      if (options_.write_timeout.count() > 0) stream.expires_after(options_.write_timeout);
      left.consume(co_await stream.async_write_some(left, asio::redirect_error(use_awaitable, error)));
      if (error) open_ = false;
      if (open_) stream.expires_never();
    }
    co_return open_;
  }

  Connection& connection_;
  const HttpServerOptions& options_;
  http::request_parser<http::empty_body> parser_;
  RequestBody body_;
  std::size_t handed_out_ = 0;  // at the front of the buffer, until the next part is read
  bool go_on_ = false;          // the peer waits for a 100 before it sends the body
  bool replied_ = false;
  bool body_broken_ = false;
  bool keep_alive_ = false;
  // A reply in parts:
  bool open_ = false;  // the peer was there when it was last written to
  bool chunked_ = false;
  bool bodiless_ = false;
  bool reusable_ = false;  // the connection, after its end
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

// The head at the front of the buffer without the lines of that field that are too
// long; what stands before such a line moves up behind it.
std::string_view leave_out(beast::flat_buffer& buffer, std::size_t head_bytes, std::string_view field) {
  for (;;) {
    auto* front = static_cast<char*>(buffer.data().data());
    std::string_view head(front, head_bytes);
    auto line = field.empty() ? std::string_view() : too_long_line(head, field);
    if (line.empty()) return head;
    auto before = static_cast<std::size_t>(line.data() - head.data());
    std::memmove(front + line.size(), front, before);
    buffer.consume(line.size());
    head_bytes -= line.size();
  }
}

}  // namespace

struct HttpServer::State : std::enable_shared_from_this<State> {
  State(asio::io_context& context, HttpServerOptions o, HttpHandler h)
      : io(context), options(std::move(o)), handler(std::move(h)), acceptor(context) {}

  awaitable<void> accept();
  void close_longest_idle();
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
    boost::system::error_code ignored;
    state_->acceptor.close(ignored);  // so that another address can be tried
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
    socket.non_blocking(true, error);
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
      close_longest_idle();
      co_return;
    }
  }
}

// Not one whose first request may be on its way.
void HttpServer::State::close_longest_idle() {
  auto new_since = std::chrono::steady_clock::now() - options.head_timeout;
  Connection* longest = nullptr;
  for (const auto& one : connections) {
    bool idle = one->idle_since <= new_since || (one->served && one->idle_since != one->idle_since.max());
    if (idle && (!longest || one->idle_since < longest->idle_since)) longest = one.get();
  }
  boost::system::error_code ignored;
  if (longest) longest->stream.socket().close(ignored);
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
  auto& stream = connection.stream;
  auto& buffer = connection.buffer;
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
    if (got.empty()) {
      if (connection.served && !accepting) co_return 0;  // there is somebody else, maybe
      connection.idle_since = std::chrono::steady_clock::now();
    }
    boost::system::error_code error;
    auto n = co_await stream.async_read_some(buffer.prepare(8 * 1024), asio::redirect_error(use_awaitable, error));
    connection.idle_since = connection.idle_since.max();
    if (error) co_return 0;
    buffer.commit(n);
  }
}

std::string_view HttpServer::State::refusal(const HttpExchange& exchange) const {
  if (!options.refuse_browsers) return {};
  if (options.open_to_browsers && options.open_to_browsers(exchange.path())) return {};
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
  std::string_view head = leave_out(connection.buffer, head_bytes, options.dispensable_field);
  Exchange exchange(connection, options);
  std::string_view problem = head_problem(head);
  if (problem.empty() && !exchange.parse_head(head.size())) problem = "not an HTTP/1.1 request";
  if (!problem.empty()) {
    co_await refuse(connection, "400 Bad Request", problem);
    co_return false;
  }
  if (auto why = refusal(exchange); !why.empty()) {
    HttpReply refused{403, "text/plain", {}, std::string(why)};
    co_await exchange.reply(std::move(refused));
    co_return exchange.keep_alive();
  }
  connection.served = true;
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
