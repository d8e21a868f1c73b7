// When what is open is sealed and sent, and how long `next` waits for it. Until
// `next` is asked for the environment is not frozen, and billed: everything here
// is about sending while the function runs anyway, and about knowing when that is
// not enough. README.md draws the four kinds.
//
// Pure: it is told what happens and what time it is. After each call, and when
// alarm() says so, advance() tells what to do.

#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>

#include "extensions/telemetry/delivery.h"
#include "extensions/telemetry/flush_settings.h"

namespace mayfly::telemetry {

class FlushPolicy {
 public:
  // On Managed Instances nothing tells of invocations, many run at once and the
  // environment is not frozen: the timer alone decides.
  explicit FlushPolicy(FlushSettings settings, bool managed = false) : settings_(settings), managed_(managed) {}

  // As on Managed Instances, because nothing tells of invocations here either. Before began().
  void use_timer() { managed_ = true; }

  // ---- what happens
  // Init is over. Only Managed Instances need to be told.
  void began(Moment now);
  // INVOKE: `left` to its deadline.
  void invoked(Moment now, std::chrono::milliseconds left);
  // The function of this invocation has answered, so long `ago`.
  void answered(Moment now, std::chrono::milliseconds ago);
  // SHUTDOWN: `left` to its deadline. `report_due`: a last record may still come.
  void shut_down(Moment now, std::chrono::milliseconds left, bool report_due);
  void reported() { report_due_ = false; }

  // ---- what to do
  struct Orders {
    bool flush = false;  // seal what is open; then call advance() again
    bool late = false;   // destinations that are not settled were waited for in vain
    bool next = false;   // ask for the next event
    bool stop = false;   // SHUTDOWN is over
  };
  // `open`: there are records that are not sealed. `settled`: see Delivery.
  Orders advance(Moment now, bool open, bool settled);
  // How long until advance() must be called if nothing happens before.
  std::optional<std::chrono::milliseconds> alarm(Moment now) const;
  Window window() const { return window_; }
  // `next` waits for the answer of the function, or for a flush.
  bool holds() const { return hold_ != Hold::none || window_.phase == Window::Phase::flushing; }

 private:
  enum class Hold { none, flush, answer };

  bool flushes_at_end() const;
  std::chrono::milliseconds interval() const;
  void note_gap(std::chrono::milliseconds gap);
  void release(Orders& orders);

  const FlushSettings settings_;
  bool managed_;
  Window window_;

  Hold hold_ = Hold::none;
  Steady hold_until_{};          // flush
  bool ask_ = false;             // for the next event, at once
  bool over_ = false;            // the function has answered while a flush was held for
  std::optional<Steady> early_;  // from then on all is sent as it comes: the function may not survive
  Moment last_flush_{};
  bool flush_first_ = false;  // flushing has just begun
  bool open_ = false;         // as advance() was told

  bool report_due_ = false;
  Steady report_until_{};

  std::optional<Moment> last_end_;
  static constexpr std::size_t kGaps = 8;
  std::array<std::chrono::milliseconds, kGaps> gaps_{};
  std::size_t gap_count_ = 0;  // ever
};

}  // namespace mayfly::telemetry
