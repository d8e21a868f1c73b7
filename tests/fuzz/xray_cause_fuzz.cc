// Error JSON of shared objects, which may be in any language. What X-Ray is told is
// one line of ASCII, valid JSON, and bounded.

#include <algorithm>
#include <cstdint>
#include <string>

#include <mayfly/json/value.h>

#include "runtime/src/xray_cause.h"
#include "tests/fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(bytes), size);
  for (const auto& cause :
       {mayfly::runtime::xray_cause(text, "/var/task"),
        mayfly::runtime::xray_cause(R"({"errorMessage":"m","errorType":"t","stackTrace":[]})", text)}) {
    FUZZ_CHECK(cause.size() <= mayfly::runtime::kMaxCauseBytes);
    FUZZ_CHECK(std::ranges::all_of(cause, [](char c) { return c >= ' ' && c < 0x7f; }));
    if (cause.empty()) continue;
    mayfly::json::Document document;
    auto value = document.parse(cause);
    std::string_view all;
    FUZZ_CHECK(value && value->raw(all) == mayfly::json::Status::ok && document.at_end());
  }
  return 0;
}
