#include "stub_backend.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "incoming.h"

namespace storm {
namespace {

using std::chrono::milliseconds;

int listen_on(int& port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  socklen_t size = sizeof address;
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) || listen(fd, 64)) {
    std::perror("the backend cannot listen");
    std::exit(1);
  }
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  port = ntohs(address.sin_port);
  return fd;
}

int connect_to(int port, int flags) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  static_cast<void>(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address));
  return fd;
}

SSL_CTX* make_context(const Certificate& certificate) {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  if (SSL_CTX_use_certificate_file(context, certificate.file.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, certificate.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    std::fprintf(stderr, "%s cannot be used\n", certificate.file.c_str());
    std::exit(1);
  }
  return context;
}

// ExportLogsServiceResponse{partial_success{rejected_log_records, error_message}}.
std::string partial_success(std::int64_t rejected, std::string_view message) {
  std::string partial;
  if (rejected != 0) {
    partial += '\x08';
    for (auto v = static_cast<std::uint64_t>(rejected);; v >>= 7) {
      partial += static_cast<char>((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
      if (v <= 0x7f) break;
    }
  }
  partial.append("\x12").append(1, static_cast<char>(message.size())).append(message);
  return std::string("\x0a").append(1, static_cast<char>(partial.size())).append(partial);
}

std::string ok(std::string_view body, std::string_view type = "application/x-protobuf") {
  return "HTTP/1.1 200 OK\r\nContent-Type: " + std::string(type) +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

std::vector<Number> numbers_in(std::string_view line, std::string_view type, std::string_view body) {
  if (line.ends_with("/v1/logs HTTP/1.1")) return numbers_in_otlp(body);
  if (line.ends_with("/v1/metrics HTTP/1.1") || line.ends_with("/v1/traces HTTP/1.1")) return {};
  if (type == "application/x-ndjson") return numbers_in_lines(body);
  throw std::runtime_error("a request that is neither OTLP nor NDJSON: " + std::string(line));
}

}  // namespace

StubBackend::StubBackend(Protocol protocol, std::uint64_t seed) : protocol_(protocol), dice_(seed) {
  listener_ = listen_on(port_);
  if (pipe2(wake_, O_CLOEXEC) != 0) std::abort();
  thread_ = std::thread([this] { accept_all(); });
}

StubBackend::~StubBackend() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    for (auto& c : connections_) {
      if (!c.over) shutdown(c.fd, SHUT_RDWR);
    }
  }
  static_cast<void>(!write(wake_[1], "", 1));
  thread_.join();
  for (auto& c : connections_) c.thread.join();
  for (auto& [file, context] : contexts_) SSL_CTX_free(context);
  for (int fd : fillers_) close(fd);
  if (listener_ >= 0) close(listener_);
  close(wake_[0]);
  close(wake_[1]);
}

// ---- connections

void StubBackend::accept_all() {
  for (;;) {
    pollfd fds[2] = {{wake_[0], POLLIN, 0}, {listener_, POLLIN, 0}};
    bool takes = listener_ >= 0 && fillers_.empty();
    poll(fds, takes ? 2 : 1, -1);
    if (fds[0].revents != 0) {
      char byte;
      static_cast<void>(!read(wake_[0], &byte, 1));
      std::lock_guard lock(mutex_);
      if (stopping_) return;
      obey();
      changed_.notify_all();
      continue;
    }
    int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    std::lock_guard lock(mutex_);
    for (auto c = connections_.begin(); c != connections_.end();) {
      if (!c->over) {
        ++c;
        continue;
      }
      c->thread.join();
      c = connections_.erase(c);
    }
    auto& connection = connections_.emplace_back();
    connection.fd = fd;
    connection.thread = std::thread([this, &connection] { serve(connection); });
  }
}

// With mutex_ held, on the accepting thread.
void StubBackend::obey() {
  if (presence_ == wanted_) return;
  if (wanted_ == Presence::here) {
    if (listener_ < 0) {
      listener_ = listen_on(port_);
    } else {
      listen(listener_, 64);
      for (int fd : fillers_) {
        reset_at_close(fd);
        close(fd);
      }
      fillers_.clear();
    }
  } else if (wanted_ == Presence::refusing) {
    close(listener_);
    listener_ = -1;
  } else {
    // Nobody takes connections any more, and one waits already: the next SYN is not answered.
    listen(listener_, 0);
    for (int i = 0; i < 3; ++i) fillers_.push_back(connect_to(port_, SOCK_NONBLOCK));
  }
  if (wanted_ != Presence::here) {
    for (auto& c : connections_) {
      if (!c.over) shutdown(c.fd, SHUT_RDWR);
    }
  }
  presence_ = wanted_;
}

void StubBackend::be(Presence presence) {
  std::unique_lock lock(mutex_);
  if (presence != Presence::here && presence_ != Presence::here) return;
  wanted_ = presence;
  static_cast<void>(!write(wake_[1], "", 1));
  changed_.wait(lock, [&] { return presence_ == presence; });
}

void StubBackend::go_away(bool black_hole) { be(black_hole ? Presence::black_hole : Presence::refusing); }
void StubBackend::come_back() { be(Presence::here); }

void StubBackend::serve(Connection& connection) {
  {
    std::unique_lock lock(mutex_);
    Stream stream(connection.fd, calm_ ? good_ : certificate_);
    const bool refusable = !calm_ && refusable_;
    lock.unlock();
    Request* last = nullptr;
    Incoming incoming;
    if (stream.begin()) {
      if (refusable && stream.wait()) {
        lock.lock();
        complaints_.emplace_back("something was sent in spite of a certificate that must not be taken");
        lock.unlock();
      }
      while (serve_one(stream, incoming, last)) {
      }
    } else {
      lock.lock();
      ++refusals_;
    }
  }
  std::lock_guard lock(mutex_);
  close(std::exchange(connection.fd, -1));
  connection.over = true;
  changed_.notify_all();
}

// ---- requests

// False: the connection is over.
bool StubBackend::serve_one(Stream& stream, Incoming& incoming, Request*& last) {
  if (!stream.wait()) return false;
  Fault fault;
  Request request;
  std::size_t cut = 0;
  {
    std::lock_guard lock(mutex_);
    if (last) last->seen = true;
    last = nullptr;
    fault = draw();
    cut = dice_();
  }
  request.fault = fault;
  auto happened = [&](Fault f) {
    std::lock_guard lock(mutex_);
    ++faults_[static_cast<std::size_t>(f)];
  };
  if (fault == Fault::reset_before) {
    happened(fault);
    stream.reset();
    return false;
  }
  if (!incoming.read_head(stream)) return false;
  if (fault == Fault::reset_in_body) {
    happened(fault);
    static_cast<void>(incoming.read_body(stream, cut % std::max<std::size_t>(incoming.length, 1)));
    stream.reset();
    return false;
  }
  bool early = fault == Fault::too_large_early;
  if (early) {
    static_cast<void>(stream.write("HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"));
  }
  if (!incoming.read_body(stream, incoming.length)) {
    if (early) happened(fault);
    return false;
  }
  happened(fault);
  Request* kept;
  {
    std::lock_guard lock(mutex_);
    decide(request, incoming);
    kept = &requests_.emplace_back(std::move(request));
    changed_.notify_all();
  }
  bool answered = early || reply(stream, kept->fault, *kept);
  std::lock_guard lock(mutex_);
  if (!answered) kept->verdict = Request::Verdict::unknown;
  last = kept;
  return answered && fault != Fault::then_close && !early;
}

// With mutex_ held.
Fault StubBackend::draw() {
  if (calm_) return Fault::none;
  if (parade_.empty() || chance(dice_, 0.3)) return mix_.draw(dice_);
  auto next = parade_.front();
  parade_.pop_front();
  return next;
}

// With mutex_ held: which numbers came, and what becomes of them.
void StubBackend::decide(Request& request, const Incoming& incoming) {
  std::vector<Number> numbers;
  try {
    numbers = numbers_in(incoming.head.substr(0, incoming.head.find('\r')), field(incoming.head, "Content-Type"),
                         decoded(incoming.body, field(incoming.head, "Content-Encoding")));
  } catch (const std::exception& e) {
    if (complaints_.size() < 8) complaints_.emplace_back(e.what());
  }
  using Verdict = Request::Verdict;
  // Only OTLP's answers have anything to say.
  if (protocol_ == Protocol::ndjson && request.fault >= Fault::partial_none &&
      request.fault <= Fault::partial_negative) {
    request.fault = Fault::none;
  }
  auto n = static_cast<std::ptrdiff_t>(numbers.size());
  std::ptrdiff_t rejected = 0;
  switch (request.fault) {
    case Fault::none:
    case Fault::slow:
    case Fault::interim:
    case Fault::chunked:
    case Fault::html:
    case Fault::partial_none:
    case Fault::partial_negative:
    case Fault::then_close: request.verdict = Verdict::taken; break;
    case Fault::partial_some:
      request.verdict = Verdict::taken;
      rejected = n == 0 ? 0 : static_cast<std::ptrdiff_t>(between(dice_, 1, numbers.size()));
      break;
    case Fault::partial_more:
      request.verdict = Verdict::taken;
      rejected = n;
      break;
    case Fault::later:
    case Fault::too_large:
    case Fault::too_large_early: request.verdict = Verdict::later; break;
    case Fault::server_error:
    case Fault::client_error:
    case Fault::unauthorized:
    case Fault::redirect: request.verdict = Verdict::refused; break;
    default: request.verdict = Verdict::unknown; break;
  }
  request.rejected.assign(numbers.begin(), numbers.begin() + rejected);
  numbers.erase(numbers.begin(), numbers.begin() + rejected);
  // Whoever does not answer may have taken the records or not.
  bool keeps = request.verdict == Verdict::taken || (request.verdict == Verdict::unknown && chance(dice_, 0.5));
  (keeps ? request.kept : request.others) = std::move(numbers);
  kept_ += request.kept.size();
  for (auto number : request.kept) newest_ = std::max<std::int64_t>(newest_, number);
}

// False: no whole answer was sent.
bool StubBackend::reply(Stream& stream, Fault fault, Request& request) {
  auto delay = milliseconds{0};
  std::string status;
  {
    std::lock_guard lock(mutex_);
    delay = milliseconds(between(dice_, 10, 400));
    if (request.verdict == Request::Verdict::later || request.verdict == Request::Verdict::refused) {
      status = drawn_status(fault, dice_);
      request.status = std::atoi(status.c_str());
      // Nobody has promised that a 500 of something else than OTLP is for good.
      if (protocol_ == Protocol::ndjson && request.status == 500) request.verdict = Request::Verdict::later;
    }
  }
  if (!status.empty()) {
    return stream.write("HTTP/1.1 " + status +
                        "Content-Type: text/plain\r\nContent-Length: 13\r\n\r\nno:\r\nnot now\r\n");
  }
  switch (fault) {
    case Fault::reset_after: stream.reset(); return false;
    case Fault::close_after: return false;
    case Fault::cut_in_head: static_cast<void>(stream.write("HTTP/1.1 200 OK\r\nContent-Le")); return false;
    case Fault::cut_in_body:
      static_cast<void>(stream.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"));
      return false;
    case Fault::trickle: {
      std::string_view text = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n";
      while (stream.pause(milliseconds{20})) {
        if (!stream.write(text.empty() ? "x" : text.substr(0, 1))) break;
        if (!text.empty()) text.remove_prefix(1);
      }
      return false;
    }
    case Fault::silence: static_cast<void>(stream.pause(milliseconds{-1})); return false;
    case Fault::garbage: static_cast<void>(stream.write("\x16\x03\x01\x02 SSH-2.0-nothing\r\n\r\n")); return false;
    case Fault::endless_head:
      static_cast<void>(stream.write("HTTP/1.1 200 OK\r\n"));
      while (stream.pause(milliseconds{1}) && stream.write("X-More: " + std::string(1000, 'm') + "\r\n")) {
      }
      return false;
    case Fault::slow: return stream.pause(delay) && stream.write(ok(""));
    case Fault::interim:
      return stream.write("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok(""));
    case Fault::chunked:
      return stream.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\n" +
                          std::string("\x0a\x00", 2) + "\r\n0\r\nX-Trailer: y\r\n\r\n");
    case Fault::html: return stream.write(ok("<html><body>Welcome!</body></html>", "text/html"));
    case Fault::partial_none: return stream.write(ok(partial_success(0, "mind the limits")));
    case Fault::partial_some:
      return stream.write(ok(partial_success(static_cast<std::int64_t>(request.rejected.size()), "too old")));
    case Fault::partial_more:
      return stream.write(ok(partial_success(static_cast<std::int64_t>(request.rejected.size()) + 5, "too old")));
    case Fault::partial_negative: return stream.write(ok(partial_success(-3, "odd")));
    default: return stream.write(ok(""));
  }
}

// ---- what the driver asks

// With mutex_ held.
SSL_CTX* StubBackend::context_of(const Certificate& certificate) {
  auto& context = contexts_[certificate.file];
  if (!context) context = make_context(certificate);
  return context;
}

void StubBackend::secure(const Certificate& good) {
  std::lock_guard lock(mutex_);
  certificate_ = good_ = context_of(good);
  refusable_ = false;
}

void StubBackend::plain() {
  std::lock_guard lock(mutex_);
  certificate_ = good_ = nullptr;
  refusable_ = false;
}

void StubBackend::use(const Certificate& certificate, bool refusable) {
  std::lock_guard lock(mutex_);
  certificate_ = context_of(certificate);
  refusable_ = refusable;
}

std::size_t StubBackend::refusals() {
  std::lock_guard lock(mutex_);
  return refusals_;
}

void StubBackend::set_mix(FaultMix mix) {
  std::lock_guard lock(mutex_);
  mix_ = mix;
}

void StubBackend::set_parade(std::deque<Fault> parade) {
  std::lock_guard lock(mutex_);
  parade_ = std::move(parade);
}

std::size_t StubBackend::parade_left() {
  std::lock_guard lock(mutex_);
  return parade_.size();
}

void StubBackend::set_calm(bool calm) {
  std::lock_guard lock(mutex_);
  calm_ = calm;
}

std::size_t StubBackend::kept() {
  std::lock_guard lock(mutex_);
  return kept_;
}

void StubBackend::wait_kept(std::size_t n) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return kept_ >= n; });
}

std::vector<Request> StubBackend::finish() {
  set_calm(true);
  come_back();
  // Connections are taken in their order: once this one has ended, none waits to be taken.
  int fence = connect_to(port_, 0);
  shutdown(fence, SHUT_WR);
  char byte;
  static_cast<void>(!recv(fence, &byte, 1, 0));
  close(fence);
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return std::ranges::all_of(connections_, &Connection::over); });
  std::vector<Request> out(std::make_move_iterator(requests_.begin()), std::make_move_iterator(requests_.end()));
  requests_.clear();
  return out;
}

bool StubBackend::wait_for(Number number, milliseconds patience) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, patience, [&] { return newest_ >= number; });
}

std::array<std::size_t, kFaults> StubBackend::faults() {
  std::lock_guard lock(mutex_);
  return faults_;
}

std::vector<std::string> StubBackend::complaints() {
  std::lock_guard lock(mutex_);
  return complaints_;
}

}  // namespace storm
