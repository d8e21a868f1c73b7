// Answers of functions on their way to HTTP clients: what comes out can be sent.

#include <cstdint>
#include <string_view>

#include "core/http_field.h"
#include "emulator/invoke/function_url.h"
#include "tests/fuzz/check.h"

using namespace mayfly;
using namespace mayfly::emulator;

namespace {

void check(const std::optional<UrlAnswer>& answer) {
  if (!answer) return;
  FUZZ_CHECK(answer->status >= 200 && answer->status <= 599);
  bool typed = false;
  for (const auto& [name, value] : answer->fields) {
    FUZZ_CHECK(core::is_token(name));
    FUZZ_CHECK(!core::same_field_name(name, "content-length") && !core::same_field_name(name, "transfer-encoding"));
    typed |= core::same_field_name(name, "content-type");
  }
  FUZZ_CHECK(typed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  std::string_view payload(reinterpret_cast<const char*>(bytes), size);
  check(url_answer(payload));
  auto prelude = url_prelude(payload);
  check(prelude);
  FUZZ_CHECK(!prelude || prelude->body.empty());
  return 0;
}
