// Log lines of functions, of extensions and of Mayfly itself, to standard
// error: one write(2) a line, so that lines of threads never mix.
//
// AWS_LAMBDA_LOG_FORMAT=JSON gives one JSON object a line; anything else gives
// text, tab-separated as managed runtimes write it:
//
//   2026-11-21T10:02:11.042Z  8f3c41d2-...  INFO  pricing order=a1 total=19
//
// AWS_LAMBDA_LOG_LEVEL (TRACE, DEBUG, INFO, WARN, ERROR, FATAL) drops what is
// below it; the default is INFO.
//
// Thread-safety: all of it.

#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace mayfly {

namespace json {
class Writer;
}

enum class LogLevel : std::uint8_t { trace, debug, info, warn, error, fatal };

// A named value beside the message. Holds views: for use in the argument list of
// a log call, where they outlive it.
class LogField {
 public:
  enum class Kind : std::uint8_t { text, integer, unsigned_integer, number, boolean };

  LogField(std::string_view field, std::string_view value) : name(field), kind(Kind::text), text(value) {}
  LogField(std::string_view field, const char* value) : LogField(field, std::string_view(value)) {}
  LogField(std::string_view field, const std::string& value) : LogField(field, std::string_view(value)) {}
  LogField(std::string_view field, std::same_as<bool> auto value) : name(field), kind(Kind::boolean), integer(value) {}
  LogField(std::string_view field, std::signed_integral auto value)
      : name(field), kind(Kind::integer), integer(static_cast<std::int64_t>(value)) {}
  LogField(std::string_view field, std::unsigned_integral auto value)
    requires(!std::same_as<decltype(value), bool>)
      : name(field), kind(Kind::unsigned_integer), integer(static_cast<std::int64_t>(value)) {}
  LogField(std::string_view field, std::floating_point auto value)
      : name(field), kind(Kind::number), number(static_cast<double>(value)), write_number(&write_double) {}

  std::string_view name;
  Kind kind;
  std::string_view text;
  std::int64_t integer = 0;  // also booleans, and unsigned integers by their bits
  double number = 0;
  // Named only where a double is logged: formatting one brings 128 KB, most of
  // it tables, into a program.
  void (*write_number)(json::Writer&, double) = nullptr;

 private:
  static void write_double(json::Writer& writer, double value);
};

class Logger {
 public:
  using Fields = std::initializer_list<LogField>;

  void trace(std::string_view message, Fields fields = {}) const { write(LogLevel::trace, message, fields); }
  void debug(std::string_view message, Fields fields = {}) const { write(LogLevel::debug, message, fields); }
  void info(std::string_view message, Fields fields = {}) const { write(LogLevel::info, message, fields); }
  void warn(std::string_view message, Fields fields = {}) const { write(LogLevel::warn, message, fields); }
  void error(std::string_view message, Fields fields = {}) const { write(LogLevel::error, message, fields); }
  void fatal(std::string_view message, Fields fields = {}) const { write(LogLevel::fatal, message, fields); }

  // True when a line of this level would be written.
  bool enabled(LogLevel level) const;
  void write(LogLevel level, std::string_view message, Fields fields) const;
};

inline constexpr Logger log;

}  // namespace mayfly
