#include "emulator/identifiers.h"

#include <sys/random.h>

#include <array>
#include <cctype>
#include <cstdint>
#include <cstdlib>

namespace mayfly::emulator {

namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// Taken from the kernel in portions: an invocation needs four identifiers.
class Randomness {
 public:
  unsigned char next() {
    if (used_ == bytes_.size()) {
      // Requests of up to 256 bytes are never cut short once the kernel is seeded.
      if (getrandom(bytes_.data(), bytes_.size(), 0) != static_cast<ssize_t>(bytes_.size())) std::abort();
      used_ = 0;
    }
    return bytes_[used_++];
  }

 private:
  std::array<unsigned char, 256> bytes_{};
  std::size_t used_ = bytes_.size();
};

int base64_value(char c) {
  auto at = kBase64.find(c);
  return at == kBase64.npos ? -1 : static_cast<int>(at);
}

}  // namespace

std::string random_hex(std::size_t digits) {
  static thread_local Randomness randomness;
  std::string out;
  for (std::size_t i = 0; i < digits / 2; ++i) {
    unsigned char byte = randomness.next();
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out;
}

std::string new_uuid() {
  std::string hex = random_hex(32);
  hex[12] = '4';
  hex[16] = kHex[8 + (hex[16] & 3)];
  for (std::size_t at : {8, 13, 18, 23}) hex.insert(at, 1, '-');
  return hex;
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !std::isxdigit(static_cast<unsigned char>(text[i]))) return false;
  }
  return true;
}

std::string base64_encode(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    std::size_t n = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t k = 0; k < 3; ++k) group = group << 8 | (k < n ? static_cast<unsigned char>(bytes[i + k]) : 0);
    for (std::size_t k = 0; k < 4; ++k) out += k <= n ? kBase64[group >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

std::optional<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 4) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      bool pad = i + k >= text.size() - padding;
      int value = pad ? 0 : base64_value(text[i + k]);
      if (value < 0) return std::nullopt;
      group = group << 6 | static_cast<std::uint32_t>(value);
    }
    for (int shift : {16, 8, 0}) out += static_cast<char>(group >> shift & 255);
  }
  out.resize(out.size() - padding);
  return out;
}

}  // namespace mayfly::emulator
