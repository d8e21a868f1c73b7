// The events that an extension is given as answers to `next`.

#pragma once

#include <mayfly/extension.h>
#include <mayfly/json/value.h>

#include <cstddef>
#include <string_view>

#include "core/failure.h"

namespace mayfly::extension {

struct Event {
  enum class Kind { none, invoke, shutdown };
  Kind kind = Kind::none;  // none: the answer is not complete yet
  Invoke invoke;           // meaningful by kind, as is shutdown
  Shutdown shutdown;
};

// `capacity`: see json::Document::parse().
// Errors: Errc::parse, when it is neither INVOKE nor SHUTDOWN.
core::Outcome<Event> parse_event(json::Document& document, std::string_view body, std::size_t capacity);

}  // namespace mayfly::extension
