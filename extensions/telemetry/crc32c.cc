#include "extensions/telemetry/crc32c.h"

#include <array>
#include <cstddef>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>
#endif

namespace mayfly::telemetry {
namespace {

constexpr std::uint32_t kPolynomial = 0x82f63b78;  // reflected

// kTables[k][b]: what byte b does to the checksum when k further bytes follow it.
constexpr auto kTables = [] {
  std::array<std::array<std::uint32_t, 256>, 8> tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? kPolynomial : 0);
    tables[0][byte] = crc;
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::size_t byte = 0; byte < 256; ++byte)
      tables[k][byte] = (tables[k - 1][byte] >> 8) ^ tables[0][tables[k - 1][byte] & 0xff];
  }
  return tables;
}();

std::uint64_t load(const char* at) {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// x86-64 and arm64 both are little-endian, as the checksum is.
template <class Word, class Byte>
std::uint32_t run(std::string_view bytes, Word by_word, Byte by_byte) {
  std::uint32_t crc = 0xffffffff;
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) crc = by_word(crc, load(bytes.data()));
  for (char c : bytes) crc = by_byte(crc, static_cast<unsigned char>(c));
  return ~crc;
}

std::uint32_t table_byte(std::uint32_t crc, std::uint8_t byte) { return (crc >> 8) ^ kTables[0][(crc ^ byte) & 0xff]; }

std::uint32_t table_word(std::uint32_t crc, std::uint64_t word) {
  word ^= crc;
  crc = 0;
  for (std::size_t i = 0; i < 8; ++i) crc ^= kTables[7 - i][(word >> (8 * i)) & 0xff];
  return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t by_instruction(std::string_view bytes) {
  std::uint64_t crc = 0xffffffff;
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) crc = _mm_crc32_u64(crc, load(bytes.data()));
  auto low = static_cast<std::uint32_t>(crc);
  for (char c : bytes) low = _mm_crc32_u8(low, static_cast<unsigned char>(c));
  return ~low;
}
bool has_instruction() { return __builtin_cpu_supports("sse4.2"); }
#elif defined(__aarch64__)
__attribute__((target("+crc"))) std::uint32_t by_instruction(std::string_view bytes) {
  std::uint32_t crc = 0xffffffff;
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) crc = __crc32cd(crc, load(bytes.data()));
  for (char c : bytes) crc = __crc32cb(crc, static_cast<unsigned char>(c));
  return ~crc;
}
bool has_instruction() { return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0; }
#else
std::uint32_t by_instruction(std::string_view bytes) { return crc32c_by_tables(bytes); }
bool has_instruction() { return false; }
#endif

}  // namespace

std::uint32_t crc32c_by_tables(std::string_view bytes) { return run(bytes, table_word, table_byte); }

std::uint32_t crc32c(std::string_view bytes) {
  return has_instruction() ? by_instruction(bytes) : crc32c_by_tables(bytes);
}

}  // namespace mayfly::telemetry
