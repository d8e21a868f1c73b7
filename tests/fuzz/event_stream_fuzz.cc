// Whatever goes into an event comes out of a reader written from the
// specification alone, and its sums are right bit by bit.

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "emulator/invoke/event_stream.h"
#include "tests/fuzz/check.h"

namespace {

std::uint32_t slow_crc32(std::string_view bytes) {
  std::uint32_t sum = 0xffffffff;
  for (char c : bytes) {
    sum ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) sum = (sum & 1) != 0 ? (sum >> 1) ^ 0xedb88320 : sum >> 1;
  }
  return ~sum;
}

struct Reader {
  std::string_view left;

  std::string_view bytes(std::size_t size) {
    FUZZ_CHECK(size <= left.size());
    auto taken = left.substr(0, size);
    left.remove_prefix(size);
    return taken;
  }
  std::size_t number(std::size_t size) {
    std::size_t value = 0;
    for (char c : bytes(size)) value = value << 8 | static_cast<unsigned char>(c);
    return value;
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(bytes), size);
  auto cut = [&](std::size_t most) {
    std::size_t length = text.empty() ? 0 : static_cast<unsigned char>(text[0]) % (most + 1);
    text.remove_prefix(std::min<std::size_t>(1, text.size()));
    auto taken = text.substr(0, length);
    text.remove_prefix(taken.size());
    return taken;
  };
  auto name = cut(255), value = cut(255), other = cut(40), payload = text;
  std::string event(size % 3, 'b');  // stands there already
  mayfly::emulator::append_event(event, {{name, value}, {other, payload}}, payload);

  std::string_view all = std::string_view(event).substr(size % 3);
  Reader reader{all};
  FUZZ_CHECK(reader.number(4) == all.size());
  auto header_bytes = reader.number(4);
  FUZZ_CHECK(reader.number(4) == slow_crc32(all.substr(0, 8)));
  Reader headers{reader.bytes(header_bytes)};
  FUZZ_CHECK(headers.bytes(headers.number(1)) == name && headers.number(1) == 7);
  FUZZ_CHECK(headers.bytes(headers.number(2)) == value);
  FUZZ_CHECK(headers.bytes(headers.number(1)) == other && headers.number(1) == 7);
  FUZZ_CHECK(headers.bytes(headers.number(2)) == payload.substr(0, 32'767));
  FUZZ_CHECK(headers.left.empty());
  FUZZ_CHECK(reader.bytes(payload.size()) == payload);
  FUZZ_CHECK(reader.number(4) == slow_crc32(all.substr(0, all.size() - 4)) && reader.left.empty());
  return 0;
}
