// The X-Amzn-Trace-Id field: "Root=1-67f2a1b3-6e5c...;Parent=53995c3f42cd8ad8;Sampled=0".

#pragma once

#include <string>
#include <string_view>

namespace mayfly::emulator {

// What the function gets: the caller's trace with what it left out made up. A
// trace that nobody asked to sample is not sampled; a broken one is replaced.
std::string complete_trace_id(std::string_view given);

}  // namespace mayfly::emulator
