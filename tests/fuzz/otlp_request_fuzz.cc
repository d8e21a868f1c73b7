// An OTLP request in protobuf, whatever is in it: with attributes added it is a
// request with as many records, and adding them twice changes nothing. The first
// byte chooses the signal.

#include <cstdint>
#include <limits>
#include <string>

#include "extensions/telemetry/otlp_request.h"
#include "tests/fuzz/check.h"

using namespace mayfly::telemetry;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  constexpr auto kNoLimit = std::numeric_limits<std::size_t>::max();
  // {"faas.name": "f"}, {"a": 7}
  static const std::string kResource(
      "\x0a\x10\x0a\x09"
      "faas.name"
      "\x12\x03\x0a\x01"
      "f"
      "\x0a\x07\x0a\x01"
      "a"
      "\x12\x02\x18\x07",
      27);
  auto signal = static_cast<Signal>(bytes[0] % kSignals);
  std::string_view request(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  auto once = add_resource(signal, request, kResource, kNoLimit);
  if (!once) return 0;
  FUZZ_CHECK(once->records <= size);
  auto twice = add_resource(signal, once->body, kResource, kNoLimit);
  FUZZ_CHECK(twice && twice->body == once->body && twice->records == once->records);
  FUZZ_CHECK(add_resource(signal, request, kResource, once->body.size() + 32));
  FUZZ_CHECK(once->records == 0 || !add_resource(signal, request, kResource, once->body.size() / 2));
  return 0;
}
