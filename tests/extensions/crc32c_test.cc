#include "extensions/telemetry/crc32c.h"

#include <doctest/doctest.h>

#include <string>

using namespace mayfly::telemetry;

TEST_CASE("CRC-32C of the examples of RFC 3720") {
  std::string ascending, descending;
  for (int i = 0; i < 32; ++i) {
    ascending += static_cast<char>(i);
    descending += static_cast<char>(31 - i);
  }
  for (auto crc : {crc32c, crc32c_by_tables}) {
    CHECK(crc("") == 0);
    CHECK(crc("123456789") == 0xe3069283);
    CHECK(crc(std::string(32, '\0')) == 0x8a9136aa);
    CHECK(crc(std::string(32, '\xff')) == 0x62a8ab43);
    CHECK(crc(ascending) == 0x46dd794e);
    CHECK(crc(descending) == 0x113fdb5c);
  }
}

TEST_CASE("the processor and the tables agree on every length and alignment") {
  std::string bytes;
  std::uint32_t x = 1;
  for (int i = 0; i < 100; ++i) bytes += static_cast<char>((x = x * 1664525 + 1013904223) >> 24);
  for (std::size_t begin = 0; begin < 9; ++begin) {
    for (std::size_t size = 0; begin + size <= bytes.size(); ++size) {
      auto part = std::string_view(bytes).substr(begin, size);
      CHECK(crc32c(part) == crc32c_by_tables(part));
    }
  }
}
