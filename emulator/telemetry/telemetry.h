// The telemetry of one generation of processes: every event goes to the
// subscriptions that want its type. Until Init has ended, events are also kept
// for extensions that subscribe later; then no subscription is taken any more.

#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/telemetry/telemetry_stream.h"

namespace mayfly::emulator {

class Telemetry {
 public:
  // Events of an Init phase beyond this are not kept for later subscribers.
  static constexpr std::size_t kMaxBacklogBytes = 4 * 1024 * 1024;

  explicit Telemetry(boost::asio::io_context& io) : io_(io) {}
  ~Telemetry();

  bool accepts_subscriptions() const { return open_; }
  // Events are kept or delivered; else none needs to be made.
  bool has_takers() const { return open_ || !streams_.empty(); }
  void end_init();

  // A second subscription of the same extension takes the place of the first.
  // `extension`: its identifier.
  void subscribe(const std::string& extension, Subscription subscription);

  // `category`: platform, function or extension; `type`: "platform.start" or the
  // category; `record`: JSON; `text_record`: the form for consumers that take no
  // objects, when it differs.
  void publish(std::string_view category, std::string_view time, std::string_view type, std::string_view record,
               std::string_view text_record = {});
  void flush();
  // While the environment is idle nothing goes out: its consumers may be frozen.
  void pause();
  void resume();
  void close();

 private:
  struct Event {
    std::string category;
    std::string text;       // with text_record, if there was one
    std::string with_json;  // empty: as `text`
  };
  static void add(TelemetryStream& stream, const Event& event);

  boost::asio::io_context& io_;
  bool open_ = true;
  std::vector<Event> backlog_;
  std::size_t backlog_bytes_ = 0;
  std::map<std::string, std::shared_ptr<TelemetryStream>> streams_;  // by extension
};

}  // namespace mayfly::emulator
