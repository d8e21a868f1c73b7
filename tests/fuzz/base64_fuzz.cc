// Any text: what decodes must encode to the same length and decode to the same.

#include <cstdint>
#include <string>

#include <mayfly/base64.h>

#include "tests/fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(bytes), size);
  std::string encoded, decoded = "before";
  mayfly::append_base64(encoded, text);
  FUZZ_CHECK(encoded.size() == mayfly::base64_size(size));
  FUZZ_CHECK(mayfly::append_base64_decoded(decoded, encoded));
  FUZZ_CHECK(std::string_view(decoded).substr(6) == text);

  std::string first, second;
  if (!mayfly::append_base64_decoded(first, text)) {
    FUZZ_CHECK(first.empty());
    return 0;
  }
  encoded.clear();
  mayfly::append_base64(encoded, first);
  FUZZ_CHECK(encoded.size() == size);
  FUZZ_CHECK(mayfly::append_base64_decoded(second, encoded) && first == second);
  return 0;
}
