// Where the records for one destination are. Every record is in exactly one
// place, so what was enqueued or recovered is always the sum of all places: a
// record can be lost only into a place that has a name.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mayfly::telemetry {

enum class Place : std::uint8_t {
  queued,
  in_flight,
  spooled,  // the only copy that is left is a file
  delivered,
  // dropped, by cause:
  queue_full,  // the oldest made room
  too_large,   // larger than the whole queue, or one record that the backend calls too large
  rejected,    // the backend took the batch without these
  http_3xx,    // redirects are not followed
  http_4xx,
  http_5xx,  // those that must not be retried
  auth,      // 401 or 403, and fresh credentials did not help
  expired,   // retried too often, or for too long
  output,    // standard output or a file took no more
  shutdown,  // time was up
  spool_full,
  spool_io,
  spool_corrupt,
  killed,  // in memory when an earlier life was killed
  encode,  // could not be brought into the destination's form
};
inline constexpr std::size_t kPlaces = static_cast<std::size_t>(Place::encode) + 1;
inline constexpr std::size_t kFirstDropped = static_cast<std::size_t>(Place::queue_full);

// "queued", "queue_full", ...
std::string_view to_string(Place place);

// Thread-safety: one thread at a time.
class Account {
 public:
  // Records of this life.
  void enqueue(std::size_t records) {
    enqueued_ += records;
    at(Place::queued) += records;
  }
  // Records that an earlier life has left behind.
  void recover(std::size_t records, Place to = Place::queued) {
    recovered_ += records;
    at(to) += records;
  }
  void move(std::size_t records, Place from, Place to) {
    at(from) -= records;
    at(to) += records;
  }

  std::uint64_t enqueued() const { return enqueued_; }
  std::uint64_t recovered() const { return recovered_; }
  std::uint64_t count(Place place) const { return places_[static_cast<std::size_t>(place)]; }
  std::uint64_t dropped() const;
  // All places together hold what was enqueued and recovered.
  bool balanced() const;

 private:
  std::uint64_t& at(Place place) { return places_[static_cast<std::size_t>(place)]; }

  std::uint64_t enqueued_ = 0;
  std::uint64_t recovered_ = 0;
  std::array<std::uint64_t, kPlaces> places_{};
};

}  // namespace mayfly::telemetry
