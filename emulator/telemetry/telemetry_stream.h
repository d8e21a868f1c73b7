// One subscription to the Telemetry API: events wait in a buffer until there
// are enough, or they have waited long enough, and go out as one batch.
//
// Delivery never holds anything up. While the consumer refuses or is away, the
// batch is tried again with growing pauses and further ones queue behind it, up
// to a bound; what goes over it is dropped, oldest first, and reported to the
// consumer as platform.logsDropped.
//
// While it is paused nothing is sent and no time runs against the consumer, who
// may be frozen. Buffering goes on, and by the clock: what is due at the end of
// the pause goes out then.
//
// Thread-safety: the io_context's thread.

#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/http_answer.h"
#include "emulator/settings.h"

namespace mayfly::emulator {

// What an extension has asked for.
struct Subscription {
  enum class Protocol { http, tcp };

  std::string schema_version;      // 2022-07-01, 2022-12-13, 2025-01-29
  std::vector<std::string> types;  // platform, function, extension
  Protocol protocol = Protocol::http;
  core::Origin destination;                  // host as written; it means 127.0.0.1
  std::string target = "/";                  // HTTP: path and query
  std::size_t max_items = 10'000;            // 1'000 .. 10'000
  std::size_t max_bytes = 262'144;           // 262'144 .. 1'048'576
  std::chrono::milliseconds timeout{1'000};  // 25 .. 30'000

  bool wants(std::string_view type) const;
  // Function and extension records that are JSON objects arrive as objects.
  bool json_records() const { return schema_version != "2022-07-01"; }
};

class TelemetryStream : public std::enable_shared_from_this<TelemetryStream> {
 public:
  // What may wait behind the batch that is on its way, in bytes of JSON.
  static constexpr std::size_t kMaxQueuedBytes = 8 * 1024 * 1024;

  TelemetryStream(boost::asio::io_context& io, Subscription subscription);

  const Subscription& subscription() const { return subscription_; }
  // `event`: a JSON object.
  void add(std::string_view event);
  // What is buffered goes out now.
  void flush();
  void pause();
  void resume();
  // Nothing goes out any more.
  void close();

 private:
  struct Batch {
    std::string body;
    std::size_t items = 0;
  };

  void seal();
  void start_delivery();
  void wait_for_more();
  void limit_attempt();
  void report_dropped();
  boost::asio::awaitable<void> deliver();
  boost::asio::awaitable<bool> send(const std::string& body);
  boost::asio::awaitable<bool> connect();
  boost::asio::awaitable<bool> write(std::string_view head, std::string_view body);
  boost::asio::awaitable<bool> read_answer();

  boost::asio::io_context& io_;
  const Subscription subscription_;
  std::chrono::steady_clock::time_point due_{};  // when the open batch must go
  boost::asio::steady_timer buffer_timer_;       // until then
  boost::asio::steady_timer pause_;              // between attempts
  boost::asio::steady_timer patience_;           // with one attempt
  boost::asio::ip::tcp::socket socket_;
  core::HttpAnswer answer_;
  Batch open_;
  std::deque<Batch> queue_;  // the first one is on its way while delivering_
  std::size_t queued_bytes_ = 0;
  std::size_t dropped_records_ = 0;
  std::size_t dropped_bytes_ = 0;
  bool delivering_ = false;
  bool sending_ = false;  // an attempt is under way
  bool paused_ = false;
  bool closed_ = false;
};

}  // namespace mayfly::emulator
