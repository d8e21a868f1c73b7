#include "emulator/cli/event_reader.h"

#include <doctest/doctest.h>

#include <vector>

#include "emulator/invoke/event_stream.h"

namespace mayfly::emulator::cli {
namespace {

std::string two_events() {
  std::string bytes;
  append_event(bytes, {{":event-type", "PayloadChunk"}, {":message-type", "event"}}, "first");
  append_event(bytes, {{":event-type", "InvokeComplete"}, {":message-type", "event"}}, "{}");
  return bytes;
}

}  // namespace

TEST_CASE("events are read however their bytes come") {
  auto bytes = two_events();
  for (std::size_t piece : {1ul, 7ul, 50ul, bytes.size()}) {
    EventReader reader;
    std::vector<std::string> seen;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      auto fed = reader.feed(std::string_view(bytes).substr(at, piece), [&](const StreamEvent& event) {
        seen.push_back(std::string(event.event_type) + " " + std::string(event.payload));
      });
      REQUIRE(fed.has_value());
    }
    CHECK(seen == std::vector<std::string>{"PayloadChunk first", "InvokeComplete {}"});
    CHECK_FALSE(reader.is_inside());
  }
}

TEST_CASE("an event with a wrong sum or length is refused") {
  auto nothing = [](const StreamEvent&) {};
  auto bytes = two_events();
  for (std::size_t at : {0ul, 5ul, 9ul, 20ul, 60ul}) {
    auto broken = bytes;
    broken[at] = static_cast<char>(broken[at] ^ 1);
    CHECK_MESSAGE(!EventReader().feed(broken, nothing).has_value(), at);
  }
  // Sums are right, lengths are not.
  for (auto lengths : {std::string("\0\0\0\x0f\0\0\0\0", 8), std::string("\0\0\0\x10\0\0\0\1", 8),
                       std::string("\x7f\0\0\0\0\0\0\0", 8), std::string("\0\xff\0\0\0\xfe\0\0", 8)}) {
    auto sum = crc32(lengths);
    for (int shift = 24; shift >= 0; shift -= 8) lengths += static_cast<char>(sum >> shift);
    CHECK_FALSE(EventReader().feed(lengths, nothing).has_value());
  }
  EventReader reader;
  CHECK(reader.feed(std::string_view(bytes).substr(0, 30), nothing).has_value());
  CHECK(reader.is_inside());
}

}  // namespace mayfly::emulator::cli
