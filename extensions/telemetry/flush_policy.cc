#include "extensions/telemetry/flush_policy.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace mayfly::telemetry {
namespace {

using std::chrono::milliseconds;
using Kind = FlushSettings::Kind;
using Phase = Window::Phase;

constexpr milliseconds kCap{200};             // what one invocation is held open for at most
constexpr milliseconds kDeadlineMargin{100};  // a late timer, and encoding on a small share of a CPU
constexpr milliseconds kEarly{500};           // before a deadline that the function may not survive
constexpr milliseconds kFreshness{1'000};     // while the function runs
constexpr milliseconds kShutdownCap{1'500};
constexpr milliseconds kShutdownMargin{300};  // Lambda takes that much for itself
constexpr milliseconds kLastReport{100};
constexpr milliseconds kLongest{24 * 3'600'000};  // whatever a deadline says
constexpr std::size_t kMinGaps = 4;               // before they say anything

}  // namespace

// ---- what happens

void FlushPolicy::began(Moment now) {
  if (!managed_) return;
  window_ = {Phase::running, Steady::max()};
  last_flush_ = now;
}

void FlushPolicy::invoked(Moment now, milliseconds left) {
  left = std::clamp(left, -kLongest, kLongest);
  if (last_end_) note_gap(elapsed(*last_end_, now));
  last_end_ = now;  // until the answer is known
  window_ = {Phase::running, now.steady + left - kDeadlineMargin};
  early_ = now.steady + left - std::min(kEarly, left / 2);
  over_ = false;
  hold_ = Hold::none;
  ask_ = false;
  if (flushes_at_end()) {
    hold_ = Hold::answer;
    last_flush_ = now;  // a longer invocation flushes now and then
  } else if (settings_.kind == Kind::periodic && elapsed(last_flush_, now) >= settings_.time) {
    hold_ = Hold::flush;
    hold_until_ = std::min(now.steady + kCap, window_.until);
  } else {
    ask_ = true;
  }
}

void FlushPolicy::answered(Moment now, milliseconds ago) {
  if (managed_ || window_.phase != Phase::running) return;
  last_end_ = now;
  early_.reset();
  if (hold_ == Hold::flush) {
    over_ = true;
  } else if (hold_ == Hold::answer) {
    auto cap = settings_.kind == Kind::end ? settings_.time : kCap;
    auto budget = std::max(cap - ago, milliseconds{0});
    window_ = {Phase::flushing, std::min(now.steady + budget, window_.until)};
    hold_ = Hold::none;
    flush_first_ = true;
  } else if (!ask_) {
    window_ = {};
  } else {
    over_ = true;
  }
}

void FlushPolicy::shut_down(Moment now, milliseconds left, bool report_due) {
  auto budget = std::clamp(left - kShutdownMargin, milliseconds{0}, kShutdownCap);
  window_ = {Phase::closing, now.steady + budget};
  hold_ = Hold::none;
  ask_ = false;
  early_.reset();
  report_due_ = report_due;
  report_until_ = now.steady + std::min(kLastReport, budget);
}

// ---- what to do

FlushPolicy::Orders FlushPolicy::advance(Moment now, bool open, bool settled) {
  Orders orders;
  open_ = open;
  switch (window_.phase) {
    case Phase::idle: break;
    case Phase::running: {
      bool early = early_ && now.steady >= *early_;
      if (open && (early || elapsed(last_flush_, now) >= interval())) {
        last_flush_ = now;
        orders.flush = true;
        return orders;
      }
      bool waits = (hold_ == Hold::flush && !settled && now.steady < hold_until_) ||
                   (hold_ == Hold::answer && now.steady < window_.until);
      if (waits || (hold_ == Hold::none && !ask_)) break;
      orders.late = hold_ == Hold::flush && !settled;
      orders.next = true;
      hold_ = Hold::none;
      ask_ = false;
      if (over_) window_ = {};
      break;
    }
    case Phase::flushing:
      if (std::exchange(flush_first_, false) && open) {
        last_flush_ = now;
        orders.flush = true;
      } else if (settled || now.steady >= window_.until) {
        orders.late = !settled;
        orders.next = true;
        window_ = {};
      }
      break;
    case Phase::closing: {
      bool reported = !report_due_ || now.steady >= report_until_;
      if (open && now.steady < window_.until) {
        orders.flush = true;
      } else if ((reported && settled) || now.steady >= window_.until) {
        orders.stop = true;
      }
      break;
    }
  }
  return orders;
}

std::optional<milliseconds> FlushPolicy::alarm(Moment now) const {
  auto nearest = Steady::max();
  auto until = [&](Steady at) { nearest = std::min(nearest, at); };
  switch (window_.phase) {
    case Phase::idle: return std::nullopt;
    case Phase::running:
      if (open_ && early_) until(*early_);
      if (open_) until(now.steady + std::max(interval() - elapsed(last_flush_, now), milliseconds{0}));
      if (hold_ == Hold::flush) until(hold_until_);
      if (hold_ == Hold::answer) until(window_.until);
      break;
    case Phase::flushing: until(window_.until); break;
    case Phase::closing:
      until(window_.until);
      if (report_due_ && now.steady < report_until_) until(report_until_);
      break;
  }
  if (nearest == Steady::max()) return std::nullopt;
  return std::max(std::chrono::ceil<milliseconds>(nearest - now.steady), milliseconds{0});
}

bool FlushPolicy::flushes_at_end() const {
  if (settings_.kind != Kind::adaptive) return settings_.kind == Kind::end;
  if (gap_count_ < kMinGaps) return true;
  auto known = std::min(gap_count_, kGaps);
  auto sum = std::accumulate(gaps_.begin(), gaps_.begin() + static_cast<std::ptrdiff_t>(known), milliseconds{0});
  return sum > settings_.time * known;
}

milliseconds FlushPolicy::interval() const {
  bool timed = settings_.kind == Kind::periodic || settings_.kind == Kind::continuous;
  return timed ? settings_.time : kFreshness;
}

void FlushPolicy::note_gap(milliseconds gap) { gaps_[gap_count_++ % kGaps] = gap; }

}  // namespace mayfly::telemetry
