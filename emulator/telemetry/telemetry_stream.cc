#include "emulator/telemetry/telemetry_stream.h"

#include <mayfly/json/writer.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "core/clock.h"
#include "core/http_field.h"

namespace mayfly::emulator {

namespace asio = boost::asio;
using asio::awaitable;
using asio::redirect_error;
using asio::use_awaitable;

namespace {

constexpr std::chrono::milliseconds kFirstPause{50};
constexpr std::chrono::milliseconds kLongestPause{1'000};
// For one attempt: a consumer that takes the batch and never answers.
constexpr std::chrono::seconds kPatience{3};
constexpr std::size_t kMaxAnswerBytes = 64 * 1024;

}  // namespace

bool Subscription::wants(std::string_view type) const { return std::ranges::find(types, type) != types.end(); }

TelemetryStream::TelemetryStream(asio::io_context& io, Subscription subscription)
    : io_(io),
      subscription_(std::move(subscription)),
      buffer_timer_(io),
      pause_(io),
      patience_(io),
      socket_(io),
      answer_(kMaxAnswerBytes) {}

void TelemetryStream::add(std::string_view event) {
  if (closed_) return;
  bool http = subscription_.protocol == Subscription::Protocol::http;
  if (open_.items == 0) {
    if (http) open_.body = '[';
    due_ = std::chrono::steady_clock::now() + subscription_.timeout;
    if (!paused_) wait_for_more();
  } else if (http) {
    open_.body += ',';
  }
  open_.body += event;
  if (!http) open_.body += '\n';
  ++open_.items;
  if (open_.items >= subscription_.max_items || open_.body.size() >= subscription_.max_bytes) seal();
}

void TelemetryStream::wait_for_more() {
  buffer_timer_.expires_at(due_);
  buffer_timer_.async_wait([self = weak_from_this()](boost::system::error_code error) {
    auto stream = self.lock();
    if (!error && stream && !stream->paused_) stream->flush();
  });
}

void TelemetryStream::pause() {
  if (closed_) return;
  paused_ = true;
  buffer_timer_.cancel();
  patience_.cancel();
}

void TelemetryStream::resume() {
  if (closed_ || !std::exchange(paused_, false)) return;
  if (open_.items > 0) wait_for_more();
  if (sending_) limit_attempt();
  if (!queue_.empty()) start_delivery();
}

void TelemetryStream::flush() {
  if (closed_) return;
  if (open_.items > 0) seal();
  pause_.cancel();  // a batch that waits for its next attempt has it now
}

void TelemetryStream::close() {
  closed_ = true;
  buffer_timer_.cancel();
  pause_.cancel();
  patience_.cancel();
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void TelemetryStream::seal() {
  buffer_timer_.cancel();
  if (subscription_.protocol == Subscription::Protocol::http) open_.body += ']';
  queued_bytes_ += open_.body.size();
  queue_.push_back(std::exchange(open_, {}));
  while (queued_bytes_ > kMaxQueuedBytes && queue_.size() > (delivering_ ? 2U : 1U)) {
    auto oldest = queue_.begin() + (delivering_ ? 1 : 0);
    queued_bytes_ -= oldest->body.size();
    dropped_bytes_ += oldest->body.size();
    dropped_records_ += oldest->items;
    queue_.erase(oldest);
  }
  if (!paused_) start_delivery();
}

void TelemetryStream::start_delivery() {
  if (std::exchange(delivering_, true)) return;
  asio::co_spawn(
      io_, [self = shared_from_this()] { return self->deliver(); }, asio::detached);
}

void TelemetryStream::report_dropped() {
  if (dropped_records_ == 0) return;
  std::string event;
  json::Writer writer(event);
  writer.begin_object().member("time", core::rfc3339(core::wall_now())).member("type", "platform.logsDropped");
  writer.key("record").begin_object();
  writer.member("droppedBytes", std::exchange(dropped_bytes_, 0))
      .member("droppedRecords", std::exchange(dropped_records_, 0));
  writer.member("reason", "Consumer seems to have fallen behind as it has not acknowledged receipt of logs.");
  writer.end_object().end_object();
  add(event);
}

awaitable<void> TelemetryStream::deliver() {
  auto self = shared_from_this();
  auto pause = kFirstPause;
  while (!queue_.empty() && !closed_ && !paused_) {
    bool delivered = co_await send(queue_.front().body);
    if (closed_) break;
    if (!delivered) {
      boost::system::error_code ignored;
      socket_.close(ignored);
      pause_.expires_after(pause);
      co_await pause_.async_wait(redirect_error(use_awaitable, ignored));
      pause = std::min(pause * 2, kLongestPause);
      continue;
    }
    pause = kFirstPause;
    queued_bytes_ -= queue_.front().body.size();
    queue_.pop_front();
    report_dropped();
  }
  delivering_ = false;
}

awaitable<bool> TelemetryStream::send(const std::string& body) {
  std::string head;
  if (subscription_.protocol == Subscription::Protocol::http) {
    head = "POST " + subscription_.target + " HTTP/1.1\r\n";
    core::append_field(head, "Host", subscription_.destination.host_port());
    core::append_field(head, "Content-Type", "application/json");
    core::append_field(head, "Content-Length", std::to_string(body.size()));
    head += "\r\n";
  }
  sending_ = true;
  limit_attempt();
  // A connection that has carried a batch may have been closed by the consumer
  // since; that is no failure of the consumer.
  bool reused = socket_.is_open();
  bool sent = (reused || co_await connect()) && co_await write(head, body) && co_await read_answer();
  if (!sent && reused && !closed_ && !answer_.started()) {
    sent = co_await connect() && co_await write(head, body) && co_await read_answer();
  }
  sending_ = false;
  patience_.cancel();
  co_return sent;
}

void TelemetryStream::limit_attempt() {
  if (paused_) return;
  patience_.expires_after(kPatience);
  patience_.async_wait([self = weak_from_this()](boost::system::error_code error) {
    auto stream = self.lock();
    boost::system::error_code ignored;
    if (!error && stream && !stream->paused_) stream->socket_.close(ignored);
  });
}

awaitable<bool> TelemetryStream::connect() {
  boost::system::error_code error;
  socket_.close(error);
  asio::ip::tcp::endpoint endpoint(asio::ip::address_v4::loopback(), subscription_.destination.port);
  co_await socket_.async_connect(endpoint, redirect_error(use_awaitable, error));
  if (!error) socket_.set_option(asio::ip::tcp::no_delay(true), error);
  co_return !error;
}

awaitable<bool> TelemetryStream::write(std::string_view head, std::string_view body) {
  answer_.clear();
  boost::system::error_code error;
  std::vector<asio::const_buffer> parts{asio::buffer(head), asio::buffer(body)};
  co_await asio::async_write(socket_, parts, redirect_error(use_awaitable, error));
  co_return !error;
}

awaitable<bool> TelemetryStream::read_answer() {
  if (subscription_.protocol == Subscription::Protocol::tcp) co_return true;
  for (;;) {
    boost::system::error_code error;
    auto space = answer_.space();
    auto n = co_await socket_.async_read_some(asio::buffer(space.data(), space.size()),
                                              redirect_error(use_awaitable, error));
    if (error && error != asio::error::eof) co_return false;
    auto complete = answer_.feed(n);
    if (!complete) co_return false;
    if (!*complete) continue;
    bool taken = answer_.status() >= 200 && answer_.status() < 300;
    if (!answer_.keep_alive()) socket_.close(error);
    co_return taken;
  }
}

}  // namespace mayfly::emulator
