#include "extensions/telemetry/account.h"

namespace mayfly::telemetry {

std::string_view to_string(Place place) {
  constexpr std::array<std::string_view, kPlaces> kNames{"queued",    "in_flight", "delivered", "queue_full",
                                                         "too_large", "rejected",  "http_3xx",  "http_4xx",
                                                         "http_5xx",  "expired",   "output",    "shutdown"};
  return kNames[static_cast<std::size_t>(place)];
}

std::uint64_t Account::dropped() const {
  std::uint64_t sum = 0;
  for (std::size_t i = kFirstDropped; i < kPlaces; ++i) sum += places_[i];
  return sum;
}

bool Account::balanced() const {
  return enqueued_ == count(Place::queued) + count(Place::in_flight) + count(Place::delivered) + dropped();
}

}  // namespace mayfly::telemetry
