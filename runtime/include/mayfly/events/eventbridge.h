// Amazon EventBridge: events of AWS services, of your own, and of schedules [A].
// Views into the event.
//
//   struct Placed { std::string_view order; };
//   void handle(const mayfly::eventbridge::Event<Placed>& event);
//   void tick(const mayfly::eventbridge::ScheduledEvent& event);
//
// [A] Amazon EventBridge User Guide, "Events structure", version "0", read 2026-11.

#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include <mayfly/json/reflect.h>
#include <mayfly/json/typed.h>

namespace mayfly::eventbridge {

// Detail: any type with a JSON form; json::Raw is its text.
template <class Detail = json::Raw>
struct Event {
  Detail detail;
  std::string_view detail_type;  // "Scheduled Event" of a rule's schedule
  std::string_view source;       // "aws.events"
  std::string_view id;
  std::string_view time;  // "2026-11-21T10:02:00Z"
  std::string_view account;
  std::string_view region;
  std::vector<std::string_view> resources;
  std::optional<std::string_view> version;
  std::optional<std::string_view> replay_name;  // of an archive's replay
};

// Its detail is {}.
using ScheduledEvent = Event<json::Raw>;

}  // namespace mayfly::eventbridge

template <class Detail>
struct mayfly::json::fields<mayfly::eventbridge::Event<Detail>> {
  static constexpr std::array<std::string_view, 10> names{
      "detail", "detail-type", "source", "id", "time", "account", "region", "resources", "version", "replay-name"};
  static constexpr std::size_t required = 1;
};
