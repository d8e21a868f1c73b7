// Counts this thread's heap allocations, those of libraries included: a program
// that links allocation_count.cc has the malloc family of its own in front of
// glibc's. Not for sanitizer builds, which do the same.

#pragma once

#include <cstddef>

namespace mayfly::test {

// Since the thread began.
std::size_t allocation_count();

}  // namespace mayfly::test
