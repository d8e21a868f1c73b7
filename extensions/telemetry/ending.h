// How an invocation, or the start of an environment, ended: one reading of the
// words that Lambda has for it, for spans and metrics alike.

#pragma once

#include <mayfly/telemetry_record.h>

#include <cstdint>
#include <string_view>

namespace mayfly::telemetry {

struct Ending {
  enum class Kind : std::uint8_t { success, error, timeout, out_of_memory };
  Kind kind = Kind::success;
  std::string_view error_type;  // for `error.type`; empty after a success
};

// `status`: success, failure, error, timeout; a word that is not known is an
// error. `out_of_memory`: a line said so (see out_of_memory_line).
Ending read_ending(std::string_view status, std::string_view error_type, bool out_of_memory = false);

// A process that was killed when all memory was in use was killed for it, even
// where the error type says only that it exited.
Ending read_ending(const extension::RuntimeDone& done, bool out_of_memory);
Ending read_ending(const extension::Report& report, bool out_of_memory);

// "RequestId: <id> Error: Runtime exited with error: signal: killed": the kernel
// took the process down. Gives the request id; empty for any other line.
std::string_view out_of_memory_line(std::string_view text);

}  // namespace mayfly::telemetry
