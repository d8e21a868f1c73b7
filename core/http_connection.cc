#include "core/http_connection.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace mayfly::core {

// Connections are made on several threads; since then curl_easy_init() may be
// the first call of the library on any of them.
static_assert(LIBCURL_VERSION_NUM >= 0x075400, "libcurl 7.84 or later");

struct HttpConnection::CurlHandle {
  CURL* easy = curl_easy_init();
  ~CurlHandle() { curl_easy_cleanup(easy); }
};

namespace {

// As libcurl's own, but closed in every child process from the first moment on.
curl_socket_t open_socket(void*, curlsocktype, curl_sockaddr* address) {
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

}  // namespace

HttpConnection::HttpConnection(Origin origin, Options options)
    : origin_(std::move(origin)), options_(options), answer_(options.max_body_bytes) {}

HttpConnection::~HttpConnection() { close(); }

void HttpConnection::close() {
  if (fd_ >= 0 && options_.layer) options_.layer->end();
  curl_.reset();
  fd_ = -1;
  in_flight_ = false;
}

template <class T>
unexpected<Failure> HttpConnection::drop(expected<T, Failure> failed) {
  if (failed.error().code != Errc::interrupted) close();
  return unexpected(std::move(failed).error());
}

Outcome<void> HttpConnection::connect(Deadline deadline) {
  close();
  curl_ = std::make_unique<CurlHandle>();
  CURL* easy = curl_->easy;
  if (!easy) return drop(Outcome<void>(fail(Errc::unreachable, "libcurl could not be started")));

  auto timeout = options_.connect_timeout;
  if (!deadline.is_never()) {
    timeout = std::clamp(std::chrono::ceil<std::chrono::milliseconds>(deadline.remaining()),
                         std::chrono::milliseconds{1}, timeout);
  }
  auto connected_by = Deadline::after(timeout);
  std::string url = "http://" + origin_.host_port();
  char reason[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(timeout.count()));
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, reason);
  CURLcode code = curl_easy_perform(easy);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, nullptr);

  curl_socket_t socket = CURL_SOCKET_BAD;
  if (code == CURLE_OK) code = curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &socket);
  if (code != CURLE_OK || socket == CURL_SOCKET_BAD) {
    std::string message = "no connection to " + origin_.host_port() + ": ";
    message += *reason ? reason : curl_easy_strerror(code);
    return drop(
        Outcome<void>(fail(code == CURLE_OPERATION_TIMEDOUT && deadline.passed() ? Errc::timeout : Errc::unreachable,
                           std::move(message))));
  }
  fd_ = socket;
  if (options_.layer) {
    auto begun = options_.layer->begin(fd_, connected_by);
    if (!begun) close();
    return begun;
  }
  // libcurl leaves the socket non-blocking. Blocking, a wait is one recv(2)
  // instead of recv, poll, recv; where a wait has an end, poll comes first.
  fcntl(fd_, F_SETFL, fcntl(fd_, F_GETFL) & ~O_NONBLOCK);
  return {};
}

Outcome<void> HttpConnection::wait(short events, Deadline deadline, short* happened) {
  pollfd fds[2] = {{fd_, events, 0}, {options_.wake_fd, POLLIN, 0}};
  for (;;) {
    int ready = poll(fds, options_.wake_fd < 0 ? 1 : 2, deadline.poll_ms());
    if (ready > 0 && fds[0].revents != 0) {
      if (happened) *happened = fds[0].revents;
      return {};
    }
    if (ready > 0) return fail(Errc::interrupted, "the wait was interrupted");
    if (ready == 0) return fail(Errc::timeout, "no answer from " + origin_.host_port() + " in time");
    if (errno != EINTR) return fail(Errc::cut, std::string("poll: ") + std::strerror(errno));
  }
}

// Bytes or an end that nobody asked for: the peer has given the connection up,
// often with a 408 that must not be taken for the answer to the next request.
bool HttpConnection::is_stale() {
  if (fd_ < 0) return false;
  pollfd socket{fd_, POLLIN, 0};
  if (poll(&socket, 1, 0) == 0) return false;
  // What is readable below a layer may be its own, such as a ticket of TLS.
  char unasked;
  return !options_.layer || options_.layer->read({&unasked, 1}) >= 0 || errno != EAGAIN;
}

// A plain connection that waits without an end needs no poll(2).
bool HttpConnection::may_block(Deadline deadline) const {
  return deadline.is_never() && options_.wake_fd < 0 && !options_.layer;
}

ssize_t HttpConnection::write_some(std::span<const iovec> parts) {
  if (options_.layer) return options_.layer->write(parts);
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts.data());
  message.msg_iovlen = parts.size();
  return sendmsg(fd_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

ssize_t HttpConnection::read_some(std::span<char> space, int flags) {
  if (options_.layer) return options_.layer->read(space);
  return recv(fd_, space.data(), space.size(), flags);
}

// Waits until more of the request can be sent. A peer that answers 413 and reads
// no further, but keeps the connection, would leave both sides waiting for each
// other: so what it says meanwhile is read. True: that is the whole answer.
Outcome<bool> HttpConnection::wait_to_send(Deadline deadline) {
  short happened = 0;
  if (auto ready = wait(POLLOUT | POLLIN, deadline, &happened); !ready) return unexpected(ready.error());
  if (happened == POLLOUT) return false;
  cut_short_ = true;
  auto complete = receive_some(MSG_DONTWAIT);
  answered_ = complete && *complete;
  return complete;
}

Outcome<void> HttpConnection::send(std::initializer_list<std::string_view> parts, Deadline deadline) {
  // The look at an idle connection costs a system call. Who waits without an
  // end talks to the Runtime API, which neither times out nor speaks unasked.
  if (in_flight_ || (!may_block(deadline) && is_stale())) close();
  reused_ = fd_ >= 0;
  if (!reused_) {
    if (auto connected = connect(deadline); !connected) return connected;
  }
  into_->clear();
  answered_ = false;
  cut_short_ = false;
  in_flight_ = true;
  if (auto sent = send_all(parts, deadline); !sent) return unexpected(std::move(sent).error());
  return {};
}

Outcome<bool> HttpConnection::send_more(std::initializer_list<std::string_view> parts, Deadline deadline) {
  if (!in_flight_ || cut_short_) return false;
  // A peer that has said all it wants to say need not have closed.
  if (into_->started() || is_stale()) {
    cut_short_ = true;
    return false;
  }
  return send_all(parts, deadline);
}

// False: the peer stopped reading before the end.
Outcome<bool> HttpConnection::send_all(std::initializer_list<std::string_view> parts, Deadline deadline) {
  iovec left[kMaxParts];
  iovec* const end = std::ranges::transform(parts, left, [](std::string_view part) {
                       return iovec{const_cast<char*>(part.data()), part.size()};
                     }).out;
  iovec* first = left;
  for (;;) {
    while (first != end && first->iov_len == 0) ++first;
    if (first == end) {
      cut_short_ = false;
      return true;
    }
    ssize_t sent = write_some({first, end});
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      auto answered = wait_to_send(deadline);
      if (!answered) {
        close();  // half a request is out: nothing else can follow it
        return unexpected(answered.error());
      }
      if (*answered) return false;
      continue;
    }
    // The peer has closed. It may have answered first (413 to a long body), so
    // the verdict is left to receive(), which then must not keep the connection.
    if (sent < 0) {
      cut_short_ = true;
      return false;
    }
    for (auto taken = static_cast<std::size_t>(sent); taken > 0; ++first) {
      auto of_this = std::min(first->iov_len, taken);
      first->iov_base = static_cast<char*>(first->iov_base) + of_this;
      first->iov_len -= of_this;
      taken -= of_this;
      if (first->iov_len > 0) break;
    }
  }
}

Outcome<bool> HttpConnection::receive_some(int flags) {
  auto space = into_->space();
  ssize_t n;
  do {
    n = read_some(space, flags);
  } while (n < 0 && errno == EINTR);
  drained_ = n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  if (drained_) return false;
  if (n < 0) {
    std::string why = std::strerror(errno);
    if (options_.layer && !options_.layer->problem().empty()) why = options_.layer->problem();
    return fail(into_->started() ? Errc::cut : Errc::unanswered,
                "the connection to " + origin_.host_port() + " ended: " + why);
  }
  auto complete = into_->feed(static_cast<std::size_t>(n));
  if (complete && *complete) {
    in_flight_ = false;
    if (!into_->keep_alive() || cut_short_) close();
  }
  return complete;
}

Outcome<const HttpAnswer*> HttpConnection::receive(Deadline deadline) {
  if (std::exchange(answered_, false)) return into_;
  if (!in_flight_) return fail(Errc::unanswered, "no request is waiting for an answer");
  bool blocks = may_block(deadline);
  // A layer may hold what the socket has delivered.
  drained_ = !options_.layer;
  for (;;) {
    if (!blocks && (drained_ || !options_.layer)) {
      if (auto ready = wait(POLLIN, deadline); !ready) return drop(std::move(ready));
    }
    auto complete = receive_some(blocks ? 0 : MSG_DONTWAIT);
    if (!complete) return drop(std::move(complete));
    if (*complete) return into_;
  }
}

Outcome<const HttpAnswer*> HttpConnection::receive_available() {
  if (std::exchange(answered_, false)) return into_;
  if (!in_flight_) return fail(Errc::unanswered, "no request is waiting for an answer");
  auto complete = receive_some(MSG_DONTWAIT);
  if (!complete) return drop(std::move(complete));
  return *complete ? into_ : nullptr;
}

Outcome<const HttpAnswer*> HttpConnection::exchange(std::string_view head, std::string_view body, Deadline deadline) {
  if (auto sent = send(head, body, deadline); !sent) return unexpected(sent.error());
  return receive(deadline);
}

}  // namespace mayfly::core
