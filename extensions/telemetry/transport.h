// How requests reach one backend: over a plain connection, through a proxy, over
// TLS. The messages are framed by whoever sends them.
//
// Thread-safety: one thread at a time.

#pragma once

#include <string_view>

#include "core/clock.h"
#include "core/failure.h"
#include "core/http_answer.h"

namespace mayfly::telemetry {

class Transport {
 public:
  virtual ~Transport() = default;

  // Sends a whole request, connecting first if need be. `head` ends with the
  // empty line. Errors: unreachable, timeout, interrupted (the wake-up descriptor
  // of the destination became readable; call again), unanswered, cut, protocol.
  virtual core::Outcome<void> send(std::string_view head, std::string_view body, core::Deadline deadline) = 0;

  // Waits for the answer to the last send(); it lives until the next one. After
  // each error but interrupted the connection is closed.
  virtual core::Outcome<const core::HttpAnswer*> receive(core::Deadline deadline) = 0;

  // The last request went out on a connection that had carried one before, so
  // an `unanswered` may only mean that a freeze had ended it.
  virtual bool reused() const = 0;
};

}  // namespace mayfly::telemetry
