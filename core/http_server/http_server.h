// An HTTP/1.1 server on Boost.Beast, for the emulator's APIs and for the
// telemetry listener of extensions. Functions never link it.
//
// One thread: everything runs on the io_context given to it.

#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/failure.h"
#include "core/http_field.h"
#include "core/uri.h"

namespace mayfly::core {

// Not an aggregate: GCC 12 destroys the strings of a braced aggregate twice when
// it stands inside a co_await expression.
struct HttpReply {
  HttpReply() = default;
  HttpReply(unsigned reply_status, std::string type, std::vector<std::pair<std::string, std::string>> reply_fields,
            std::string reply_body)
      : status(reply_status),
        content_type(std::move(type)),
        fields(std::move(reply_fields)),
        body(std::move(reply_body)) {}

  unsigned status = 200;                                    // 100 .. 599
  std::string content_type;                                 // none when empty
  std::vector<std::pair<std::string, std::string>> fields;  // control bytes in values become spaces
  std::string body;
};

// One request and its reply. Lives as long as the handler's coroutine. A reply
// goes whole or in parts, not both.
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;

  virtual std::string_view method() const = 0;
  virtual std::string_view target() const = 0;  // as sent: path and query
  virtual std::string_view path() const = 0;    // without the query, not decoded
  virtual std::string_view query() const = 0;   // behind the '?', not decoded
  // The first field of that name, without case; empty when there is none.
  virtual std::string_view field(std::string_view name) const = 0;
  // The same, and whether it was there at all.
  virtual bool has_field(std::string_view name) const = 0;
  // All of them as sent; those of one name stand together, in their order.
  virtual std::vector<HttpField> fields() const = 0;
  virtual std::string peer_address() const = 0;  // numeric, without the port

  // What read_body() gives. `too_large`: the body was over the limit; it was
  // read to its end and thrown away, `size` bytes long, so that the connection
  // lives on. `broken`: the peer went away, was too slow or sent nonsense; the
  // handler returns without a reply, and what can still be told is a 400.
  struct Body {
    enum { whole, too_large, broken } state = whole;
    std::string bytes;
    std::size_t size = 0;
  };
  // Reads the body, or what parts have left of it, at most once. A handler that replies without it closes the
  // connection, because what follows on it is not a request.
  virtual boost::asio::awaitable<Body> read_body(std::size_t limit_bytes) = 0;

  // Reads what comes next of the body, some 64 KiB at most; the bytes live until
  // the next call. Empty: the end, or with `broken` what that is for a Body. For as
  // long as it is not called, the peer is held up.
  struct Part {
    std::string_view bytes;
    bool broken = false;
  };
  virtual boost::asio::awaitable<Part> read_part() = 0;
  // The first trailer of that name behind a body that was read to its end, without
  // case; empty when there is none. Trailers never count as fields.
  virtual std::string_view trailer(std::string_view name) const = 0;

  // False: the peer has closed its side of the connection. For a handler that has
  // kept it waiting, before it spends a reply on it; costs a system call.
  virtual bool peer_waits() = 0;

  // Sends the reply, at most once. Whether the peer still reads is not told:
  // nothing depends on it. A handler that returns without a reply makes a 500.
  virtual boost::asio::awaitable<void> reply(HttpReply reply) = 0;

  // The same in parts: `head`, whose body is not used, then any number of parts,
  // each on its way when write() returns, then the end. A handler that returns
  // before the end cuts the connection, so that the peer can tell; one that begins
  // before it has read the body closes it afterwards. False: the peer is gone,
  // nothing more needs to be said.
  virtual boost::asio::awaitable<bool> begin_reply(HttpReply head) = 0;
  virtual boost::asio::awaitable<bool> write(std::string_view part) = 0;
  virtual boost::asio::awaitable<bool> end_reply() = 0;
};

// Called once a request's head has been read. An exception that leaves it
// closes the connection and is printed to standard error.
using HttpHandler = std::function<boost::asio::awaitable<void>(HttpExchange&)>;

struct HttpServerOptions {
  std::chrono::milliseconds head_timeout{10'000};   // from a head's first byte to its end
  std::chrono::milliseconds body_timeout{30'000};   // for read_body(), to the body's last byte; 0: no limit
  std::chrono::milliseconds write_timeout{60'000};  // a peer that takes nothing of its reply for that long; 0: no limit
  // Further ones wait in the backlog; at this number no connection is kept for a
  // request that has not begun, the longest idle one goes first.
  std::size_t max_connections = 1'024;
  std::size_t max_head_bytes = 16 * 1024;
  // A field that may be longer than the 65,000 bytes of others, for it is left out then.
  std::string dispensable_field{};
  // Protects against web pages that call loopback addresses: a request with an
  // Origin field is refused (403), and so is one whose Host is neither a
  // loopback name or address nor in `host_names`.
  bool refuse_browsers = true;
  std::vector<std::string> host_names{};  // without port; "*" allows any
  // Paths that web pages may have all the same; none when empty.
  std::function<bool(std::string_view path)> open_to_browsers{};
};

// Strict about what it reads: see head_problem().
class HttpServer {
 public:
  HttpServer(boost::asio::io_context& io, HttpServerOptions options, HttpHandler handler);
  ~HttpServer();  // as stop()

  // Binds and accepts. Port 0 takes a free one. `address` is numeric.
  // Returns what it is bound to. Errors: Errc::refused, naming address and cause.
  Outcome<Origin> listen(const std::string& address, std::uint16_t port);

  // Closes the listening socket and every connection. Handlers that wait for
  // something else than the network are not ended by this.
  void stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace mayfly::core
