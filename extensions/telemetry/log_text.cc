#include "extensions/telemetry/log_text.h"

#include <algorithm>

namespace mayfly::telemetry {
namespace {

struct Level {
  std::string_view name;
  std::uint8_t number;
};
constexpr Level kLevels[] = {{"INFO", kInfo},  {"WARN", kWarn}, {"WARNING", kWarn}, {"ERROR", kError},
                             {"DEBUG", 5},     {"TRACE", 1},    {"FATAL", 21},      {"CRITICAL", 21},
                             {"FAIL", kError}, {"CRIT", 21},    {"DBUG", 5},        {"TRCE", 1}};
constexpr std::size_t kShortestLevel = 4, kLongestLevel = 8;

bool same_word(std::string_view word, std::string_view upper) {
  return word.size() == upper.size() && std::equal(word.begin(), word.end(), upper.begin(), [](char a, char b) {
           return (a >= 'a' && a <= 'z' ? a - 'a' + 'A' : a) == b;
         });
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// 8-4-4-4-12 hexadecimal digits.
bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    bool hex = is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (dash ? c != '-' : !hex) return false;
  }
  return true;
}

// "0000-00-00 00:00:00": a 0 of the pattern is any digit.
bool has_shape(std::string_view text, std::string_view pattern) {
  if (text.size() < pattern.size()) return false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '0' ? !is_digit(text[i]) : text[i] != pattern[i]) return false;
  }
  return true;
}

std::string_view trim_front(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  return text;
}

// Cuts the next word off, and the white space around it.
std::string_view take_word(std::string_view& text) {
  text = trim_front(text);
  auto word = text.substr(0, text.find_first_of(" \t"));
  text.remove_prefix(word.size());
  text = trim_front(text);
  return word;
}

bool take_level(std::string_view word, TextLine& line) {
  auto number = severity_number(word);
  if (number == 0) return false;
  line.severity = number;
  line.level = word;
  return true;
}

std::string_view in_brackets(std::string_view word) {
  return word.size() > 2 && word.front() == '[' && word.back() == ']' ? word.substr(1, word.size() - 2)
                                                                      : std::string_view();
}

// Fields with a tab behind each: a time, an id and a level in any order, but
// for a level without brackets, which comes behind the time.
bool read_tabs(std::string_view text, TextLine& line) {
  bool id_seen = false;
  for (int field = 0; field < 3; ++field) {
    auto tab = text.find('\t');
    if (tab == text.npos || tab > 64) break;
    auto word = text.substr(0, tab);
    auto bracketed = in_brackets(word);
    core::WallTime time;
    if (line.level.empty() && (line.time || !bracketed.empty()) &&
        take_level(bracketed.empty() ? word : bracketed, line)) {
    } else if (!line.time && core::parse_rfc3339(word, time)) {
      line.time = time;
    } else if (line.time && !id_seen && (word.empty() || word == "undefined" || is_uuid(word))) {
      id_seen = true;
      if (word.size() == 36) line.request_id = word;
    } else {
      break;
    }
    text.remove_prefix(tab + 1);
  }
  if (!line.time) return false;
  line.message = text;
  return true;
}

// [LEVEL] message
bool read_brackets(std::string_view text, TextLine& line) {
  auto end = text.find(']');
  if (end == text.npos || end > kLongestLevel + 1 || !take_level(text.substr(1, end - 1), line)) return false;
  line.message = trim_front(text.substr(end + 1));
  return true;
}

// 2026-11-21 10:02:11[.123] request-id LEVEL ...
bool read_log4j(std::string_view text, TextLine& line) {
  if (!has_shape(text, "0000-00-00 00:00:00")) return false;
  text.remove_prefix(std::min(text.find(' ', 19), text.size()));
  auto rest = text;
  auto word = take_word(rest);
  if (is_uuid(word)) {
    line.request_id = word;
    text = rest;
    word = take_word(rest);
  }
  auto bracketed = in_brackets(word);
  if (take_level(bracketed.empty() ? word : bracketed, line)) text = rest;
  if (line.request_id.empty() && line.level.empty()) return false;
  line.message = trim_front(text);
  return true;
}

// I, [2026-11-21T10:02:11.042123 #8]  INFO request-id -- name: message
bool read_ruby(std::string_view text, TextLine& line) {
  auto bracket = text.find("] ");
  if (bracket == text.npos || bracket > 64) return false;
  text.remove_prefix(bracket + 2);
  auto word = take_word(text);
  if (!take_level(word, line) && word != "ANY") return false;
  auto rest = text;
  if (word = take_word(rest); is_uuid(word)) {
    line.request_id = word;
    text = rest;
  }
  auto colon = text.find(": ");
  line.message = text.starts_with("-- ") && colon != text.npos ? text.substr(colon + 2) : text;
  return true;
}

// The value of level= in the first few fields.
bool read_logfmt(std::string_view text, TextLine& line) {
  constexpr std::string_view kKey = "level=";
  auto at = text.substr(0, 128).find(kKey);
  if (at == text.npos || (at > 0 && text[at - 1] != ' ')) return false;
  auto word = text.substr(at + kKey.size());
  word = word.substr(0, word.find(' '));
  if (word.size() > 2 && word.front() == '"' && word.back() == '"') word = word.substr(1, word.size() - 2);
  line.message = text;
  return take_level(word, line);
}

// "RequestId: id ", behind `before` if any.
bool read_lambda(std::string_view text, std::string_view before, TextLine& line) {
  constexpr std::string_view kKey = "RequestId: ";
  text.remove_prefix(before.size());
  if (!text.starts_with(kKey)) return false;
  text.remove_prefix(kKey.size());
  auto word = text.substr(0, text.find_first_of(" \t\r\n"));
  if (!is_uuid(word)) return false;
  line.request_id = word;
  text = trim_front(text.substr(word.size()));
  if (text.starts_with("Error: ")) take_level(text.substr(0, 5), line);
  return true;
}

// time request-id Task timed out after 3.00 seconds
bool read_timeout(std::string_view text, TextLine& line) {
  core::WallTime time;
  auto word = take_word(text);
  if (!core::parse_rfc3339(word, time)) return false;
  word = take_word(text);
  if (!is_uuid(word) || !text.starts_with("Task timed out after ")) return false;
  line.time = time;
  line.request_id = word;
  line.severity = kError;  // the line has no word for it
  return true;
}

bool read_line(std::string_view text, TextLine& line) {
  switch (text.empty() ? '\0' : text.front()) {
    case '[': return read_tabs(text, line) || read_brackets(text, line);
    case 'D':
    case 'I':
    case 'W':
    case 'E':
    case 'F':
    case 'A':
      return text.substr(1).starts_with(", [") ? read_ruby(text, line)
                                               : read_lambda(text, text.starts_with("END ") ? "END " : "", line);
    case 'R': return read_lambda(text, text.starts_with("REPORT ") ? "REPORT " : "", line);
    case 'S': return text.starts_with("START ") && read_lambda(text, "START ", line);
    case 't':
    case 'l': return (text.starts_with("time=") || text.starts_with("level=")) && read_logfmt(text, line);
    default: break;
  }
  if (text.empty() || !is_digit(text.front())) return false;
  if (has_shape(text, "0000/00/00 00:00:00")) {
    line.message = trim_front(text.substr(19, text.npos));
    if (line.message.starts_with('.'))
      line.message = trim_front(line.message.substr(std::min(line.message.find(' '), line.message.size())));
    return true;
  }
  return read_tabs(text, line) || read_log4j(text, line) || read_timeout(text, line);
}

}  // namespace

std::uint8_t severity_number(std::string_view word) {
  std::uint8_t step = 0;
  if (!word.empty() && word.back() >= '2' && word.back() <= '4') {
    step = static_cast<std::uint8_t>(word.back() - '1');
    word.remove_suffix(1);
  }
  if (word.size() < kShortestLevel || word.size() > kLongestLevel) return 0;
  for (const auto& level : kLevels) {
    if (same_word(word, level.name)) return static_cast<std::uint8_t>(level.number + step);
  }
  return 0;
}

TextLine parse_text_line(std::string_view text) {
  TextLine line;
  line.message = text;
  if (read_line(text, line)) return line;
  line = TextLine{};
  line.message = text;
  return line;
}

}  // namespace mayfly::telemetry
