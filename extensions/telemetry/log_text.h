// What the text of a log line tells: its level and the request it belongs to.

#pragma once

#include <cstdint>
#include <string_view>

namespace mayfly::telemetry {

// SeverityNumber of OTLP: 1 .. 24, 0 when not known. `word` in any case: TRACE,
// DEBUG, INFO, WARN, WARNING, ERROR, FATAL, CRITICAL.
std::uint8_t severity_number(std::string_view word);
inline constexpr std::uint8_t kInfo = 9, kWarn = 13, kError = 17;

struct TextLine {
  std::string_view level;       // as written, without brackets; empty when there is none
  std::string_view request_id;  // empty when there is none
};

// Knows the two forms in which managed runtimes (and mayfly::log) write:
//   time TAB request-id TAB LEVEL TAB message      Node.js; the id may be missing
//   [LEVEL] TAB time TAB request-id TAB message    Python
// Anything else gives nothing.
TextLine parse_text_line(std::string_view text);

}  // namespace mayfly::telemetry
