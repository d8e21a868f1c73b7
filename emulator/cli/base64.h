// RFC 4648, section 4: as X-Amz-Client-Context and X-Amz-Log-Result have it.

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mayfly::emulator::cli {

inline constexpr std::string_view kBase64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

inline std::string base64_encode(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    auto byte = [&](std::size_t k) { return i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u; };
    unsigned group = byte(0) << 16 | byte(1) << 8 | byte(2);
    out += kBase64Alphabet[group >> 18];
    out += kBase64Alphabet[group >> 12 & 63];
    out += i + 1 < bytes.size() ? kBase64Alphabet[group >> 6 & 63] : '=';
    out += i + 2 < bytes.size() ? kBase64Alphabet[group & 63] : '=';
  }
  return out;
}

// Nothing when a character is not of the alphabet or the length is impossible.
inline std::optional<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  if (text.ends_with('=')) text.remove_suffix(text.ends_with("==") ? 2 : 1);
  std::string out;
  unsigned bits = 0;
  int held = 0;
  for (char c : text) {
    auto value = kBase64Alphabet.find(c);
    if (value == kBase64Alphabet.npos) return std::nullopt;
    bits = (bits << 6 | static_cast<unsigned>(value)) & 0xFFFFFF;
    held += 6;
    if (held >= 8) {
      held -= 8;
      out += static_cast<char>(bits >> held & 0xFF);
    }
  }
  return out;
}

}  // namespace mayfly::emulator::cli
