// A backend that takes batches by HTTP POST: a thread around a Delivery, which
// decides everything. Connecting, compressing and waiting for answers happen in
// that thread, which is started with the first batch.

#pragma once

#include <array>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "extensions/telemetry/compressor.h"
#include "extensions/telemetry/delivery.h"
#include "extensions/telemetry/destination.h"
#include "extensions/telemetry/destination_settings.h"
#include "extensions/telemetry/open_transport.h"
#include "extensions/telemetry/request_head.h"

namespace mayfly::telemetry {

class HttpDestination final : public Destination {
 public:
  struct Options {
    std::string name;  // for log lines
    Route route;
    // The path of the request line for each Signal; an empty one: not taken.
    std::array<std::string, kSignals> targets{"/v1/logs", "/v1/metrics", "/v1/traces"};
    Encoding encoding = Encoding::otlp;
    Compression compression = Compression::zstd;
    std::chrono::milliseconds timeout{10'000};  // of one request
    bool retry_500 = false;
    std::vector<HeaderSetting> headers;
    // Where secrets in targets and headers come from; must outlive the destination.
    Secrets* secrets = nullptr;
    std::size_t queue_bytes = 8 * 1024 * 1024;
    // Called by the thread when settled() may have changed.
    std::function<void()> changed;
  };

  explicit HttpDestination(Options options);
  ~HttpDestination() override;

  std::string_view name() const override { return options_.name; }
  Encoding encoding() const override { return options_.encoding; }
  bool takes(Signal signal) const override { return !options_.targets[static_cast<std::size_t>(signal)].empty(); }
  void enqueue(SharedBatch batch) override;
  bool recover(QueuedBatch batch) override;
  void count_lost(std::uint64_t records, Place cause) override;
  void enter(Window window) override;
  bool settled() override;
  bool stalled() override;
  void was_late() override;
  std::size_t queued_bytes() override;
  bool shed() override;
  std::vector<QueuedBatch> unsent() override;
  Account account() override;
  DeliveryCounters counters() override;
  void close(const BatchQueue::Keep& keep) override;

 private:
  void serve();
  void start_thread();  // with mutex_ held
  Reply post(const Request& request);
  core::Outcome<void> prepare_head(bool fresh);
  core::Outcome<const core::HttpAnswer*> exchange(std::string_view head, std::string_view body, bool& sent);
  Reply read(const core::HttpAnswer& answer, std::size_t records);
  // Until when this attempt may last as things stand; empty when closed.
  std::optional<core::Deadline> attempt_deadline();
  void interrupt();

  const Options options_;

  const int wake_fd_;  // an eventfd: ends a wait for the network

  // The thread's own.
  std::unique_ptr<Transport> transport_;  // with the first request
  Compressor compressor_;
  std::string payload_;  // of `payload_of_`, compressed once
  SharedBatch payload_of_;
  RequestHead head_;
  std::string failure_;       // why the last request got no answer
  bool no_secret_ = false;    // ... it was not sent
  bool told_secret_ = false;  // each is logged once
  bool told_unreachable_ = false;
  bool told_refused_ = false;
  bool told_rejected_ = false;

  std::mutex mutex_;  // all below
  std::condition_variable wake_up_;
  Delivery delivery_;
  std::thread thread_;
  bool closed_ = false;
};

}  // namespace mayfly::telemetry
