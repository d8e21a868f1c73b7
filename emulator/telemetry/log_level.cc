#include "emulator/telemetry/log_level.h"

#include <mayfly/json/value.h>

#include <algorithm>
#include <array>

#include "core/clock.h"
#include "emulator/json_check.h"

namespace mayfly::emulator {

namespace {

constexpr std::array<std::string_view, 6> kNames{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"};

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

}  // namespace

std::optional<LogLevel> parse_log_level(std::string_view word) {
  auto named = std::ranges::find_if(
      kNames, [&](std::string_view name) { return std::ranges::equal(name, word, {}, {}, upper); });
  if (named == kNames.end()) return std::nullopt;
  return static_cast<LogLevel>(named - kNames.begin());
}

std::string_view name_of(LogLevel level) { return kNames[static_cast<std::size_t>(level)]; }

LogLine read_log_line(std::string_view line) {
  if (!is_json_object(line)) return {};
  json::Document document;
  auto root = document.parse(line);
  if (!root) return {};
  std::optional<LogLevel> level;
  bool timed = false, stamped = false;
  (void)root->each_field([&](std::string_view name, json::Value& value) {
    std::string_view text;
    core::WallTime time;
    stamped |= name == "timestamp";
    if (name == "level" && value.get(text) == json::Status::ok) level = parse_log_level(text);
    if (name == "timestamp" && value.get(text) == json::Status::ok) timed = core::parse_rfc3339(text, time);
    return json::Status::ok;
  });
  return {timed && level ? *level : LogLevel::info, !stamped};
}

std::string with_timestamp(std::string_view line, std::string_view time) {
  line.remove_prefix(line.find('{') + 1);
  auto rest = line.find_first_not_of(" \t\r\n");
  std::string out = "{\"timestamp\":\"" + std::string(time) + "\"";
  if (line[rest] != '}') out += ',';
  return out.append(line.substr(rest));
}

}  // namespace mayfly::emulator
