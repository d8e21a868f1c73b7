#include "emulator/invoke/sha256.h"

#include <sodium/crypto_auth_hmacsha256.h>
#include <sodium/crypto_hash_sha256.h>
#include <sodium/crypto_verify_32.h>

namespace mayfly::emulator {

namespace {

const unsigned char* data_of(std::string_view bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

}  // namespace

Digest sha256(std::string_view bytes) {
  Digest out;
  crypto_hash_sha256(out.data(), data_of(bytes), bytes.size());
  return out;
}

Digest hmac_sha256(std::string_view key, std::string_view bytes) {
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, data_of(key), key.size());
  crypto_auth_hmacsha256_update(&state, data_of(bytes), bytes.size());
  Digest out;
  crypto_auth_hmacsha256_final(&state, out.data());
  return out;
}

bool same_digest(const Digest& a, const Digest& b) { return crypto_verify_32(a.data(), b.data()) == 0; }

std::string hex(const Digest& digest) {
  std::string out;
  for (unsigned char byte : digest) {
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
  return out;
}

}  // namespace mayfly::emulator
