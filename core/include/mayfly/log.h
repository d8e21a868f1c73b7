// Log lines of functions, of extensions and of Mayfly itself, to standard
// error: one write a line, so that lines of threads never mix.
//
//   mayfly::log.info("pricing", {{"order", order.id}, {"total", total}});
//
// AWS_LAMBDA_LOG_FORMAT=JSON gives one JSON object a line, with Lambda's names;
// anything else gives text, tab-separated as managed runtimes write it:
//
//   {"timestamp":"2026-11-21T10:02:11.042Z","level":"INFO","requestId":"8f3c41d2-...",
//    "message":"pricing","order":"a1","total":19,"location":"orders.cc:12"}
//   2026-11-21T10:02:11.042Z  8f3c41d2-...  INFO  pricing order=a1 total=19
//
// requestId is the invocation's, tenantId too where a function has tenants, both
// absent outside of one; location is in JSON only. Fields named as one of these
// members are not checked for.
//
// AWS_LAMBDA_LOG_LEVEL (TRACE, DEBUG, INFO, WARN, ERROR, FATAL) drops what is
// below it; the default is INFO.
//
// Thread-safety: all of it.

#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>
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
  enum class Kind : std::uint8_t { text, integer, unsigned_integer, number, boolean, json };

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

  // A value that is JSON already, on one line: written as it is in both formats.
  static LogField json(std::string_view field, std::string_view value) {
    LogField made(field, value);
    made.kind = Kind::json;
    return made;
  }

  std::string_view name;
  Kind kind;
  std::string_view text;     // also JSON
  std::int64_t integer = 0;  // also booleans, and unsigned integers by their bits
  double number = 0;
  // Named only where a double is logged: formatting one brings 128 KB, most of
  // it tables, into a program.
  void (*write_number)(json::Writer&, double) = nullptr;

 private:
  static void write_double(json::Writer& writer, double value);
};

// Where a log call stands. Not std::source_location: each use of that is a table
// with two pointers, which the loader would adjust at every start.
struct LogLocation {
  const char* file;  // as the compiler was given it; lines have its last part. Null: not said.
  unsigned line;

  static constexpr LogLocation here(const char* file = __builtin_FILE(), unsigned line = __builtin_LINE()) {
    return {file, line};
  }
};

class Logger {
 public:
  using Fields = std::initializer_list<LogField>;
  using At = LogLocation;

  void trace(std::string_view m, Fields f = {}, At at = At::here()) const { write(LogLevel::trace, m, all(f), at); }
  void debug(std::string_view m, Fields f = {}, At at = At::here()) const { write(LogLevel::debug, m, all(f), at); }
  void info(std::string_view m, Fields f = {}, At at = At::here()) const { write(LogLevel::info, m, all(f), at); }
  void warn(std::string_view m, Fields f = {}, At at = At::here()) const { write(LogLevel::warn, m, all(f), at); }
  void error(std::string_view m, Fields f = {}, At at = At::here()) const { write(LogLevel::error, m, all(f), at); }
  void fatal(std::string_view m, Fields f = {}, At at = At::here()) const { write(LogLevel::fatal, m, all(f), at); }

  // True when a line of this level would be written.
  bool enabled(LogLevel level) const;
  // For fields that are put together at run time.
  void write(LogLevel level, std::string_view message, std::span<const LogField> fields, At at = At::here()) const;

 private:
  static std::span<const LogField> all(Fields fields) { return {fields.begin(), fields.size()}; }
};

inline constexpr Logger log;

// While one lives, the lines of its thread carry these ids, and what ends the
// thread is reported as that invocation's error. The runtime has one around each
// invocation. Threads that a handler starts have the ids of the one invocation
// that runs, but on Managed Instances, where there are several, they say whose
// they are:
//
//   std::jthread helper([&] {
//     mayfly::LogScope lines(context.request_id(), context.tenant_id());
//     ...
//   });
//
// Holds views, which outlive it. Scopes of one thread end in reverse order.
class LogScope {
 public:
  explicit LogScope(std::string_view request_id, std::string_view tenant_id = {});
  ~LogScope();
  LogScope(const LogScope&) = delete;
  LogScope& operator=(const LogScope&) = delete;

 private:
  std::string_view request_id_, tenant_id_;  // of the scope before
};

}  // namespace mayfly
