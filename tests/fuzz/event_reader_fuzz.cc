// Bytes of an event stream that nobody vouches for, in pieces; and what our own
// writer makes of them, which is read back.

#include <cstdint>
#include <string>

#include "emulator/cli/event_reader.h"
#include "emulator/invoke/event_stream.h"
#include "tests/fuzz/check.h"

using namespace mayfly::emulator;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(bytes), size);
  cli::EventReader reader;
  auto half = text.size() / 2;
  auto look = [](const cli::StreamEvent& event) {
    FUZZ_CHECK(event.payload.size() < cli::EventReader::kMaxEventBytes);
  };
  if (reader.feed(text.substr(0, half), look)) (void)reader.feed(text.substr(half), look);

  // With sums that are right, so that what lies behind them is reached.
  if (text.size() >= 8) {
    std::string event(text.substr(0, 8));
    std::uint32_t length = static_cast<std::uint32_t>(text.size() + 8);
    for (int i = 0; i < 4; ++i) event[static_cast<std::size_t>(i)] = static_cast<char>(length >> (24 - 8 * i));
    auto append_sum = [&] {
      auto sum = crc32(event);
      for (int shift = 24; shift >= 0; shift -= 8) event += static_cast<char>(sum >> shift);
    };
    append_sum();
    event += text.substr(8);
    append_sum();
    (void)cli::EventReader().feed(event, look);
  }

  std::string written;
  append_event(written, {{":event-type", text.substr(0, 255)}, {":message-type", "event"}}, text);
  int seen = 0;
  auto fed = cli::EventReader().feed(written, [&](const cli::StreamEvent& event) {
    ++seen;
    FUZZ_CHECK(event.payload == text && event.event_type == text.substr(0, 255) && event.message_type == "event");
  });
  FUZZ_CHECK(fed.has_value() && seen == 1);
  return 0;
}
