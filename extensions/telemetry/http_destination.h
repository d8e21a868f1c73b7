// A backend that takes batches by HTTP POST.
//
// One queue and one thread, which is started with the first batch: connecting,
// compressing and waiting for answers happen there. At most one request is in
// flight, batches go out in the order in which they were sealed.

#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/uri.h"
#include "extensions/telemetry/batch_queue.h"
#include "extensions/telemetry/compressor.h"
#include "extensions/telemetry/destination.h"
#include "extensions/telemetry/destination_settings.h"
#include "extensions/telemetry/open_transport.h"
#include "extensions/telemetry/retry.h"

namespace mayfly::telemetry {

class HttpDestination final : public Destination {
 public:
  struct Options {
    std::string name;  // for log lines
    Route route;
    std::string target = "/v1/logs";
    Encoding encoding = Encoding::otlp;
    Compression compression = Compression::zstd;
    std::vector<HeaderSetting> headers;
    std::size_t queue_bytes = 8 * 1024 * 1024;
    // Reads a 2xx answer: how many records were refused, and why.
    std::size_t (*read_rejected)(std::string_view body, std::string& message) = nullptr;
    // Called by the thread when settled() may have changed.
    std::function<void()> changed;
  };

  explicit HttpDestination(Options options);
  ~HttpDestination() override;

  std::string_view name() const override { return name_; }
  Encoding encoding() const override { return options_.encoding; }
  void enqueue(SharedBatch batch) override;
  void wake() override;
  bool settled(std::chrono::milliseconds patience) override;
  void was_late() override;
  void hurry(core::Deadline until) override;
  Account close() override;

 private:
  struct Attempt;

  void serve();
  // How long the oldest batch must rest; with mutex_ held.
  std::chrono::milliseconds pause() const;
  Attempt post(const SharedBatch& batch);
  core::Outcome<const core::HttpAnswer*> exchange(std::string_view head, std::string_view body);
  Attempt judge(const core::HttpAnswer& answer);
  // Until when this attempt may last as things stand; empty when closed.
  std::optional<core::Deadline> attempt_deadline();
  void interrupt();
  void settle(const Attempt& attempt);  // with mutex_ held

  const Options options_;
  const std::string name_;
  const std::string head_;  // up to the Content-Length

  const int wake_fd_;  // an eventfd: ends a wait for the network

  // The thread's own.
  std::unique_ptr<Transport> transport_;
  Compressor compressor_;
  std::string payload_;  // of `payload_of_`, compressed once
  SharedBatch payload_of_;
  bool told_unreachable_ = false;  // each is logged once
  bool told_refused_ = false;
  bool told_rejected_ = false;

  std::mutex mutex_;  // all below
  std::condition_variable wake_up_;
  BatchQueue queue_;
  Breaker breaker_;
  std::thread thread_;
  std::optional<core::Deadline> final_;
  bool final_try_ = false;  // an open breaker lets one attempt through at shutdown
  bool late_ = false;
  bool closed_ = false;
  int attempts_ = 0;  // of the oldest batch
};

}  // namespace mayfly::telemetry
