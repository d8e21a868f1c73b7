// The event stream encoding against bytes that others have made, and a fake of
// a reader; that botocore reads it is shown by e2e.

#include "emulator/invoke/event_stream.h"

#include <doctest/doctest.h>

using namespace mayfly::emulator;
using namespace std::literals;

namespace {

std::string hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (char c : bytes) {
    auto byte = static_cast<unsigned char>(c);
    out += {kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return out;
}

std::string event(EventHeaders headers, std::string_view payload) {
  std::string out;
  append_event(out, headers, payload);
  return out;
}

}  // namespace

TEST_CASE("the sum is zlib's") {
  CHECK(crc32("") == 0);
  CHECK(crc32("a") == 0xe8b7be43);
  CHECK(crc32("123456789") == 0xcbf43926);
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  CHECK(crc32(all) == 0x29058c73);
  for (std::size_t cut = 0; cut <= all.size(); ++cut) {
    CHECK(crc32(all.substr(cut), crc32(all.substr(0, cut))) == 0x29058c73);
  }
}

// From the test vectors of the SDKs.
TEST_CASE("events are the bytes of the specification") {
  CHECK(hex(event({}, "")) == "000000100000000005c248eb7d98c8ff");
  CHECK(hex(event({}, "{'foo':'bar'}")) == "0000001d00000000fd528c5a7b27666f6f273a27626172277dc3653936");
  CHECK(hex(event({{"content-type", "application/json"}}, "{'foo':'bar'}")) ==
        "0000003d0000002007fd83960c636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e7b27666f6f273a27626172"
        "277d8d9c08b1");
}

TEST_CASE("an event is appended to what is there, and a value that is too long is cut") {
  std::string out = "before";
  append_event(out, {}, "");
  CHECK(hex(out.substr(6)) == "000000100000000005c248eb7d98c8ff");
  auto cut = event({{"n", std::string(40'000, 'x')}}, "p");
  CHECK(cut.size() == 12 + 1 + 1 + 1 + 2 + 32'767 + 1 + 4);
  CHECK(cut.substr(12, 5) == "\1n\7\x7f\xff"s);
}
