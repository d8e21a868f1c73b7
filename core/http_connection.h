// One keep-alive connection to one HTTP server.
//
// libcurl resolves the name and connects (address families, timeouts); the
// messages are framed here. libcurl's own request path spends 120 k instructions
// and 11 us a cycle, most of it on formatting the request head with its printf;
// the Runtime API needs two fixed heads, and sending them with one writev(2)
// costs what a raw socket costs.
//
// No proxy, no redirect, no cookie, no netrc, no `Expect: 100-continue` and no
// SIGPIPE: the address given is the address talked to.
//
// Thread-safety: one thread at a time.

#pragma once

#include <chrono>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <span>
#include <string_view>

#include <sys/types.h>
#include <sys/uio.h>

#include "core/clock.h"
#include "core/failure.h"
#include "core/http_answer.h"
#include "core/uri.h"

namespace mayfly::core {

// What stands between the messages and the socket: TLS.
class ConnectionLayer {
 public:
  virtual ~ConnectionLayer() = default;

  // Over a new connection, whose socket does not block. Errors: unreachable, timeout.
  virtual Outcome<void> begin(int socket, Deadline deadline) = 0;
  // Before the socket is closed, also when begin() has failed.
  virtual void end() = 0;

  // As sendmsg(2) and recv(2) on a socket that does not block: -1 and errno.
  virtual ssize_t write(std::span<const iovec> parts) = 0;
  virtual ssize_t read(std::span<char> space) = 0;
  // Why one of them failed, where errno cannot tell; else empty.
  virtual std::string_view problem() const = 0;
};

class HttpConnection {
 public:
  static constexpr std::size_t kMaxParts = 3;

  struct Options {
    std::chrono::milliseconds connect_timeout{3'000};
    std::size_t max_body_bytes = 8 * 1024 * 1024;  // of an answer
    // When this descriptor becomes readable, a wait ends with Errc::interrupted;
    // connecting goes on, for connect_timeout at most. -1: waits are not
    // interruptible, and cost no poll(2).
    int wake_fd = -1;
    // Must outlive the connection. What it does at the beginning counts as connecting.
    ConnectionLayer* layer = nullptr;
  };

  HttpConnection(Origin origin, Options options);
  ~HttpConnection();
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  // Sends a whole request, connecting first if need be. `head` ends with the
  // empty line and carries the right Content-Length; `body` is sent from where
  // it lies. An answer that was not received yet is given up with its connection.
  // An answer that comes before the end of a long request ends the sending.
  // Errors: unreachable, timeout, interrupted; unanswered, cut and protocol when
  // the peer ended the connection or spoke nonsense meanwhile (see reused()).
  Outcome<void> send(std::string_view head, std::string_view body, Deadline deadline) {
    return send({head, body}, deadline);
  }
  // The same of at most kMaxParts parts, which go out in one write.
  Outcome<void> send(std::initializer_list<std::string_view> parts, Deadline deadline);

  // Goes on with a request of which send() has sent the head and the beginning,
  // such as one in chunks; behind its end receive() follows. False: the peer has
  // answered, or closed, before the end: nothing more can be sent, and receive()
  // gives what it said. Errors: timeout, interrupted and cut, after which the
  // connection is closed.
  Outcome<bool> send_more(std::initializer_list<std::string_view> parts, Deadline deadline);

  // Waits for the answer to the last send(). The reference and all views into
  // it live until the next send(). Errors: unanswered, cut, timeout,
  // interrupted, protocol; after each but interrupted the connection is closed.
  Outcome<const HttpAnswer*> receive(Deadline deadline);

  // For event loops, right after send() and when fd() is readable: takes what
  // has arrived. Null: not complete yet.
  Outcome<const HttpAnswer*> receive_available();

  // send() and receive().
  Outcome<const HttpAnswer*> exchange(std::string_view head, std::string_view body, Deadline deadline);

  // The last request went out on a connection that had carried one before, so
  // an `unanswered` may only mean that the peer, or a freeze, had ended it.
  bool reused() const { return reused_; }

  // The idle connection has ended, or says something unasked. For whoever cannot
  // send a request twice; everybody else finds out by sending it.
  bool is_stale();

  // The socket, -1 when there is no connection.
  int fd() const { return fd_; }
  void close();
  const Origin& origin() const { return origin_; }

  // From the next send() on, answers are read into `answer`, which must outlive
  // this. So one answer can be kept while the next one is received.
  void receive_into(HttpAnswer& answer) { into_ = &answer; }
  // Replaces Options::wake_fd.
  void wake_on(int fd) { options_.wake_fd = fd; }

 private:
  struct CurlHandle;

  Outcome<void> connect(Deadline deadline);
  Outcome<void> wait(short events, Deadline deadline, short* happened = nullptr);
  Outcome<bool> send_all(std::initializer_list<std::string_view> parts, Deadline deadline);
  Outcome<bool> wait_to_send(Deadline deadline);
  bool may_block(Deadline deadline) const;
  ssize_t write_some(std::span<const iovec> parts);
  ssize_t read_some(std::span<char> space, int flags);
  Outcome<bool> receive_some(int flags);
  template <class T>
  unexpected<Failure> drop(expected<T, Failure> failed);

  const Origin origin_;
  Options options_;
  std::unique_ptr<CurlHandle> curl_;
  int fd_ = -1;
  bool reused_ = false;
  bool in_flight_ = false;  // a request was sent and its answer not yet read
  bool cut_short_ = false;  // the peer stopped reading the request before its end
  bool drained_ = true;     // the last look found nothing to read
  bool answered_ = false;   // the answer came while the request was being sent
  HttpAnswer answer_;
  HttpAnswer* into_ = &answer_;
};

}  // namespace mayfly::core
