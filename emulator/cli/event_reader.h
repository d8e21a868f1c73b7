// Reads AWS's event streams (emulator/invoke/event_stream.h writes them and names
// the source), fed with whatever bytes a socket yields.

#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "core/failure.h"

namespace mayfly::emulator::cli {

// Views into the reader, for as long as it is called back.
struct StreamEvent {
  std::string_view message_type;  // event, error, exception
  std::string_view event_type;    // PayloadChunk, InvokeComplete
  std::string_view error_code, error_message;
  std::string_view payload;
};

class EventReader {
 public:
  // Of the specification; what waits for its end is never more.
  static constexpr std::size_t kMaxEventBytes = 16 * 1024 * 1024 + 128 * 1024 + 16;

  // Calls back for every event that is complete. Errors: Errc::protocol for
  // lengths and sums that are wrong; nothing may be fed after one.
  core::Outcome<void> feed(std::string_view bytes, const std::function<void(const StreamEvent&)>& on_event);

  // An event has begun and not ended.
  bool is_inside() const { return !waiting_.empty(); }

 private:
  std::string waiting_;
};

}  // namespace mayfly::emulator::cli
