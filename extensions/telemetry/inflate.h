// Request bodies that come compressed, without the memory that a hostile one
// would take: a gzip of 4 MiB can hold 4 GiB of zeros.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/failure.h"

namespace mayfly::telemetry {

// The content of a gzip file [RFC 1952], of all members that it has.
// Errors: parse; out_of_range, when it has more than `limit_bytes` or is more than
// 200 times as long as what it comes from (and over 64 KiB): real telemetry packs
// to a fiftieth at best.
core::Outcome<std::string> gunzip(std::string_view compressed, std::size_t limit_bytes);

}  // namespace mayfly::telemetry
