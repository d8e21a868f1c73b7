// X-Ray's trace header as OpenTelemetry's trace context.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace mayfly::telemetry {

// What X-Ray's trace header is to our spans; see invocations.h.
enum class XRay : std::uint8_t { join, parent, off };

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
bool decode_id(std::string_view hex, std::span<char> out);

// An id of N bytes, or none. Holds no memory of its own.
template <std::size_t N>
class Id {
 public:
  // From N hexadecimal pairs; false, and it is none, when `hex` is not that or all zeros.
  bool decode(std::string_view hex) { return set_ = decode_id(hex, bytes_); }
  std::string_view bytes() const { return {bytes_.data(), set_ ? N : 0}; }

 private:
  std::array<char, N> bytes_;
  bool set_ = false;
};
using TraceId = Id<16>;
using SpanId = Id<8>;

}  // namespace mayfly::telemetry
