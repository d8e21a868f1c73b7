// An OTLP request in JSON, whatever is in it: what is converted can be walked as
// protobuf, and is the same again. The first byte chooses the signal.

#include <cstdint>
#include <limits>
#include <string>

#include "extensions/telemetry/otlp_json.h"
#include "extensions/telemetry/otlp_request.h"
#include "tests/fuzz/check.h"

using namespace mayfly::telemetry;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  auto signal = static_cast<Signal>(bytes[0] % kSignals);
  std::string_view text(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  mayfly::json::Document document;
  auto converted = protobuf_of_json(signal, document, text, text.size());
  if (!converted) return 0;
  auto walked = add_resource(signal, *converted, {}, std::numeric_limits<std::size_t>::max());
  FUZZ_CHECK(walked);
  FUZZ_CHECK(walked->records <= size);
  auto again = protobuf_of_json(signal, document, text, text.size());
  FUZZ_CHECK(again && *again == *converted);
  return 0;
}
