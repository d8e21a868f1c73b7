#include "runtime/src/error_trailers.h"

#include <algorithm>

#include <mayfly/base64.h>
#include <mayfly/json/writer.h>

#include "core/http_field.h"

namespace mayfly::runtime {
namespace {

constexpr std::size_t kMaxTypeBytes = 256;
constexpr std::size_t kMaxJsonBytes = 2'700;  // 3,600 in base64

// The inside of a JSON string up to its end, or up to the last whole character
// or escape within `limit`.
std::string_view beginning(std::string_view inside, std::size_t limit) {
  std::size_t end = 0;
  while (end < inside.size() && inside[end] != '"') {
    auto c = static_cast<unsigned char>(inside[end]);
    std::size_t size = c == '\\'   ? (inside.substr(end).starts_with("\\u") ? 6 : 2)
                       : c >= 0xf0 ? 4
                       : c >= 0xe0 ? 3
                       : c >= 0xc0 ? 2
                                   : 1;
    if (end + size > std::min(limit, inside.size())) break;
    end += size;
  }
  return inside.substr(0, end);
}

// Works on the text: a parser would be the largest thing in a program that
// needs none. A quote inside a JSON string has a backslash before it, so the
// needles below are found where they stand as names only.
std::string shorten(std::string_view error_type, std::string_view json) {
  if (auto stack = json.find(",\"stackTrace\":["); stack <= kMaxJsonBytes - 20) {
    return std::string(json.substr(0, stack)).append(",\"stackTrace\":[]}");
  }
  constexpr std::string_view kMessage = "\"errorMessage\":\"";
  auto message = json.find(kMessage);
  std::string out = "{\"errorMessage\":\"";
  if (message != json.npos) {
    // The type, at most 256 bytes, may take six for each.
    out += beginning(json.substr(message + kMessage.size()), kMaxJsonBytes - 6 * kMaxTypeBytes - 100);
  }
  out += "...\",\"errorType\":";
  json::append_string(out, error_type);
  return out.append(",\"stackTrace\":[]}");
}

}  // namespace

std::string error_trailers(std::string_view error_type, std::string_view error_json) {
  error_type = error_type.substr(0, kMaxTypeBytes);
  std::string body;
  append_base64(body, error_json.size() <= kMaxJsonBytes ? std::string(error_json) : shorten(error_type, error_json));
  std::string out;
  core::append_field(out, "Lambda-Runtime-Function-Error-Type", error_type);
  core::append_field(out, "Lambda-Runtime-Function-Error-Body", body);
  return out;
}

}  // namespace mayfly::runtime
