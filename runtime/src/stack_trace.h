// Where an exception was thrown, and where the program is now.
//
// When an exception reaches the handler's edge, the stack it came from is gone.
// So the link option -Wl,--wrap=__cxa_throw (mayfly::runtime carries it) sends
// every throw of the program through here, where the return addresses are noted
// before the real throw: about 1 us a throw, nothing otherwise. A program linked
// without the option, a throw inside a shared libstdc++, an exception made by
// std::make_exception_ptr() and one that was thrown on another thread have no
// trace.
//
// Addresses become names only when someone asks, see symbol_names.h.
//
// Thread-safety: all of it; each thread has its own traces.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mayfly::runtime {

// Addresses inside the calls, innermost first.
struct Frames {
  std::size_t size = 0;
  std::array<std::uintptr_t, 32> at;
};

// The stack from the frame on whose next instruction is `from`; empty when it is
// not met. Async-signal-safe as far as the unwinder is, which takes no memory but
// may fault on a stack that is damaged: what was found by then is in `frames`.
void walk_stack(std::uintptr_t from, Frames& frames);

// True for the text of a frame of ours: from here outwards all stacks are the same.
bool is_runtime_frame(std::string_view frame);

// The frames of the exception that is being handled, innermost first, as
// frame_text() has them. Ends where the handler was called. Empty when it is not
// known, as for an exception that has been thrown before four others of this thread.
std::vector<std::string> current_exception_stack();

// The same of the frame to which a call returns, see __builtin_return_address(0).
std::vector<std::string> stack_from(const void* return_address);

}  // namespace mayfly::runtime
