// The error of a streamed response, as a handler of any language has written it.
// What goes out is two fields that every reader takes; what came in as the JSON of
// an error goes out as one.

#include <cstdint>
#include <map>
#include <string>

#include <mayfly/json.h>

#include "core/http_field.h"
#include "runtime/src/error_trailers.h"
#include "tests/fuzz/check.h"

using namespace mayfly;

namespace {

std::string decoded(std::string_view base64) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned bits = 0;
  int held = 0;
  for (char c : base64.substr(0, base64.find('='))) {
    FUZZ_CHECK(kAlphabet.find(c) != kAlphabet.npos);
    bits = bits << 6 | static_cast<unsigned>(kAlphabet.find(c));
    if ((held += 6) >= 8) out += static_cast<char>(bits >> (held -= 8));
  }
  return out;
}

// The JSON that the trailers carry.
std::string json_of(std::string_view type, std::string_view json) {
  constexpr std::string_view kType = "Lambda-Runtime-Function-Error-Type: ";
  constexpr std::string_view kBody = "\r\nLambda-Runtime-Function-Error-Body: ";
  std::string trailers = runtime::error_trailers(type, json);
  FUZZ_CHECK(trailers.size() <= 4'000);
  FUZZ_CHECK(trailers.starts_with(kType));
  auto body = trailers.find(kBody);
  FUZZ_CHECK(body != trailers.npos && trailers.ends_with("\r\n"));
  FUZZ_CHECK(core::is_field_value(std::string_view(trailers).substr(kType.size(), body - kType.size())));
  return decoded(std::string_view(trailers).substr(body + kBody.size(), trailers.size() - body - kBody.size() - 2));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(bytes), size);
  auto type = text.substr(0, text.find('\n'));
  json_of(type, text);

  // The same as an error, long enough to be cut in one place or the other.
  std::string message;
  for (int i = 0; i < (size % 3 == 0 ? 1 : 100); ++i) message += text;
  std::string json;
  json::Writer writer(json);
  writer.begin_object().member("errorMessage", message).member("errorType", type).key("stackTrace").begin_array();
  for (std::size_t i = 0; i < size; ++i) writer.value(text.substr(i, 20));
  writer.end_array().end_object();
  std::string out = json_of(type, json);
  json::Document document;
  auto error = json::parse<std::map<std::string, json::Raw>>(document, out, out.size());
  FUZZ_CHECK(error && error->size() == 3);
  for (const char* name : {"errorMessage", "errorType"}) {
    json::Document inside;
    FUZZ_CHECK(json::parse<std::string>(inside, error->at(name).text, error->at(name).text.size()));
  }
  if (json.size() <= 2'700) FUZZ_CHECK(out == json);
  return 0;
}
