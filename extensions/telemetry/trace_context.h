// X-Ray's trace header as OpenTelemetry's trace context.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace mayfly::telemetry {

struct TraceContext {
  std::string trace_id;  // 16 bytes
  std::string span_id;   // 8 bytes, or empty
  bool sampled = false;
};

// "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1":
// the trace id is Root without its version and dashes. Empty when Root is not so.
std::optional<TraceContext> parse_xray_header(std::string_view header);

// The bytes of exactly `bytes` hexadecimal pairs; empty when `hex` is not that,
// or all zeros (which OpenTelemetry calls invalid).
std::string decode_id(std::string_view hex, std::size_t bytes);

}  // namespace mayfly::telemetry
