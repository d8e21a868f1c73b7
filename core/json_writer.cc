#include <simdjson.h>
#include <array>
#include <charconv>
#include <cstring>

#include <mayfly/json/writer.h>

namespace mayfly::json {
namespace {

// Bytes that pass as they are: printable ASCII without '"' and '\'.
constexpr auto kPlain = [] {
  std::array<bool, 256> plain{};
  for (int c = 0x20; c < 0x80; ++c) plain[static_cast<std::size_t>(c)] = c != '"' && c != '\\';
  return plain;
}();

// The same of eight bytes at once.
bool all_plain(const unsigned char* bytes) {
  constexpr std::uint64_t kOnes = 0x0101010101010101, kHigh = 0x8080808080808080;
  std::uint64_t eight;
  std::memcpy(&eight, bytes, sizeof eight);
  auto has_zero = [](std::uint64_t x) { return (x - kOnes) & ~x; };  // in the high bits
  std::uint64_t control = (eight - 0x20 * kOnes) & ~eight;
  std::uint64_t special = has_zero(eight ^ ('"' * kOnes)) | has_zero(eight ^ ('\\' * kOnes));
  return ((eight | control | special) & kHigh) == 0;
}

bool is_continuation(unsigned char c) { return (c & 0xC0) == 0x80; }

// The length of the well-formed sequence at `p`, or 0; `bad` is then the length
// of the ill-formed part that one U+FFFD stands for (Unicode 15, table 3-7).
std::size_t sequence_length(const unsigned char* p, std::size_t left, std::size_t& bad) {
  unsigned char lead = p[0];
  bad = 1;
  std::size_t length = lead >= 0xC2 && lead <= 0xDF   ? 2
                       : (lead & 0xF0) == 0xE0        ? 3
                       : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                      : 0;
  if (length == 0 || left < 2) return 0;
  unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (p[1] < low || p[1] > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if (i >= left || !is_continuation(p[i])) {
      bad = i;
      return 0;
    }
  }
  return length;
}

void append_escaped(std::string& out, unsigned char c) {
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
  }
  constexpr char kHex[] = "0123456789abcdef";
  out += "\\u00";
  out += kHex[c >> 4];
  out += kHex[c & 15];
}

template <class T>
void append_number(std::string& out, T n) {
  char text[32];
  auto end = std::to_chars(text, text + sizeof text, n).ptr;
  out.append(text, end);
}

}  // namespace

bool is_utf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

bool append_string(std::string& out, std::string_view text) {
  bool utf8 = true;
  auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t plain_from = 0;
  out += '"';
  for (std::size_t i = 0; i < text.size();) {
    while (text.size() - i >= 8 && all_plain(bytes + i)) i += 8;
    if (i == text.size()) break;
    if (kPlain[bytes[i]]) {
      ++i;
      continue;
    }
    if (bytes[i] >= 0x80) {
      std::size_t bad;
      if (auto length = sequence_length(bytes + i, text.size() - i, bad)) {
        i += length;
        continue;
      }
      out.append(text, plain_from, i - plain_from).append("\xEF\xBF\xBD");
      i += bad;
      utf8 = false;
    } else {
      out.append(text, plain_from, i - plain_from);
      append_escaped(out, bytes[i]);
      ++i;
    }
    plain_from = i;
  }
  out.append(text, plain_from, text.size() - plain_from);
  out += '"';
  return utf8;
}

Writer& Writer::number(std::int64_t n) {
  separate();
  append_number(out_, n);
  return *this;
}

Writer& Writer::number(std::uint64_t n) {
  separate();
  append_number(out_, n);
  return *this;
}

}  // namespace mayfly::json
