#include "runtime/src/xray_cause.h"

#include <cstdint>

#include <mayfly/json/writer.h>

namespace mayfly::runtime {
namespace {

constexpr std::size_t kMaxTextBytes = 4'096;
constexpr std::size_t kMaxFrames = 32;
constexpr std::size_t kMaxExceptions = 9;  // the error, and eight causes
// One exception without its stack, or one frame, when its texts are as long as
// they may be; and the brackets at the end.
constexpr std::size_t kLargestItem = 2 * (kMaxTextBytes + 64);

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

void append_unit(std::string& out, unsigned unit) {
  constexpr char kHex[] = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kHex[unit >> shift & 15];
}

// Reads the error's JSON from left to right. Works on the text: a parser would be
// the largest thing in a program that needs none.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : left_(text) {}

  bool take(std::string_view expected) {
    if (!left_.starts_with(expected)) return false;
    left_.remove_prefix(expected.size());
    return true;
  }
  bool at_end() const { return left_.empty(); }

  // A string of JSON, as the inside of one in ASCII; what is longer than
  // kMaxTextBytes loses its end.
  bool take_string(std::string& out) {
    out.clear();
    if (!take("\"")) return false;
    while (!take("\"")) {
      bool fits = out.size() + 12 <= kMaxTextBytes;
      character_.clear();
      if (!take_character()) return false;
      if (fits) out += character_;
    }
    return true;
  }

 private:
  bool take_character() {
    if (left_.empty()) return false;
    auto c = static_cast<unsigned char>(left_[0]);
    if (c < 0x20) return false;
    if (c == '\\') return take_escape();
    if (c >= 0x80) return take_sequence();
    if (c == 0x7f) {
      append_unit(character_, c);
    } else {
      character_ += left_[0];
    }
    left_.remove_prefix(1);
    return true;
  }

  bool take_escape() {
    if (left_.size() < 2) return false;
    std::size_t size = 2;
    if (left_[1] == 'u') {
      size = 6;
      if (left_.size() < size) return false;
      for (char c : left_.substr(2, 4)) {
        if (!is_hex(c)) return false;
      }
    } else if (std::string_view("\"\\/bfnrt").find(left_[1]) == std::string_view::npos) {
      return false;
    }
    character_ = left_.substr(0, size);
    left_.remove_prefix(size);
    return true;
  }

  // UTF-8 of two to four bytes, as one or two units of UTF-16.
  bool take_sequence() {
    auto byte = [&](std::size_t i) { return static_cast<unsigned char>(left_[i]); };
    std::size_t size = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
    if (byte(0) < 0xc0 || left_.size() < size) return false;
    std::uint32_t point = byte(0) & (0xffu >> (size + 1));
    for (std::size_t i = 1; i < size; ++i) {
      if ((byte(i) & 0xc0) != 0x80) return false;
      point = point << 6 | (byte(i) & 0x3fu);
    }
    constexpr std::uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (point < kSmallest[size] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return false;
    if (point > 0xffff) {
      append_unit(character_, 0xd800 + ((point - 0x10000) >> 10));
      append_unit(character_, 0xdc00 + ((point - 0x10000) & 0x3ff));
    } else {
      append_unit(character_, point);
    }
    left_.remove_prefix(size);
    return true;
  }

  std::string_view left_;
  std::string character_;
};

// "f() (bootstrap+0x1)" and "bootstrap+0x1" are a label and a path, a path alone;
// anything else is a label.
void append_frame(std::string& out, std::string_view frame) {
  std::string_view label = frame, path;
  auto place = frame.rfind(" (");
  if (place != frame.npos && frame.ends_with(")") && frame.find("+0x", place) != frame.npos) {
    label = frame.substr(0, place);
    path = frame.substr(place + 2, frame.size() - place - 3);
  } else if (frame.find(' ') == frame.npos && frame.find("+0x") != frame.npos) {
    label = {};
    path = frame;
  }
  out.append(R"({"path":")").append(path).append(R"(","line":0,"label":")").append(label).append("\"}");
}

bool has_room(const std::string& out) { return out.size() + kLargestItem <= kMaxCauseBytes; }

// Takes the error and its causes up to the first '}'. Their number, or 0.
std::size_t append_exceptions(std::string& out, Cursor& error) {
  std::string message, type, frame;
  for (std::size_t i = 0; i < kMaxExceptions; ++i) {
    if (!error.take(R"({"errorMessage":)") || !error.take_string(message) || !error.take(R"(,"errorType":)") ||
        !error.take_string(type) || !error.take(R"(,"stackTrace":[)")) {
      return 0;
    }
    bool wanted = has_room(out), more = wanted;
    if (wanted) {
      out.append(i == 0 ? "" : ",").append(R"({"type":")").append(type).append(R"(","message":")").append(message);
      out.append(R"(","stack":[)");
    }
    for (std::size_t frames = 0; !error.take("]"); ++frames) {
      if ((frames > 0 && !error.take(",")) || !error.take_string(frame)) return 0;
      more = more && frames < kMaxFrames && has_room(out);
      if (more) append_frame(out.append(frames == 0 ? "" : ","), frame);
    }
    if (wanted) out += "]}";
    if (!error.take(R"(,"cause":)")) return i + 1;
  }
  return 0;
}

}  // namespace

std::string xray_cause(std::string_view error_json, std::string_view working_directory) {
  std::string directory_json, directory;
  json::append_string(directory_json, working_directory);
  if (!Cursor(directory_json).take_string(directory)) return {};

  std::string out = R"({"working_directory":")";
  out.append(directory).append(R"(","exceptions":[)");
  Cursor error(error_json);
  auto braces = append_exceptions(out, error);
  if (braces == 0) return {};
  for (; braces > 0; --braces) {
    if (!error.take("}")) return {};
  }
  if (!error.at_end()) return {};
  return out.append(R"(],"paths":[]})");
}

}  // namespace mayfly::runtime
