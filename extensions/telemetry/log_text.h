// What the text of a log line tells: its level, its time and the request it
// belongs to.

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/clock.h"

namespace mayfly::telemetry {

// SeverityNumber of OTLP: 1 .. 24, 0 when not known. `word` in any case: TRACE,
// DEBUG, INFO, WARN, WARNING, ERROR, FATAL, CRITICAL, and those of .NET: trce,
// dbug, fail, crit. A digit 2 .. 4 behind TRACE .. FATAL is OpenTelemetry's finer step.
std::uint8_t severity_number(std::string_view word);
inline constexpr std::uint8_t kInfo = 9, kWarn = 13, kError = 17;

struct TextLine {
  std::uint8_t severity = 0;
  std::string_view level;       // as written, without brackets; empty when there is none
  std::string_view request_id;  // empty when there is none
  std::optional<core::WallTime> time;
  std::string_view message;  // what is behind the fields above: all of the text when there are none
};

// Knows how managed runtimes, the loggers that come with them, and Lambda itself
// write [A]:
//   time TAB request-id TAB LEVEL TAB message            Node.js, .NET; mayfly::log
//   [LEVEL] TAB time TAB request-id TAB message          Python
//   [LEVEL] message                                      Python's uncaught exceptions, Java
//   date time request-id LEVEL class - message           Java, log4j2 as AWS documents it
//   L, [time #process]  LEVEL request-id -- name: text   Ruby
//   date time message                                    Go, package log
//   time=... level=LEVEL ...                             Go, slog's text and logfmt
//   RequestId: request-id Error: message                 Lambda
//   time request-id Task timed out after 3.00 seconds    Lambda
// The id may be empty, missing or "undefined", as it is in the Init phase.
// Anything else gives nothing.
//
// [A] The sources of AWS's runtime interface clients for Node.js, Python, Ruby,
//     Java and .NET; AWS Lambda Developer Guide, "Log and monitor Java Lambda
//     functions"; read 2026-11.
TextLine parse_text_line(std::string_view text);

}  // namespace mayfly::telemetry
