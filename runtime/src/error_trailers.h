// What tells Lambda that a streamed response has failed behind its first byte.
//
// The error's type, and its JSON in base64, are trailer fields of the request
// [A]. Readers made with Go's net/http, as the official emulator is, look for the
// end of all trailers within 4,096 bytes, so a long error is made shorter.
//
// [A] AWS Lambda Developer Guide, "Building a custom runtime", Response streaming
//     with a custom runtime, read 2026-11.

#pragma once

#include <string>
#include <string_view>

namespace mayfly::runtime {

// The value of the field `Trailer`, which announces them.
inline constexpr std::string_view kErrorTrailers =
    "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body";

// Both fields, each with its CR LF; at most 4,000 bytes. `error_json` is
// {"errorMessage":"...",...}: what is too long loses its stack trace, then the
// end of its message.
std::string error_trailers(std::string_view error_type, std::string_view error_json);

}  // namespace mayfly::runtime
