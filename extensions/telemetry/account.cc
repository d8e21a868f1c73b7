#include "extensions/telemetry/account.h"

#include <numeric>

namespace mayfly::telemetry {

std::string_view to_string(Place place) {
  constexpr std::array<std::string_view, kPlaces> kNames{
      "queued",     "in_flight", "spooled",       "delivered", "queue_full", "too_large", "rejected",
      "http_3xx",   "http_4xx",  "http_5xx",      "auth",      "expired",    "output",    "shutdown",
      "spool_full", "spool_io",  "spool_corrupt", "killed",    "encode"};
  return kNames[static_cast<std::size_t>(place)];
}

std::uint64_t Account::dropped() const {
  return std::accumulate(places_.begin() + kFirstDropped, places_.end(), std::uint64_t{0});
}

bool Account::balanced() const {
  return enqueued_ + recovered_ == std::accumulate(places_.begin(), places_.end(), std::uint64_t{0});
}

}  // namespace mayfly::telemetry
