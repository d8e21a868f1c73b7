// Randomness from the kernel. std::random_device would do the same, but its code
// asks for a newer glibc than Amazon Linux 2023 has.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace mayfly::telemetry {

std::uint64_t random_bits();

// `bytes` random bytes (a multiple of 8) that are not all zero: the id of a trace or a span.
std::string random_id(std::size_t bytes);

// A random (version 4) UUID: "f81d4fae-7dec-4...".
std::string random_uuid();

}  // namespace mayfly::telemetry
