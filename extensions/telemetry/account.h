// Where the records of one destination are. Every record that was enqueued is in
// exactly one place, and only move() takes it to another: so what was lost is
// always known, by cause.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mayfly::telemetry {

enum class Place : std::uint8_t {
  queued,
  in_flight,
  delivered,
  // dropped, by cause:
  queue_full,  // the oldest made room
  too_large,   // larger than the whole queue
  rejected,    // the backend took the batch without these
  http_3xx,    // redirects are not followed
  http_4xx,
  http_5xx,  // those that must not be retried
  expired,   // retried too often
  output,    // standard output or a file took no more
  shutdown,  // time was up
};
inline constexpr std::size_t kPlaces = static_cast<std::size_t>(Place::shutdown) + 1;
inline constexpr std::size_t kFirstDropped = static_cast<std::size_t>(Place::queue_full);

// "queued", "queue_full", ...
std::string_view to_string(Place place);

// Thread-safety: one thread at a time.
class Account {
 public:
  // Records that come from outside.
  void enqueue(std::size_t records) {
    enqueued_ += records;
    at(Place::queued) += records;
  }
  void move(std::size_t records, Place from, Place to) {
    at(from) -= records;
    at(to) += records;
  }

  std::uint64_t enqueued() const { return enqueued_; }
  std::uint64_t count(Place place) const { return places_[static_cast<std::size_t>(place)]; }
  std::uint64_t dropped() const;
  // All places together hold what was enqueued.
  bool balanced() const;

 private:
  std::uint64_t& at(Place place) { return places_[static_cast<std::size_t>(place)]; }

  std::uint64_t enqueued_ = 0;
  std::array<std::uint64_t, kPlaces> places_{};
};

}  // namespace mayfly::telemetry
