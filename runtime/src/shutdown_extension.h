// The internal extension that makes Lambda say when an environment ends.
//
// Lambda sends the runtime SIGTERM, and 500 ms to live, only when an extension
// is registered; otherwise it kills at once [A]. So a function that has something
// to do at the end registers an extension without events. Such an extension must
// still ask for its next event once, or the Init phase never ends; nothing will
// ever answer, so the request is sent and left alone: no thread waits for it.
//
// [A] AWS Lambda Developer Guide, "Lambda execution environment lifecycle",
//     Shutdown phase, read 2026-11.

#pragma once

#include "core/failure.h"
#include "core/http_connection.h"
#include "core/uri.h"

namespace mayfly::runtime {

class ShutdownExtension {
 public:
  explicit ShutdownExtension(core::Origin origin);

  // Before the runtime's first `next`: registration closes with it.
  // Errors: any; the function works without, but may die without notice.
  core::Outcome<void> start();

 private:
  core::HttpConnection connection_;  // parked; ends with this object
};

}  // namespace mayfly::runtime
