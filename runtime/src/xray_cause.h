// What X-Ray is told about a failed invocation: the value of the header field
// Lambda-Runtime-Function-XRay-Error-Cause [A], made from the error's own JSON.
// Errors come from shared objects, too, where that text is all there is.
//
// | {"errorMessage":M,"errorType":T,"stackTrace":["f() (bootstrap+0x1)"],"cause":{...}} becomes   |
// | {"working_directory":"/var/task","exceptions":[{"type":T,"message":M,                         |
// |   "stack":[{"path":"bootstrap+0x1","line":0,"label":"f()"}]},{the cause},...],"paths":[]}    |
//
// X-Ray would keep 64 KiB of it. A field of a request has one line, and not all
// that read it take more than ASCII.
//
// [A] AWS Lambda Developer Guide, "Using the Lambda runtime API", Invocation error,
//     and AWS's runtime interface clients for Go and Node.js, read 2026-11.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mayfly::runtime {

inline constexpr std::size_t kMaxCauseBytes = 32 * 1024;

// Valid JSON of ASCII without line breaks, at most kMaxCauseBytes: long texts lose
// their ends, then frames and causes are left out. Empty when `error_json` is not
// in the form above, member by member: then X-Ray is told nothing.
std::string xray_cause(std::string_view error_json, std::string_view working_directory);

}  // namespace mayfly::runtime
