#include "emulator/cli/toml_reader.h"

#include <mayfly/json/writer.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <set>
#include <utility>

namespace mayfly::emulator::cli {
namespace {

using Kind = TomlEntry::Kind;

bool is_bare(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool is_control(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }

void append_utf8(std::string& out, std::uint32_t code) {
  auto add = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) return add(code);
  if (code < 0x800) {
    add(0xC0 | code >> 6);
  } else if (code < 0x10000) {
    add(0xE0 | code >> 12);
    add(0x80 | (code >> 6 & 0x3F));
  } else {
    add(0xF0 | code >> 18);
    add(0x80 | (code >> 12 & 0x3F));
    add(0x80 | (code >> 6 & 0x3F));
  }
  add(0x80 | (code & 0x3F));
}

// "10", "-3", "1_000". Empty: it is none.
std::string decimal(std::string_view token) {
  std::string digits;
  for (std::size_t i = 0; i < token.size(); ++i) {
    char c = token[i];
    if (c == '+' && i == 0) continue;
    if (c == '_' && i > 0 && i + 1 < token.size() && token[i - 1] != '_' && token[i - 1] != '+' && token[i - 1] != '-')
      continue;
    digits += c;
  }
  std::int64_t value = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  bool whole = error == std::errc{} && end == digits.data() + digits.size();
  std::string_view unsigned_digits = std::string_view(digits).substr(digits.starts_with('-'));
  if (!whole || (unsigned_digits.size() > 1 && unsigned_digits[0] == '0')) return {};
  return std::to_string(value);
}

// The first fault ends it; until then every step has returned true.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
  }

  expected<std::vector<TomlSection>, TomlFault> read() {
    sections_.emplace_back();
    bool sound = json::is_utf8(text_) || fail("this is not UTF-8");
    while (sound && at_ < text_.size()) sound = read_line();
    if (!sound) return unexpected(std::move(fault_));
    if (sections_.front().entries.empty()) sections_.erase(sections_.begin());
    return std::move(sections_);
  }

 private:
  bool fail(std::string message) {
    auto before = text_.substr(0, std::min(at_, text_.size()));
    auto line_begin = before.rfind('\n') + 1;  // npos + 1 is 0
    fault_.line = 1 + static_cast<int>(std::ranges::count(before, '\n'));
    // A byte that continues a character is none.
    fault_.column = 1 + static_cast<int>(std::ranges::count_if(before.substr(line_begin), [](char c) {
                      return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
                    }));
    fault_.message = std::move(message);
    return false;
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\n'; }
  bool at_end() const { return at_ >= text_.size(); }
  bool take(std::string_view what) {
    if (!text_.substr(std::min(at_, text_.size())).starts_with(what)) return false;
    at_ += what.size();
    return true;
  }
  void skip_blanks() {
    while (!at_end() && (peek() == ' ' || peek() == '\t')) ++at_;
  }
  // Not counted anew for each entry: files of 16 MiB are read, too.
  int line() {
    line_ += static_cast<int>(std::ranges::count(text_.substr(counted_, at_ - counted_), '\n'));
    counted_ = at_;
    return line_;
  }

  bool end_line() {
    skip_blanks();
    if (peek() == '#') {
      while (!at_end() && peek() != '\n' && !(peek() == '\r' && text_.substr(at_).starts_with("\r\n"))) {
        if (is_control(peek())) return fail("a comment has a control character");
        ++at_;
      }
    }
    if (at_end() || take("\n") || take("\r\n")) return true;
    return fail("the line should end here");
  }

  bool read_line() {
    skip_blanks();
    if (at_end() || peek() == '#' || peek() == '\n' || peek() == '\r') return end_line();
    return (peek() == '[' ? read_header() : read_entry()) && end_line();
  }

  bool read_header() {
    auto begin = at_;
    TomlSection section;
    section.line = line();
    ++at_;
    if (peek() == '[') return fail("[[...]] is no section: there is one of each");
    for (bool first = true;; first = false) {
      std::string part;
      skip_blanks();
      if (!read_key(part)) return false;
      section.name += (first ? "" : ".") + part;
      skip_blanks();
      if (take("]")) break;
      if (!take(".")) return fail("expected ]");
    }
    if (section.name.empty()) return fail("a section has a name");
    if (!names_.insert(section.name).second) {
      at_ = begin;
      return fail("[" + section.name + "] stands there for the second time");
    }
    sections_.push_back(std::move(section));
    return true;
  }

  bool read_key(std::string& out) {
    if (peek() == '"' || peek() == '\'') {
      if (text_.substr(at_).starts_with("\"\"\"") || text_.substr(at_).starts_with("'''"))
        return fail("a key is in one line");
      return read_text(out);
    }
    while (is_bare(peek())) out += text_[at_++];
    return !out.empty() || fail("a key should stand here");
  }

  bool read_entry() {
    auto begin = at_;
    TomlEntry entry;
    entry.line = line();
    if (!read_key(entry.key)) return false;
    skip_blanks();
    bool dotted = take(".");
    while (!at_end() && dotted && peek() != '=' && peek() != '\n') ++at_;
    if (!take("=")) return fail("expected = behind the key");
    skip_blanks();
    if (!read_value(entry)) return false;
    if (dotted) {
      entry.kind = Kind::other;
      entry.values.clear();
    }
    auto& entries = sections_.back().entries;
    if (!dotted && !keys_.emplace(sections_.size(), entry.key).second) {
      at_ = begin;
      return fail(entry.key + " stands there for the second time");
    }
    entries.push_back(std::move(entry));
    return true;
  }

  bool read_value(TomlEntry& entry) {
    if (peek() == '[') return read_list(entry);
    return read_scalar(entry.kind, entry.values.emplace_back()) && (entry.kind != Kind::other || drop_values(entry));
  }
  static bool drop_values(TomlEntry& entry) {
    entry.values.clear();
    return true;
  }

  bool read_list(TomlEntry& entry) {
    ++at_;
    entry.kind = Kind::list;
    for (;;) {
      if (!skip_to_element()) return false;
      if (take("]")) return true;
      Kind kind{};
      std::string value;
      if (peek() == '[') return give_up(entry);
      if (!read_scalar(kind, value)) return false;
      if (kind != Kind::text && kind != Kind::number) return give_up(entry);
      entry.values.push_back(std::move(value));
      if (!skip_to_element()) return false;
      if (take("]")) return true;
      if (!take(",")) return fail("expected , or ]");
    }
  }

  // What it is beyond this line does not matter: it is refused.
  bool give_up(TomlEntry& entry) {
    entry.kind = Kind::other;
    entry.values.clear();
    at_ = text_.size();
    return true;
  }

  // Lists may go over lines, with comments.
  bool skip_to_element() {
    for (;;) {
      skip_blanks();
      if (at_end()) return fail("the list has no end");
      if (peek() != '\n' && peek() != '\r' && peek() != '#') return true;
      if (!end_line()) return false;
    }
  }

  bool read_scalar(Kind& kind, std::string& out) {
    if (peek() == '"' || peek() == '\'') {
      kind = Kind::text;
      return read_text(out);
    }
    auto begin = at_;
    while (!at_end() && std::string_view(" \t\r\n,#]").find(peek()) == std::string_view::npos) ++at_;
    auto token = text_.substr(begin, at_ - begin);
    if (token == "true" || token == "false") {
      kind = Kind::flag;
      out = token;
      return true;
    }
    if (auto number = decimal(token); !number.empty()) {
      kind = Kind::number;
      out = std::move(number);
      return true;
    }
    bool may_be_toml = !token.empty() && (is_bare(token[0]) || token[0] == '+' || token[0] == '{');
    if (!may_be_toml) {
      at_ = begin;
      return fail("a value should stand here");
    }
    // A date and its time, a table: up to the end of the line.
    kind = Kind::other;
    while (!at_end() && peek() != '\n') ++at_;
    return true;
  }

  bool read_text(std::string& out) {
    char quote = text_[at_];
    std::string three(3, quote);
    bool many_lines = take(three);
    if (!many_lines) ++at_;
    if (many_lines && !take("\n")) take("\r\n");
    for (;;) {
      if (at_end()) return fail("the text has no end");
      if (many_lines && take(three)) {
        for (int further = 0; further < 2 && peek() == quote && !at_end(); ++further) out += text_[at_++];
        return true;
      }
      char c = text_[at_];
      if (!many_lines && c == quote) {
        ++at_;
        return true;
      }
      bool new_line = c == '\n' || (c == '\r' && text_.substr(at_).starts_with("\r\n"));
      if (new_line && !many_lines) return fail("the text has no end in its line");
      if (is_control(c) && !new_line) return fail("a text has a control character");
      if (c == '\\' && quote == '"') {
        if (!read_escape(out, many_lines)) return false;
      } else if (new_line) {
        out += '\n';
        at_ += c == '\r' ? 2 : 1;
      } else {
        out += c;
        ++at_;
      }
    }
  }

  bool read_escape(std::string& out, bool many_lines) {
    ++at_;
    char c = peek();
    if (many_lines && (c == ' ' || c == '\t' || c == '\n' || c == '\r')) {
      skip_blanks();
      if (peek() != '\n' && peek() != '\r') return fail("no such escape");
      while (!at_end() && (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r')) ++at_;
      return true;
    }
    constexpr std::string_view kNames = "btnfr\"\\", kMeant = "\b\t\n\f\r\"\\";
    if (auto known = kNames.find(c); known != kNames.npos) {
      out += kMeant[known];
      ++at_;
      return true;
    }
    std::size_t digits = c == 'u' ? 4 : c == 'U' ? 8 : 0;
    auto hex = text_.substr(std::min(at_ + 1, text_.size()), digits);
    std::uint32_t code = 0;
    auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), code, 16);
    bool is_character = code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
    if (digits == 0 || hex.size() != digits || error != std::errc{} || end != hex.data() + hex.size() || !is_character)
      return fail("no such escape");
    append_utf8(out, code);
    at_ += 1 + digits;
    return true;
  }

  const std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 1;
  std::size_t counted_ = 0;
  std::vector<TomlSection> sections_;
  std::set<std::string> names_;
  std::set<std::pair<std::size_t, std::string>> keys_;  // with the number of their section
  TomlFault fault_;
};

}  // namespace

expected<std::vector<TomlSection>, TomlFault> read_toml(std::string_view text) { return Reader(text).read(); }

}  // namespace mayfly::emulator::cli
