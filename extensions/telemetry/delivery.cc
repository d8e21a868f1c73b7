#include "extensions/telemetry/delivery.h"

#include <algorithm>
#include <utility>

namespace mayfly::telemetry {
namespace {

using std::chrono::milliseconds;
using Phase = Window::Phase;

constexpr milliseconds kProbe{2'000};
constexpr milliseconds kSlack{1'000};      // of whoever ends a request in time
constexpr milliseconds kStale{200};        // for an answer that had all the time of a freeze
constexpr milliseconds kFinalTry{300};     // at shutdown: with an open breaker, or for an answer that is overdue
constexpr milliseconds kShortest{20};      // what a request takes at least
constexpr milliseconds kClosingPause{50};  // doubled
constexpr milliseconds kMaxClosingPause{200};
constexpr int kMaxAttempts = 30;
constexpr int kMinAttempts = 3;
constexpr std::chrono::hours kMaxAge{1};
constexpr std::size_t kMinBodyLimit = 1'024;

milliseconds left(Steady until, Moment now) {
  // Far points in time would overflow a difference.
  if (until == Steady::max()) return Delivery::kForever;
  return std::chrono::floor<milliseconds>(until - now.steady);
}

}  // namespace

// ---- windows

void Delivery::enter(Window window, Moment now) {
  if (queue_.in_flight()) {
    if (window_.phase != Phase::idle) flight_.spent += std::chrono::floor<milliseconds>(now.steady - flight_.armed);
    if (window_.phase == Phase::idle && window.phase != Phase::idle) {
      flight_.thawed = true;
      if (!flight_.stale && elapsed(flight_.began, now) >= options_.timeout) {
        flight_.stale = true;
        flight_.spent = milliseconds{0};
      }
    }
    flight_.armed = now.steady;
  }
  if (window.phase == Phase::closing && window_.phase != Phase::closing) {
    final_try_ = breaker_.is_open();
    // What should have been answered long ago must not keep back all that is behind it.
    if (queue_.in_flight() && elapsed(flight_.began, now) >= std::max(kFinalTry, estimate_ * 2)) flight_.overdue = true;
    if (final_try_ || flight_.overdue) flight_.spent = milliseconds{0};
    given_up_ = false;
    closing_failures_ = 0;
    closing_pause_ = milliseconds{0};
  }
  window_ = window;
}

void Delivery::was_late(Moment now) {
  late_ = true;
  if (queue_.in_flight()) estimate_ = std::min(std::max(estimate_, elapsed(flight_.began, now)), options_.timeout);
}

milliseconds Delivery::pause(Moment now) const {
  if (at_once_ || (window_.phase == Phase::closing && final_try_)) return milliseconds{0};
  if (window_.phase == Phase::closing) {
    return std::max(closing_pause_ - elapsed(closing_since_, now), milliseconds{0});
  }
  return breaker_.wait(now);
}

milliseconds Delivery::wait(Moment now) const {
  if (queue_.empty() || queue_.in_flight() || window_.phase == Phase::idle) return kForever;
  bool closing = window_.phase == Phase::closing;
  if (closing && given_up_) return kForever;
  if (window_.phase == Phase::flushing && (late_ || breaker_.is_open())) return kForever;
  // Beside the function a request may take longer, and at shutdown there is no better time to come.
  bool held = window_.phase == Phase::flushing;
  auto needed = held ? std::max(kShortest, estimate_ * 6 / 5) : kShortest;
  auto rest = pause(now);
  return left(window_.until, now) < rest + needed ? kForever : rest;
}

Steady Delivery::give_up_at() const {
  if (window_.phase == Phase::idle) return Steady::max();
  if (window_.phase == Phase::closing) {
    bool short_time = final_try_ || flight_.overdue;
    return short_time ? std::min(flight_.armed + kFinalTry - flight_.spent, window_.until) : window_.until;
  }
  auto at = flight_.armed +
            (flight_.stale   ? kStale
             : flight_.probe ? std::min(kProbe, options_.timeout)
                             : options_.timeout) -
            flight_.spent;
  return flight_.probe ? std::min(at, window_.until) : at;
}

bool Delivery::settled(Moment now) const {
  if (late_ && window_.phase != Phase::closing) return true;
  if (queue_.in_flight()) return false;
  auto rest = wait(now);
  // Beside a running function only a request holds anything up, a pause does not.
  return rest == kForever || (window_.phase == Phase::running && rest > milliseconds{0});
}

// ---- requests

std::optional<Request> Delivery::start(Moment now) {
  if (wait(now) > milliseconds{0}) return std::nullopt;
  fit();
  const QueuedBatch& next = queue_.take();
  flight_ = Flight{};
  flight_.began = now;
  flight_.armed = now.steady;
  flight_.probe = breaker_.is_open();
  flight_.retry = next.attempts > 0 || at_once_;
  if (flight_.retry) ++counters_.retries;
  at_once_ = false;
  return Request{next.batch, std::exchange(fresh_credentials_, false)};
}

// Splits the oldest batch until it has the size that the backend takes.
void Delivery::fit() {
  while (queue_.oldest().batch->body.size() > body_limit_ && queue_.oldest().batch->records > 1 && options_.halve) {
    auto halves = options_.halve(*queue_.oldest().batch);
    if (!halves) return;
    ++counters_.splits;
    queue_.take();
    queue_.split(std::move(halves->first), std::move(halves->second));
  }
}

void Delivery::ended(const Reply& reply, Moment now, std::uint64_t random) {
  bool was_open = breaker_.is_open();
  switch (reply.kind) {
    case Reply::Kind::abandoned: queue_.put_back(false, reply.sent); break;
    case Reply::Kind::answered: answered(reply, now, random); break;
    case Reply::Kind::unanswered: unanswered(reply, now, random); break;
  }
  if (breaker_.is_open() && !was_open) ++counters_.breaker_opened;
}

void Delivery::answered(const Reply& reply, Moment now, std::uint64_t random) {
  auto judged = verdict(options_.protocol, reply.status, options_.retry_500);
  // With a freeze in between it tells nothing.
  if (!flight_.thawed) {
    auto took = std::min(elapsed(flight_.began, now), options_.timeout);
    estimate_ = estimate_ == milliseconds{0} ? took : (estimate_ * 3 + took * 2) / 5;
  }
  final_try_ = late_ = false;
  if (judged == Verdict::later) {
    ++counters_.later;
    breaker_.answered_later(now, reply.retry_after, random);
    if (window_.phase == Phase::closing) pause_closing(reply.retry_after, now, random);
    return try_later(false, now);
  }
  if (judged == Verdict::credentials && options_.refreshable && !credentials_tried_) {
    ++counters_.later;
    credentials_tried_ = fresh_credentials_ = at_once_ = true;
    return queue_.put_back(false, false);
  }
  if (judged == Verdict::credentials) {
    ++counters_.refused;
    breaker_.no_answer(now, random);
    return settle(Place::auth);
  }
  breaker_.succeeded();
  if (judged == Verdict::split) {
    ++counters_.refused;
    return split();
  }
  if (judged == Verdict::drop) {
    ++counters_.refused;
    return settle(dropped_as(reply.status));
  }
  if (!reply.rejected) ++counters_.response_unparsed;
  auto rejected = reply.rejected.value_or(0);
  ++(rejected > 0 ? counters_.partial : counters_.ok);
  if (body_limit_ < std::numeric_limits<std::size_t>::max() / 2) body_limit_ += body_limit_ / 10;
  settle(Place::delivered, rejected);
}

void Delivery::unanswered(const Reply& reply, Moment now, std::uint64_t random) {
  ++counters_.unanswered;
  if (reply.sent && !queue_.in_flight()->maybe_delivered) {
    counters_.maybe_delivered += queue_.in_flight()->batch->records;
  }
  // What ends in an idle window, or lasts longer than it may, was frozen on the way.
  bool frozen =
      flight_.thawed || window_.phase == Phase::idle || elapsed(flight_.began, now) > options_.timeout + kSlack;
  bool no_fault = reply.reused || frozen;
  if (no_fault && !resent_) {
    resent_ = at_once_ = true;
    return queue_.put_back(false, reply.sent);
  }
  breaker_.no_answer(now, random);
  if (window_.phase == Phase::closing) {
    given_up_ = final_try_;
    final_try_ = false;
    pause_closing(std::nullopt, now, random);
  }
  try_later(reply.sent, now);
}

void Delivery::pause_closing(std::optional<milliseconds> after, Moment now, std::uint64_t random) {
  auto backoff = std::min(kClosingPause * (1 << std::min(closing_failures_++, 4)), kMaxClosingPause);
  closing_since_ = now;
  closing_pause_ = std::max(jittered(backoff, random), after.value_or(milliseconds{0}));
}

void Delivery::try_later(bool maybe_delivered, Moment now) {
  const QueuedBatch& batch = *queue_.in_flight();
  int attempts = batch.attempts + 1;
  bool old = batch.batch->oldest != core::WallTime{} && now.wall - batch.batch->oldest >= kMaxAge;
  if (attempts >= kMaxAttempts || (old && attempts >= kMinAttempts)) return settle(Place::expired);
  resent_ = false;
  queue_.put_back(true, maybe_delivered);
}

void Delivery::settle(Place place, std::size_t rejected) {
  resent_ = credentials_tried_ = fresh_credentials_ = at_once_ = false;
  queue_.settle(place, rejected);
}

void Delivery::split() {
  const Batch& batch = *queue_.in_flight()->batch;
  Halves halves;
  if (batch.records > 1 && options_.halve) halves = options_.halve(batch);
  if (!halves) return settle(Place::too_large);
  ++counters_.splits;
  body_limit_ = std::max({halves->first->body.size(), halves->second->body.size(), kMinBodyLimit});
  resent_ = credentials_tried_ = false;
  queue_.split(std::move(halves->first), std::move(halves->second));
}

}  // namespace mayfly::telemetry
