// Names of functions from their addresses, read from the ELF files on disk.
//
// dladdr(3) sees exported functions only, and a program exports none. The full
// table .symtab is not loaded into memory, so it is read from the file; a few
// dozen microseconds, on the way of an error only. Release builds keep it
// (strip --strip-debug).
//
// Nothing is allocated, so that a signal handler can ask, too.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace mayfly::runtime {

// Of one frame; a longer name loses its end.
inline constexpr std::size_t kMaxFrameBytes = 512;

// "orders::price(Order const&) (bootstrap+0x1a2b)": the function, and the file
// with the offset in it, for addr2line(1). "bootstrap+0x1a2b" without a symbol,
// "0x7f..." outside of every file. Returns a part of `out`.
//
// Async-signal-safe, but for the name of a C++ function in a program that links
// libstdc++ as a shared library: that comes mangled when `in_signal` is set.
std::string_view frame_text(std::uintptr_t address, std::span<char, kMaxFrameBytes> out, bool in_signal = false);

// True when the address lies in the code of the program or of a library.
bool is_code(std::uintptr_t address);

}  // namespace mayfly::runtime
