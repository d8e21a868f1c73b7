#include "extensions/telemetry/trace_context.h"

#include <algorithm>

namespace mayfly::telemetry {
namespace {

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

bool decode_id(std::string_view hex, std::span<char> out) {
  if (hex.size() != out.size() * 2) return false;
  int any = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<char>(high * 16 + low);
    any |= high | low;
  }
  return any != 0;
}

std::string decode_id(std::string_view hex, std::size_t bytes) {
  std::string out(bytes, '\0');
  return decode_id(hex, std::span(out)) ? out : std::string();
}

std::optional<TraceContext> parse_xray_header(std::string_view header) {
  TraceContext context;
  while (!header.empty()) {
    auto semicolon = std::min(header.find(';'), header.size());
    auto part = header.substr(0, semicolon);
    header.remove_prefix(std::min(semicolon + 1, header.size()));
    if (part.starts_with("Root=1-") && part.size() == 40 && part[15] == '-') {
      std::string hex(part.substr(7, 8));
      hex += part.substr(16);
      context.trace_id = decode_id(hex, 16);
    } else if (part.starts_with("Parent=")) {
      context.span_id = decode_id(part.substr(7), 8);
    } else if (part == "Sampled=1") {
      context.sampled = true;
    }
  }
  if (context.trace_id.empty()) return std::nullopt;
  return context;
}

}  // namespace mayfly::telemetry
