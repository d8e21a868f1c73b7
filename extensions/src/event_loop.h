// The life of an extension, as one event loop on one thread: it waits for the
// next event, for telemetry and for timers at the same time.

#pragma once

#include <mayfly/extension.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <string>

#include "extensions/src/batch_parser.h"
#include "extensions/src/extensions_api.h"
#include "extensions/src/telemetry_listener.h"

namespace mayfly::extension {

// What an extension does about what it is told. Calls come from EventLoop::run().
class Observer {
 public:
  virtual ~Observer() = default;
  // Must lead to EventLoop::next(), at once or later.
  virtual void invoked(const Invoke& invoke) = 0;
  // Must lead to EventLoop::stop(), at once or later.
  virtual void shut_down(const Shutdown& shutdown) = 0;
  virtual void received(TelemetryBatch& batch) = 0;
};

// AWS_LAMBDA_INITIALIZATION_TYPE says so: many invocations run at a time here.
bool on_managed_instances();

class EventLoop {
 public:
  // `managed_instances`: where the environment is, see on_managed_instances(). No
  // INVOKE may be registered for there, and the schema is 2025-01-29.
  EventLoop(core::Origin runtime_api, Observer& observer, bool managed_instances);

  // Before run(), in this order. Errors: see ExtensionsApi.
  core::Outcome<Registration> register_extension(std::string_view name, std::vector<std::string_view> events);
  // Listens, then subscribes. False: there is no Telemetry API here.
  core::Outcome<bool> subscribe(const std::vector<TelemetryType>& types, const Buffering& buffering,
                                Schema schema = Schema::v2022_12_13);

  // From now on Lambda is told that a batch is received when Observer::received()
  // has returned, not before.
  void answer_when_taken() { listener_.answer_when_taken(); }

  // Asks for the next event.
  void next();
  // Makes run() return, also when it is called later. From any thread.
  void stop() { io_.stop(); }
  // Calls next(), then serves the observer until stop(). Errors: the Extensions
  // API refuses `next`, or cannot be reached any more. An exception of the
  // observer passes through.
  core::Outcome<void> run();

  ExtensionsApi& api() { return api_; }
  boost::asio::io_context& io() { return io_; }
  bool managed_instances() const { return managed_instances_; }

 private:
  void wait_for_event();
  void event_readable();
  // Tries `next` again after a lost connection, or ends run() with `failure`.
  void next_failed(core::Failure failure);

  boost::asio::io_context io_{1};
  core::Origin runtime_api_;
  Observer& observer_;
  const bool managed_instances_;
  ExtensionsApi api_;
  TelemetryListener listener_;
  TelemetryBatch::Parser parser_;
  // A duplicate of the connection's socket, which belongs to the connection.
  boost::asio::posix::stream_descriptor readable_{io_};
  int watched_fd_ = -1;
  boost::asio::steady_timer retry_{io_};
  int lost_connections_ = 0;  // since the last event
  core::Outcome<void> outcome_;
};

}  // namespace mayfly::extension
