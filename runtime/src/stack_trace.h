// Where an exception was thrown.
//
// When an exception reaches the handler's edge, the stack it came from is gone.
// So the link option -Wl,--wrap=__cxa_throw (mayfly::runtime carries it) sends
// every throw of the program through here, where the return addresses are noted
// before the real throw: about 1 us a throw, nothing otherwise. A program linked
// without the option, a throw inside a shared libstdc++ and an exception made by
// std::make_exception_ptr() have no trace.
//
// Addresses become names only when someone asks, out of the symbol tables of the
// files on disk: .symtab, or .dynsym where a file was stripped.
//
// Thread-safety: all of it; each thread has its own traces.

#pragma once

#include <string>
#include <vector>

namespace mayfly::runtime {

// The frames of the exception that is being handled, innermost first, such as
// "orders::price(Order const&)+0x4f", or "/var/task/bootstrap+0x1a2b" where there
// is no name. Ends where the handler was called. Empty when it is not known, as
// for an exception that has been thrown before four others of this thread.
std::vector<std::string> current_exception_stack();

}  // namespace mayfly::runtime
