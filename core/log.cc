#include <mayfly/log.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <mutex>
#include <span>
#include <string>

#include <mayfly/json/writer.h>

#include "core/clock.h"
#include "core/environment.h"
#include "core/log_scope.h"
#include "core/log_tap.h"

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

// Held while a line is written: the kernel keeps lines of threads apart up to
// PIPE_BUF (4,096 bytes) only, and a stack trace may be longer.
constinit std::mutex writing;

struct Ids {
  std::string_view request_id, tenant_id;
};
thread_local Ids of_thread;
constinit core::LogInvocation of_process;

thread_local core::LogTap* tap_of_thread = nullptr;
constinit core::LogTap* tap_of_process = nullptr;

core::LogInvocation invocation_of_thread() {
  core::LogInvocation own;
  own.request_id.set(of_thread.request_id);
  own.tenant_id.set(of_thread.tenant_id);
  return own;
}

void append_value(json::Writer& writer, const LogField& field) {
  switch (field.kind) {
    case LogField::Kind::text: writer.value(field.text); return;
    case LogField::Kind::integer: writer.value(field.integer); return;
    case LogField::Kind::unsigned_integer: writer.value(static_cast<std::uint64_t>(field.integer)); return;
    case LogField::Kind::number: field.write_number(writer, field.number); return;
    case LogField::Kind::boolean: writer.value(field.integer != 0); return;
    case LogField::Kind::json: writer.raw(field.text); return;
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

std::string text_line(LogLevel level, std::string_view message, std::span<const LogField> fields) {
  std::string line = core::rfc3339(core::wall_now());
  line += '\t';
  auto invocation = core::log_invocation();
  auto request_id = invocation.request_id.view();
  line.append(request_id).append(request_id.empty() ? "" : "\t");
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

void append_location(json::Writer& writer, LogLocation at) {
  std::string_view path(at.file);
  std::string text(path.substr(path.rfind('/') + 1));
  char digits[12];
  text.append(":").append(digits, std::to_chars(digits, digits + sizeof digits, at.line).ptr);
  writer.member("location", text);
}

std::string json_line(LogLevel level, std::string_view message, std::span<const LogField> fields, LogLocation at) {
  std::string line;
  json::Writer writer(line);
  writer.begin_object();
  writer.member("timestamp", core::rfc3339(core::wall_now()));
  writer.member("level", kNames[static_cast<std::size_t>(level)]);
  auto invocation = core::log_invocation();
  if (auto id = invocation.request_id.view(); !id.empty()) writer.member("requestId", id);
  if (auto id = invocation.tenant_id.view(); !id.empty()) writer.member("tenantId", id);
  writer.member("message", message);
  for (const auto& field : fields) {
    writer.key(field.name);
    append_value(writer, field);
  }
  if (at.file) append_location(writer, at);
  writer.end_object();
  line += '\n';
  return line;
}

void write_whole(std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t n = ::write(STDERR_FILENO, bytes.data(), bytes.size());
    if (n < 0 && errno != EINTR) return;
    if (n > 0) bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

}  // namespace

bool Logger::enabled(LogLevel level) const { return level >= settings().level; }

void Logger::write(LogLevel level, std::string_view message, std::span<const LogField> fields, At at) const {
  if (!enabled(level)) return;
  {
    std::lock_guard lock(writing);
    if (auto* tap = tap_of_thread ? tap_of_thread : tap_of_process) return tap->take(level, message, fields);
  }
  std::string line = settings().json ? json_line(level, message, fields, at) : text_line(level, message, fields);
  std::lock_guard lock(writing);
  write_whole(line);
}

LogScope::LogScope(std::string_view request_id, std::string_view tenant_id)
    : request_id_(of_thread.request_id), tenant_id_(of_thread.tenant_id) {
  of_thread = {request_id, tenant_id};
}

LogScope::~LogScope() { of_thread = {request_id_, tenant_id_}; }

namespace core {

void publish_log_invocation(std::string_view request_id, std::string_view tenant_id) {
  std::lock_guard lock(writing);
  of_process.request_id.set(request_id);
  of_process.tenant_id.set(tenant_id);
}

LogInvocation log_invocation() {
  if (!of_thread.request_id.empty()) return invocation_of_thread();
  std::lock_guard lock(writing);
  return of_process;
}

LogInvocation log_invocation_unlocked() { return of_thread.request_id.empty() ? of_process : invocation_of_thread(); }

LogTap::LogTap() : before_(tap_of_thread) {
  tap_of_thread = this;
  std::lock_guard lock(writing);
  if (!tap_of_process) tap_of_process = this;
}

LogTap::~LogTap() {
  tap_of_thread = before_;
  std::lock_guard lock(writing);
  if (tap_of_process == this) tap_of_process = before_;
}

std::string log_value(const LogField& field) {
  if (field.kind == LogField::Kind::text) return std::string(field.text);
  std::string text;
  json::Writer writer(text);
  append_value(writer, field);
  return text;
}

}  // namespace core

}  // namespace mayfly
