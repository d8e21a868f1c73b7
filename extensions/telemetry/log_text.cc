#include "extensions/telemetry/log_text.h"

#include <algorithm>

#include "core/clock.h"

namespace mayfly::telemetry {
namespace {

struct Level {
  std::string_view name;
  std::uint8_t number;
};
constexpr Level kLevels[] = {{"INFO", kInfo}, {"WARN", kWarn}, {"WARNING", kWarn}, {"ERROR", kError},
                             {"DEBUG", 5},    {"TRACE", 1},    {"FATAL", 21},      {"CRITICAL", 21}};

bool same_word(std::string_view word, std::string_view upper) {
  return std::ranges::equal(word, upper,
                            [](char a, char b) { return (a >= 'a' && a <= 'z' ? a - 'a' + 'A' : a) == b; });
}

// 8-4-4-4-12 hexadecimal digits.
bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (dash ? c != '-' : !hex) return false;
  }
  return true;
}

}  // namespace

std::uint8_t severity_number(std::string_view word) {
  for (const auto& level : kLevels) {
    if (same_word(word, level.name)) return level.number;
  }
  return 0;
}

TextLine parse_text_line(std::string_view text) {
  TextLine line;
  bool timed = false;
  for (int field = 0; field < 3; ++field) {
    auto tab = text.find('\t');
    if (tab == text.npos) break;
    auto word = text.substr(0, tab);
    text.remove_prefix(tab + 1);
    bool brackets = word.size() > 2 && word.front() == '[' && word.back() == ']';
    auto level = brackets ? word.substr(1, word.size() - 2) : word;
    core::WallTime time;
    if (line.level.empty() && (timed || brackets) && severity_number(level) != 0) {
      line.level = level;
    } else if (!timed && core::parse_rfc3339(word, time)) {
      timed = true;
    } else if (timed && line.request_id.empty() && is_uuid(word)) {
      line.request_id = word;
    } else {
      break;
    }
  }
  return timed ? line : TextLine{};
}

}  // namespace mayfly::telemetry
