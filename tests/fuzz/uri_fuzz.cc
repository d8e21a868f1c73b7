// Addresses out of settings. What parses must be writable into a request.

#include <cstdint>
#include <string>

#include "core/http_field.h"
#include "core/uri.h"
#include "tests/fuzz/check.h"

using namespace mayfly::core;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(bytes), size);
  if (auto origin = parse_host_port(text)) {
    FUZZ_CHECK(is_field_value(origin->host_port()));
    FUZZ_CHECK(origin->port != 0);
    FUZZ_CHECK(*parse_host_port(origin->host_port()) == *origin);
  }
  if (auto uri = parse_uri(text)) {
    FUZZ_CHECK(uri->target.starts_with('/'));
    FUZZ_CHECK(is_field_value(uri->target) && uri->target.find(' ') == std::string::npos);
    FUZZ_CHECK(is_field_value(uri->userinfo));
    FUZZ_CHECK(*parse_host_port(uri->origin.host_port()) == uri->origin);
  }
  // However a password goes on, no message repeats it.
  auto secret = parse_uri("http://user:~Qz9~" + std::string(text) + "@host:0/");
  FUZZ_CHECK(secret || secret.error().message.find("~Qz9~") == std::string::npos);
  if (auto decoded = percent_decode(text)) FUZZ_CHECK(decoded->size() <= size);
  return 0;
}
