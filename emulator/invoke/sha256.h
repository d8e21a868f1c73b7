// SHA-256 and HMAC-SHA-256 of libsodium: the whole of the cryptography here.
// OpenSSL's EVP interface would more than double `mayfly` (3.8 MB static, this
// 0.2 MB), its small old interface is deprecated, nettle is not free of conditions
// for static programs.

#pragma once

#include <array>
#include <string>
#include <string_view>

namespace mayfly::emulator {

using Digest = std::array<unsigned char, 32>;

Digest sha256(std::string_view bytes);
Digest hmac_sha256(std::string_view key, std::string_view bytes);

// In a time that does not depend on where they differ.
bool same_digest(const Digest& a, const Digest& b);

std::string hex(const Digest& digest);  // lower case
inline std::string_view bytes_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace mayfly::emulator
