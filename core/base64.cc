#include <mayfly/base64.h>

#include <array>
#include <cstdint>

namespace mayfly {
namespace {

constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint32_t kBad = 1u << 24;

// What each character adds to the 24 bits of its group of four, by its place
// there; kBad for what is no character of the alphabet.
constexpr auto kBits = [] {
  std::array<std::array<std::uint32_t, 256>, 4> bits{};
  for (auto& place : bits) place.fill(kBad);
  for (std::uint32_t value = 0; value < 64; ++value) {
    for (unsigned place = 0; place < 4; ++place) {
      bits[place][static_cast<unsigned char>(kAlphabet[value])] = value << (18 - 6 * place);
    }
  }
  return bits;
}();

std::uint32_t group(const unsigned char* text) {
  return kBits[0][text[0]] | kBits[1][text[1]] | kBits[2][text[2]] | kBits[3][text[3]];
}

}  // namespace

void append_base64(std::string& out, std::string_view bytes) {
  std::size_t at = out.size();
  out.resize(at + base64_size(bytes.size()));
  char* to = out.data() + at;
  auto* from = reinterpret_cast<const unsigned char*>(bytes.data());
  std::size_t left = bytes.size();
  for (; left >= 3; left -= 3, from += 3, to += 4) {
    std::uint32_t bits = static_cast<std::uint32_t>(from[0] << 16 | from[1] << 8 | from[2]);
    to[0] = kAlphabet[bits >> 18];
    to[1] = kAlphabet[bits >> 12 & 63];
    to[2] = kAlphabet[bits >> 6 & 63];
    to[3] = kAlphabet[bits & 63];
  }
  if (left == 0) return;
  std::uint32_t bits = static_cast<std::uint32_t>(from[0] << 16 | (left == 2 ? from[1] << 8 : 0));
  to[0] = kAlphabet[bits >> 18];
  to[1] = kAlphabet[bits >> 12 & 63];
  to[2] = left == 2 ? kAlphabet[bits >> 6 & 63] : '=';
  to[3] = '=';
}

bool append_base64_decoded(std::string& out, std::string_view text) {
  if (text.size() % 4 != 0) return false;
  if (text.empty()) return true;
  std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  std::size_t before = out.size();
  std::size_t groups = text.size() / 4;
  out.resize(before + groups * 3 - padding);
  char* to = out.data() + before;
  auto* from = reinterpret_cast<const unsigned char*>(text.data());
  std::uint32_t all = 0;
  for (std::size_t i = padding ? 1 : 0; i < groups; ++i, from += 4, to += 3) {
    std::uint32_t bits = group(from);
    all |= bits;
    to[0] = static_cast<char>(bits >> 16);
    to[1] = static_cast<char>(bits >> 8);
    to[2] = static_cast<char>(bits);
  }
  if (padding) {
    unsigned char last[4] = {from[0], from[1], padding == 2 ? static_cast<unsigned char>('A') : from[2], 'A'};
    std::uint32_t bits = group(last);
    all |= bits;
    to[0] = static_cast<char>(bits >> 16);
    if (padding == 1) to[1] = static_cast<char>(bits >> 8);
  }
  if (all < kBad) return true;
  out.resize(before);
  return false;
}

Result<std::string> Base64::decode() const {
  std::string bytes;
  if (append_base64_decoded(bytes, text)) return bytes;
  return unexpected(Error("Base64.Invalid", "not base64: " + std::to_string(text.size()) + " characters"));
}

}  // namespace mayfly
