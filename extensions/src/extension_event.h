// The events that an extension is given as answers to `next`.

#pragma once

#include <mayfly/extension.h>
#include <mayfly/json/value.h>

#include <cstddef>
#include <string_view>
#include <variant>

#include "core/failure.h"

namespace mayfly::extension {

// Nothing: the answer is not complete yet.
using Event = std::variant<std::monostate, Invoke, Shutdown>;

// `capacity`: see json::Document::parse().
// Errors: Errc::parse, when it is neither INVOKE nor SHUTDOWN.
core::Outcome<Event> parse_event(json::Document& document, std::string_view body, std::size_t capacity);

}  // namespace mayfly::extension
