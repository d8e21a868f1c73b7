// When what is received goes out.
//
// At the end of an invocation: platform.runtimeDone tells that the function has
// answered; all that is open is sealed and sent, and `next` is called when the
// backends have it, after 200 ms at most and 100 ms before the deadline at the
// latest. Until `next` is called the environment is not frozen, and billed.
// During a long invocation: a second after the first record of a batch, when a
// batch is large, and half a second before the deadline, which a function may
// not survive.
// At SHUTDOWN: within 1.5 s, 300 ms before the deadline at the latest; what is
// not out by then is counted and told in one line.

#pragma once

#include <array>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "extensions/src/event_loop.h"
#include "extensions/telemetry/destination.h"
#include "extensions/telemetry/encoder.h"
#include "extensions/telemetry/resource.h"
#include "extensions/telemetry/settings.h"

namespace mayfly::telemetry {

class Daemon final : public extension::Observer {
 public:
  // `settings` must outlive it.
  Daemon(core::Origin runtime_api, const Settings& settings);
  ~Daemon() override;

  // Registers, subscribes and serves until SHUTDOWN. Whatever is wrong with the
  // settings or with the Telemetry API is logged, and it idles then. Returns
  // main()'s result: 1 only when there is no Extensions API to serve.
  int run(std::string_view name);

  void invoked(const extension::Invoke& invoke) override;
  void shut_down(const extension::Shutdown& shutdown) override;
  void received(extension::TelemetryBatch& batch) override;

 private:
  enum class Phase { waiting, running, flushing, closing };

  // False, and one line says why: there is none to forward to.
  bool open_destinations();
  bool subscribe();
  void take(const extension::TelemetryRecord& record);
  void note(const extension::TelemetryRecord& record);
  void seal(Encoding encoding);
  void seal_large();

  std::chrono::milliseconds until_deadline() const;
  void wait_running(std::chrono::milliseconds wait, bool last);
  void begin_flush();
  void destinations_changed();
  void end_invocation();
  void end_shutdown();
  bool settled(core::Deadline deadline);
  // Either record says so, and either may come before the INVOKE event does.
  bool invocation_is_over() const { return done_id_ == invoked_id_ || reported_id_ == invoked_id_; }

  const Settings& settings_;
  extension::EventLoop loop_;
  boost::asio::steady_timer timer_;      // of the phase
  boost::asio::steady_timer freshness_;  // of the open batch
  bool freshness_armed_ = false;

  std::size_t batch_bytes_ = 0;  // an open batch of that size is sealed
  Resource resource_;
  Invocations invocations_;
  std::array<std::unique_ptr<Encoder>, 2> encoders_;  // by Encoding; only those in use
  std::vector<std::unique_ptr<Destination>> destinations_;

  Phase phase_ = Phase::waiting;
  bool subscribed_ = false;
  extension::TimePoint deadline_;
  std::optional<core::Deadline> flush_until_;  // flushing, closing
  std::string invoked_id_;                     // from INVOKE
  std::string done_id_;                        // from platform.runtimeDone
  std::string reported_id_;                    // from platform.report
  bool report_awaited_ = false;

  std::uint64_t received_ = 0;
  std::uint64_t malformed_ = 0;
};

}  // namespace mayfly::telemetry
