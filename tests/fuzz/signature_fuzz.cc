// Requests with signatures: whoever has not the secret is never let in, and never
// told of it.

#include "emulator/invoke/signature.h"

#include <cstdint>
#include <string>

#include "tests/fuzz/check.h"
#include "tests/fuzz/request_text.h"

using namespace mayfly;
using namespace mayfly::emulator;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  // The seeds are signed with another secret, at this time.
  const Credentials credentials{"AKIDEXAMPLE", "~canary~", ""};
  core::WallTime now;
  FUZZ_CHECK(core::parse_rfc3339("2026-03-14T15:09:26Z", now));
  auto request = read_request({reinterpret_cast<const char*>(bytes), size});
  auto fault = signature_fault(request, credentials, "us-east-1", now);
  FUZZ_CHECK(fault.has_value());
  FUZZ_CHECK(fault->type.ends_with("Exception") && !fault->message.empty());
  bool sent = std::string_view(reinterpret_cast<const char*>(bytes), size).find("canary") != std::string_view::npos;
  FUZZ_CHECK(sent || fault->message.find("canary") == std::string::npos);
  return 0;
}
