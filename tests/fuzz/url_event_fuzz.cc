// Requests on a function's URL: whatever they are made of, the event is JSON.

#include <cstdint>
#include <string>

#include "emulator/invoke/function_url.h"
#include "emulator/json_check.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/request_text.h"

using namespace mayfly::emulator;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  UrlContext context;
  context.source_ip = "127.0.0.1";
  auto event = url_event(read_request({reinterpret_cast<const char*>(bytes), size}), context);
  FUZZ_CHECK(json_problem(event).empty());
  FUZZ_CHECK(event.find(R"("x-forwarded-for":"127.0.0.1")") != event.npos);
  return 0;
}
