#include "emulator/cli/json_text.h"

#include <algorithm>

#include <mayfly/json/writer.h>

namespace mayfly::emulator::cli {
namespace {

constexpr int kDeepest = 512;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// Recursive descent that builds nothing. Each function leaves at_ behind what
// it has read, or at the offending byte with message_ set.
class Checker {
 public:
  explicit Checker(std::string_view text) : text_(text) {}

  bool check() {
    if (!json::is_utf8(text_)) return fail_at(first_bad_byte(), "not UTF-8");
    if (!value(0)) return false;
    skip_space();
    return at_ == text_.size() || fail("expected the end");
  }
  std::size_t at() const { return at_; }
  const char* message() const { return message_; }

 private:
  bool fail(const char* message) {
    message_ = message;
    return false;
  }
  bool fail_at(std::size_t at, const char* message) {
    at_ = at;
    return fail(message);
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void skip_space() {
    while (at_ < text_.size() && (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r')) ++at_;
  }

  bool value(int depth) {
    skip_space();
    if (depth > kDeepest) return fail("nested more than 512 deep");
    switch (peek()) {
      case '{': return object(depth);
      case '[': return array(depth);
      case '"': return string();
      case 't': return word("true");
      case 'f': return word("false");
      case 'n': return word("null");
      case '\'': return fail("expected a value; JSON's quotes are \"");
      default: return is_digit(peek()) || peek() == '-' ? number() : fail("expected a value");
    }
  }

  bool object(int depth) {
    ++at_;
    skip_space();
    if (peek() == '}') return ++at_, true;
    for (;;) {
      skip_space();
      if (peek() != '"') return fail("expected a name in \"quotes\"");
      if (!string()) return false;
      skip_space();
      if (peek() != ':') return fail("expected ':'");
      ++at_;
      if (!value(depth + 1)) return false;
      skip_space();
      if (peek() == '}') return ++at_, true;
      if (peek() != ',') return fail("expected ',' or '}'");
      ++at_;
    }
  }

  bool array(int depth) {
    ++at_;
    skip_space();
    if (peek() == ']') return ++at_, true;
    for (;;) {
      if (!value(depth + 1)) return false;
      skip_space();
      if (peek() == ']') return ++at_, true;
      if (peek() != ',') return fail("expected ',' or ']'");
      ++at_;
    }
  }

  bool string() {
    ++at_;
    for (;;) {
      if (at_ == text_.size()) return fail("the string does not end");
      char c = text_[at_];
      if (c == '"') return ++at_, true;
      if (static_cast<unsigned char>(c) < 0x20) return fail("a control byte inside a string must be escaped");
      if (c != '\\') {
        ++at_;
        continue;
      }
      ++at_;
      if (peek() == 'u') {
        for (int i = 0; i < 4; ++i) {
          ++at_;
          if (!is_hex(peek())) return fail("expected four hex digits behind \\u");
        }
      } else if (std::string_view("\"\\/bfnrt").find(peek()) == std::string_view::npos || peek() == '\0') {
        return fail("unknown escape in a string");
      }
      ++at_;
    }
  }

  bool digits() {
    if (!is_digit(peek())) return fail("expected a digit");
    while (is_digit(peek())) ++at_;
    return true;
  }

  bool number() {
    if (peek() == '-') ++at_;
    if (peek() == '0') {
      ++at_;
      if (is_digit(peek())) return fail("a number cannot begin with 0");
    } else if (!digits()) {
      return false;
    }
    if (peek() == '.') {
      ++at_;
      if (!digits()) return false;
    }
    if (peek() == 'e' || peek() == 'E') {
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      if (!digits()) return false;
    }
    return true;
  }

  bool word(std::string_view expected) {
    if (text_.substr(at_, expected.size()) != expected) return fail("expected a value");
    at_ += expected.size();
    return true;
  }

  std::size_t first_bad_byte() const {
    std::size_t good = 0, bad = text_.size();  // the longest prefix that is UTF-8 ends between them
    while (good + 1 < bad) {
      std::size_t middle = good + (bad - good) / 2, end = middle;
      // A prefix may end inside a character: look from its start.
      while (end > good && (static_cast<unsigned char>(text_[end]) & 0xC0) == 0x80 && middle - end < 3) --end;
      if (end == good) break;
      (json::is_utf8(text_.substr(0, end)) ? good : bad) = end;
    }
    return good;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  const char* message_ = "";
};

int characters(std::string_view text) {
  return static_cast<int>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace

std::optional<JsonFault> find_json_fault(std::string_view text) {
  Checker checker(text);
  if (checker.check()) return std::nullopt;
  JsonFault fault;
  fault.offset = checker.at();
  auto before = text.substr(0, fault.offset);
  auto line_begin = before.rfind('\n') + 1;  // npos + 1 is 0
  fault.line = 1 + static_cast<int>(std::ranges::count(before, '\n'));
  fault.column = 1 + characters(before.substr(line_begin));
  fault.message = checker.message();
  return fault;
}

std::string caret_text(std::string_view text, const JsonFault& fault, int width) {
  auto line_begin = text.substr(0, fault.offset).rfind('\n') + 1;
  auto line = text.substr(line_begin, text.find('\n', line_begin) - line_begin);
  auto column = fault.offset - line_begin;
  // Of a long line the part around the fault.
  const auto room = static_cast<std::size_t>(std::max(20, width));
  std::size_t from = column > room * 3 / 4 ? column - room / 2 : 0;
  while (from > 0 && (static_cast<unsigned char>(line[from]) & 0xC0) == 0x80) --from;
  std::string shown(line.substr(from, room));
  std::size_t carets_at = static_cast<std::size_t>(characters(line.substr(from, column - from)));
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return shown + "\n" + std::string(carets_at, ' ') + "^";
}

std::string laid_out(std::string_view text) {
  std::string out;
  std::size_t depth = 0;
  auto new_line = [&] { (out += '\n').append(depth * 2, ' '); };
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '"') {
      std::size_t begin = i++;
      for (; text[i] != '"'; ++i) {
        if (text[i] == '\\') ++i;
      }
      out += text.substr(begin, i + 1 - begin);
    } else if (c == '{' || c == '[') {
      out += c;
      auto next = text.find_first_not_of(" \t\r\n", i + 1);
      if (text[next] == '}' || text[next] == ']') {
        out += text[next];
        i = next;
        continue;
      }
      ++depth;
      new_line();
    } else if (c == '}' || c == ']') {
      --depth;
      new_line();
      out += c;
    } else if (c == ',') {
      out += c;
      new_line();
    } else if (c == ':') {
      out += ": ";
    } else if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
      out += c;
    }
  }
  return out;
}

}  // namespace mayfly::emulator::cli
