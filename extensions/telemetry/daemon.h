// The daemon: records come in, batches go to the destinations. When they go is
// FlushPolicy's decision, how they arrive Delivery's; this is what joins the two
// to the extension's event loop.

#pragma once

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
#include "extensions/telemetry/flush_policy.h"
#include "extensions/telemetry/persistence.h"
#include "extensions/telemetry/receiver.h"
#include "extensions/telemetry/resource.h"
#include "extensions/telemetry/secrets.h"
#include "extensions/telemetry/self_telemetry.h"
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

  // A batch in OTLP that is ready, for all destinations that take its signal. From
  // the event loop.
  void enqueue(const SharedBatch& batch);
  void read_self(SelfTelemetry& out);

 private:
  // What is open for destinations that get the same.
  struct Lane {
    Encoding encoding;
    Signal signal;
    bool immediate;                               // written as it comes: nobody waits for it
    std::vector<extension::TelemetryType> types;  // what it is made of
    std::vector<Destination*> destinations;
    std::unique_ptr<Encoder> encoder;  // opened with the first record
  };

  // False, and one line says why: there is none to forward to.
  bool open_destinations();
  void add(std::unique_ptr<Destination> destination, const std::vector<extension::TelemetryType>& types);
  // Listens for what the function's own SDK sends, if a destination takes OTLP.
  void open_receiver();
  bool subscribe();
  void open_encoders();
  std::unique_ptr<Encoder> make_encoder(Encoding encoding, Signal signal);
  void note(const extension::TelemetryRecord& record);
  void take(const extension::TelemetryRecord& record);
  void seal(Lane& lane);
  void bound_memory();

  void enter_window();
  void act();
  bool worth_sealing(const Lane& lane);
  bool open();
  void flush();
  bool settled();
  void answered();
  void ask_next();
  void save_before(core::WallTime deadline, std::chrono::milliseconds writing_time);
  void update_persistence();
  void end_shutdown();
  // Either record says so, and either may come before the INVOKE event does.
  bool invocation_is_over() const { return done_id_ == invoked_id_ || reported_id_ == invoked_id_; }

  const Settings& settings_;
  Secrets secrets_;
  extension::EventLoop loop_;
  boost::asio::steady_timer alarm_;
  boost::asio::steady_timer shadow_;  // before the deadline of a running invocation
  FlushPolicy policy_;
  Window window_;  // that the destinations know of
  Persistence persistence_;

  std::size_t batch_bytes_;  // an open batch of that size is sealed
  Resource resource_;
  Invocations invocations_;
  std::vector<std::unique_ptr<Destination>> destinations_;
  std::optional<Receiver> receiver_;
  std::vector<Lane> lanes_;
  bool encoders_open_ = false;

  bool subscribed_ = false;
  bool closing_ = false;
  bool reset_ = false;                     // this life ends, and another one begins in the same /tmp
  std::string invoked_id_;                 // from INVOKE
  std::string started_id_;                 // from platform.start: the lines that follow belong to it
  std::string done_id_;                    // from platform.runtimeDone
  std::string reported_id_;                // from platform.report
  std::optional<core::WallTime> done_at_;  // when the function has answered; empty: it is not known
  std::optional<core::WallTime> answered_at_;

  SelfTelemetry self_;               // but for its destinations
  std::vector<std::uint64_t> told_;  // by destination: how many of the dropped records a metric has told of
};

}  // namespace mayfly::telemetry
