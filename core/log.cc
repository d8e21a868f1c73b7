#include <mayfly/log.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

#include <mayfly/json/writer.h>

#include "core/clock.h"
#include "core/environment.h"
#include "core/log_scope.h"

namespace mayfly {
namespace {

constexpr std::array<std::string_view, 6> kNames{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"};

struct Settings {
  bool json;
  LogLevel level = LogLevel::info;
};

bool equals_upper(std::string_view text, std::string_view upper) {
  return std::ranges::equal(text, upper,
                            [](char a, char b) { return (a >= 'a' && a <= 'z' ? a - 'a' + 'A' : a) == b; });
}

// Read at the first line: no work before it, and no global constructor.
const Settings& settings() {
  static const Settings read = [] {
    Settings s{equals_upper(core::env_or("AWS_LAMBDA_LOG_FORMAT", ""), "JSON")};
    auto level = core::env_or("AWS_LAMBDA_LOG_LEVEL", "");
    for (std::size_t i = 0; i < kNames.size(); ++i) {
      if (equals_upper(level, kNames[i])) s.level = static_cast<LogLevel>(i);
    }
    return s;
  }();
  return read;
}

thread_local std::string_view request_id;

void append_value(json::Writer& writer, const LogField& field) {
  switch (field.kind) {
    case LogField::Kind::text: writer.value(field.text); return;
    case LogField::Kind::integer: writer.value(field.integer); return;
    case LogField::Kind::unsigned_integer: writer.value(static_cast<std::uint64_t>(field.integer)); return;
    case LogField::Kind::number: field.write_number(writer, field.number); return;
    case LogField::Kind::boolean: writer.value(field.integer != 0); return;
  }
}

// A text line must stay one line and its fields must stay apart: values that
// hold a space, '=' or quotes, or control bytes, are written as JSON strings.
void append_text_value(std::string& line, const LogField& field) {
  bool plain = !field.text.empty() && std::ranges::none_of(field.text, [](unsigned char c) {
    return c <= ' ' || c == '=' || c == '"' || c == 0x7f;
  });
  if (field.kind == LogField::Kind::text && plain) {
    line += field.text;
    return;
  }
  json::Writer writer(line);
  append_value(writer, field);
}

std::string text_line(LogLevel level, std::string_view message, Logger::Fields fields) {
  std::string line = core::rfc3339(core::wall_now());
  line += '\t';
  line += request_id;
  line += request_id.empty() ? "" : "\t";
  line += kNames[static_cast<std::size_t>(level)];
  line += '\t';
  // Lambda ends a log event at a newline; a carriage return keeps the event whole.
  for (char c : message) line += c == '\n' ? '\r' : c;
  for (const auto& field : fields) {
    line += ' ';
    line += field.name;
    line += '=';
    append_text_value(line, field);
  }
  line += '\n';
  return line;
}

std::string json_line(LogLevel level, std::string_view message, Logger::Fields fields) {
  std::string line;
  json::Writer writer(line);
  writer.begin_object();
  writer.member("timestamp", core::rfc3339(core::wall_now()));
  writer.member("level", kNames[static_cast<std::size_t>(level)]);
  if (!request_id.empty()) writer.member("requestId", request_id);
  writer.member("message", message);
  for (const auto& field : fields) {
    writer.key(field.name);
    append_value(writer, field);
  }
  writer.end_object();
  line += '\n';
  return line;
}

}  // namespace

bool Logger::enabled(LogLevel level) const { return level >= settings().level; }

void Logger::write(LogLevel level, std::string_view message, Fields fields) const {
  if (!enabled(level)) return;
  std::string line = settings().json ? json_line(level, message, fields) : text_line(level, message, fields);
  // One write: the kernel keeps it in one piece in a pipe up to PIPE_BUF, and
  // longer ones apart from other threads' as long as nothing interrupts it.
  std::string_view left = line;
  while (!left.empty()) {
    ssize_t n = ::write(STDERR_FILENO, left.data(), left.size());
    if (n < 0 && errno != EINTR) return;
    if (n > 0) left.remove_prefix(static_cast<std::size_t>(n));
  }
}

namespace core {
void set_log_request_id(std::string_view id) { request_id = id; }
}  // namespace core

}  // namespace mayfly
