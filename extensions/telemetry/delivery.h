// What one destination does with its batches: which is sent next and when, what
// an answer means, and where every record ends. Pure: no clock, no thread, no
// socket. It is told what happens and what time it is, and tells what to send, so
// that a simulation can drive it through anything a backend, a network and a
// freeze can do (tests/sim).
//
// One request at a time, the oldest batch first.
//
// - A request is begun only where it can end: in the time that the invocation has
//   left, by what requests have taken so far.
// - A kept connection that turns out to be dead, or a freeze in the middle of a
//   request, costs one more request and nothing else.
// - No answer, three times "later", Retry-After: the breaker opens (retry.h). What
//   comes then is a probe: one real batch, and only while the function runs.
// - 401 and 403 are answered with fresh credentials, once; 413 with halves, and
//   smaller batches from then on.
// - A batch is given up after 30 attempts, or after three when it is an hour old.
// - At shutdown pauses are short, an open breaker is ignored once, for 300 ms, and a
//   request whose answer is overdue gets no longer before it is sent anew.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

#include "extensions/telemetry/batch_halves.h"
#include "extensions/telemetry/batch_queue.h"
#include "extensions/telemetry/retry.h"

namespace mayfly::telemetry {

using Steady = std::chrono::steady_clock::time_point;

// What the invocation allows at the moment.
struct Window {
  enum class Phase : std::uint8_t {
    idle,      // `next` waits: the environment may be frozen at any time
    running,   // beside the function, which is not held up
    flushing,  // the function has answered, and the environment is held open
    closing,   // the Shutdown phase
  };
  Phase phase = Phase::idle;
  Steady until{};  // all is to be over by then; idle: means nothing

  bool operator==(const Window&) const = default;
};

// A request to be sent now.
struct Request {
  SharedBatch batch;
  bool fresh_credentials = false;  // fetch them before
};

// What came of it.
struct Reply {
  enum class Kind : std::uint8_t { answered, unanswered, abandoned };
  Kind kind = Kind::unanswered;
  int status = 0;                                        // answered
  std::optional<std::chrono::milliseconds> retry_after;  // answered
  std::optional<std::size_t> rejected;                   // answered 2xx; empty: the body could not be read
  bool reused = false;                                   // unanswered: on a connection that had served before
  bool sent = false;                                     // unanswered: the whole request was written
};

// Of one destination, beside its account.
struct DeliveryCounters {
  std::uint64_t ok = 0, partial = 0, later = 0, refused = 0, unanswered = 0;  // requests, by outcome
  std::uint64_t retries = 0;          // requests for batches that had been in one before
  std::uint64_t maybe_delivered = 0;  // records that may have arrived twice: an upper bound
  std::uint64_t breaker_opened = 0;
  std::uint64_t response_unparsed = 0;  // 2xx answers, taken as delivered
  std::uint64_t splits = 0;
};

// Thread-safety: one thread at a time.
class Delivery {
 public:
  struct Options {
    std::size_t queue_bytes = 8 * 1024 * 1024;
    Protocol protocol = Protocol::otlp;
    bool retry_500 = false;
    bool refreshable = false;  // credentials can be fetched anew
    std::chrono::milliseconds timeout{
        10'000};  // of one request; nobody waits for it, the invocation goes on much earlier
    Halves (*halve)(const Batch& batch) = nullptr;
  };

  static constexpr std::chrono::milliseconds kForever = std::chrono::milliseconds::max();

  explicit Delivery(Options options) : options_(options), queue_(options.queue_bytes) {}

  // ---- what happens
  void enqueue(SharedBatch batch) { queue_.push(std::move(batch)); }
  bool recover(QueuedBatch batch) { return queue_.recover(std::move(batch)); }
  void count_lost(std::uint64_t records, Place cause) { queue_.count_lost(records, cause); }
  bool shed() { return queue_.shed(); }
  void enter(Window window, Moment now);
  // The destination was waited for in vain. It will not be again until it has answered.
  void was_late(Moment now);
  // The next request, if one is to be sent now; ended() must follow.
  std::optional<Request> start(Moment now);
  // `random`: for jitter, any bits.
  void ended(const Reply& reply, Moment now, std::uint64_t random);
  // Nothing is sent any more.
  void leave(const BatchQueue::Keep& keep) { queue_.leave(keep); }

  // ---- what follows
  // How long until start() has something, if nothing else happens before.
  std::chrono::milliseconds wait(Moment now) const;
  // Until when the request in flight may last; it may change with each enter().
  Steady give_up_at() const;
  // Everything is out, or will not be before the window closes.
  bool settled(Moment now) const;

  const BatchQueue& queue() const { return queue_; }
  const DeliveryCounters& counters() const { return counters_; }
  bool breaker_is_open() const { return breaker_.is_open(); }

 private:
  // Of the request in flight. Only time in which the environment cannot be frozen
  // counts against it.
  struct Flight {
    Moment began{};
    Steady armed{};                      // in this window since
    std::chrono::milliseconds spent{0};  // in windows before
    bool probe = false;
    bool retry = false;
    bool thawed = false;   // it may have been frozen
    bool stale = false;    // ... for so long that an answer is there by now, or never
    bool overdue = false;  // at shutdown: begun so long before that no answer may ever come
  };

  void answered(const Reply& reply, Moment now, std::uint64_t random);
  void unanswered(const Reply& reply, Moment now, std::uint64_t random);
  void settle(Place place, std::size_t rejected = 0);
  void try_later(bool maybe_delivered, Moment now);
  void split();
  void fit();
  std::chrono::milliseconds pause(Moment now) const;
  void pause_closing(std::optional<std::chrono::milliseconds> after, Moment now, std::uint64_t random);

  const Options options_;
  BatchQueue queue_;
  Breaker breaker_;
  Window window_;
  Flight flight_;
  bool late_ = false;
  std::chrono::milliseconds estimate_{0};  // what a request takes
  std::size_t body_limit_ = std::numeric_limits<std::size_t>::max();

  // Of the oldest batch.
  bool at_once_ = false;  // the next request is no new attempt: a free one, or with fresh credentials
  bool resent_ = false;
  bool fresh_credentials_ = false;
  bool credentials_tried_ = false;

  // Of the Shutdown phase.
  bool final_try_ = false;
  bool given_up_ = false;
  int closing_failures_ = 0;
  Moment closing_since_{};
  std::chrono::milliseconds closing_pause_{0};

  DeliveryCounters counters_;
};

}  // namespace mayfly::telemetry
