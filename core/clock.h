// Points in time. Lambda states deadlines as wall-clock time (milliseconds
// since 1970), because a sandbox may sleep for hours between two instructions;
// waiting on a socket uses the monotonic clock.

#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>

namespace mayfly::core {

using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>;

inline WallTime wall_now() { return std::chrono::system_clock::now(); }

inline std::int64_t epoch_ms(WallTime t) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(t.time_since_epoch()).count();
}

// "2022-10-12T00:00:15.064Z": RFC 3339 in UTC with milliseconds.
std::string rfc3339(WallTime t);
inline constexpr std::size_t kRfc3339Size = 24;
void write_rfc3339(WallTime t, std::span<char, kRfc3339Size> text);

// The reverse, for any number of fraction digits and for numeric offsets.
// Returns false, and leaves `out` alone, when the text is not RFC 3339.
bool parse_rfc3339(std::string_view text, WallTime& out);

// A moment on the monotonic clock after which waiting stops. A value.
class Deadline {
 public:
  static Deadline never() { return Deadline(Clock::time_point::max()); }
  // A wait that the clock cannot count (centuries) is never.
  static Deadline after(std::chrono::nanoseconds wait) {
    auto now = Clock::now();
    if (wait > Clock::time_point::max() - now) return never();
    return Deadline(now + std::chrono::duration_cast<Clock::duration>(wait));
  }

  bool is_never() const { return at_ == Clock::time_point::max(); }
  bool passed() const { return !is_never() && Clock::now() >= at_; }

  // Zero when it has passed.
  std::chrono::nanoseconds remaining() const {
    if (is_never()) return std::chrono::nanoseconds::max();
    return std::max(std::chrono::nanoseconds{0}, std::chrono::nanoseconds(at_ - Clock::now()));
  }

  // For poll(2): -1 for never; rounded up, so that a wait never ends early.
  int poll_ms() const {
    if (is_never()) return -1;
    auto ms = std::chrono::ceil<std::chrono::milliseconds>(remaining()).count();
    return static_cast<int>(std::min<std::int64_t>(ms, std::numeric_limits<int>::max()));
  }

 private:
  using Clock = std::chrono::steady_clock;
  explicit Deadline(Clock::time_point at) : at_(at) {}
  Clock::time_point at_;
};

}  // namespace mayfly::core
