#include "core/http_server/request_head.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "core/http_field.h"

namespace mayfly::core {
namespace {

constexpr std::size_t kMaxFields = 64;
// Beast counts the bytes of a field in 16 bits and throws beyond.
constexpr std::size_t kMaxLineBytes = 65'000;

}  // namespace

std::string_view trim_field(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string_view field_problem(std::string_view line) {
  if (!is_field_value(line)) return "a control character in the head";
  if (line.starts_with(' ') || line.starts_with('\t')) return "a folded header line";
  auto colon = line.find(':');
  if (colon == line.npos || !is_token(line.substr(0, colon))) return "a header field without a valid name";
  return {};
}

std::string_view head_problem(std::string_view head) {
  std::size_t fields = 0, hosts = 0;
  bool request_line = true, http_1_0 = false;
  while (!head.empty()) {
    auto end = head.find('\n');
    auto line = head.substr(0, end);
    if (end == head.npos || line.empty() || line.back() != '\r') return "a line that does not end with CR LF";
    line.remove_suffix(1);
    head.remove_prefix(end + 1);
    if (line.empty()) return head.empty() ? "" : "bytes behind the head";
    if (line.size() > kMaxLineBytes) return "a line of more than 65000 bytes";
    if (std::exchange(request_line, false)) {
      if (!is_field_value(line)) return "a control character in the head";
      http_1_0 = line.ends_with(" HTTP/1.0");
    } else {
      if (auto problem = field_problem(line); !problem.empty()) return problem;
      auto colon = line.find(':');
      auto name = line.substr(0, colon);
      if (++fields > kMaxFields) return "more than 64 header fields";
      if (same_field_name(name, "Host") && ++hosts > 1) return "more than one Host field";
      if (same_field_name(name, "Transfer-Encoding") &&
          !same_field_name(trim_field(line.substr(colon + 1)), "chunked")) {
        return "a Transfer-Encoding other than chunked";
      }
      if (http_1_0 && same_field_name(name, "Transfer-Encoding")) return "a Transfer-Encoding in an HTTP/1.0 request";
    }
  }
  return "no end of the head";
}

std::string_view too_long_line(std::string_view head, std::string_view name) {
  head.remove_prefix(std::min(head.size(), head.find('\n')));  // the request line is none
  while (!head.empty()) {
    head.remove_prefix(1);
    auto end = head.find('\n');
    auto line = head.substr(0, end);
    if (line.size() > kMaxLineBytes + 1 && same_field_name(line.substr(0, line.find(':')), name)) {
      return end == head.npos ? std::string_view() : head.substr(0, end + 1);
    }
    head.remove_prefix(line.size());
  }
  return {};
}

}  // namespace mayfly::core
