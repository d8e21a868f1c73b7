// How fast Lambda lets a response be streamed: 6 MiB at once, then 2 MiB a
// second, granted every 125 ms [A].
//
// [A] AWS Lambda Developer Guide, "Bandwidth limits for response streaming";
//     size and interval of a grant: the official Runtime Interface Emulator.

#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace mayfly::emulator {

class Bandwidth {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kBurstBytes = 6 * 1024 * 1024;  // as much as can be saved up, too
  static constexpr std::size_t kGrantBytes = 256 * 1024;
  static constexpr std::chrono::milliseconds kInterval{125};

  explicit Bandwidth(Clock::time_point start) : granted_at_(start) {}

  // How many of `wanted` bytes may pass now; 0: none before next_grant().
  std::size_t take(Clock::time_point now, std::size_t wanted) {
    auto grants = static_cast<std::size_t>((now - granted_at_) / kInterval);
    granted_at_ += kInterval * grants;
    left_ = std::min(kBurstBytes, left_ + kGrantBytes * std::min(grants, kBurstBytes / kGrantBytes));
    auto taken = std::min(wanted, left_);
    left_ -= taken;
    return taken;
  }
  Clock::time_point next_grant() const { return granted_at_ + kInterval; }

 private:
  std::size_t left_ = kBurstBytes;
  Clock::time_point granted_at_;
};

}  // namespace mayfly::emulator
