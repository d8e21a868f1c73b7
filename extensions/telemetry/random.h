// Randomness from the kernel. std::random_device would do the same, but its code
// asks for a newer glibc than Amazon Linux 2023 has.

#pragma once

#include <cstdint>
#include <string>

namespace mayfly::telemetry {

std::uint64_t random_bits();

// A random (version 4) UUID: "f81d4fae-7dec-4...".
std::string random_uuid();

}  // namespace mayfly::telemetry
