// Levels of log lines, and which lines of a function Lambda keeps: with the JSON
// format those not below a level; with the text format all [A].
//
// [A] AWS Lambda Developer Guide, "Configuring advanced logging controls", read
//     2026-11.

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mayfly::emulator {

enum class LogLevel { trace, debug, info, warn, error, fatal };

// "INFO" in any case.
std::optional<LogLevel> parse_log_level(std::string_view word);
// "INFO".
std::string_view name_of(LogLevel level);

// A line that a function wrote, as Lambda reads it.
struct LogLine {
  // What its member "level" says, when it is a JSON object that has it and a
  // "timestamp" of RFC 3339. All else is INFO.
  LogLevel level = LogLevel::info;
  bool lacks_timestamp = false;  // a JSON object without that member
};
LogLine read_log_line(std::string_view line);

// The same with the timestamp that Lambda adds to a line that lacks it.
std::string with_timestamp(std::string_view line, std::string_view time);

}  // namespace mayfly::emulator
