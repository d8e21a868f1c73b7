#include <mayfly/http/routes.h>

#include <algorithm>

#include "runtime/src/http/request_parts.h"

namespace mayfly::http {
namespace {

using detail::is_name;
using detail::is_rest;

// Takes the next part off a path or pattern.
std::string_view next_part(std::string_view& rest) {
  auto part = rest.substr(0, rest.find('/'));
  rest.remove_prefix(std::min(part.size() + 1, rest.size()));
  return part;
}

// Without the slashes at its ends.
std::string_view inner(std::string_view path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  if (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

// Smaller is taken first, part by part: a literal, a name, the rest.
std::string rank(std::string_view pattern) {
  std::string rank;
  for (auto rest = inner(pattern); !rest.empty();) {
    auto part = next_part(rest);
    rank += is_rest(part) ? '2' : is_name(part) ? '1' : '0';
  }
  return rank;
}

// HTTP APIs give a path that is decoded already: only others' are.
struct Decoding {
  bool wanted;
  std::string& memory;

  std::string_view operator()(std::string_view part) const {
    if (!wanted || part.find('%') == part.npos) return part;
    std::size_t at = memory.size();
    append_decoded(memory, part, false);
    return std::string_view(memory).substr(at);
  }
};

// Calls found(name, part) for each name of the pattern, as long as it fits.
template <class Found>
bool fits(std::string_view pattern, std::string_view path, const Decoding& decoded, Found found) {
  pattern = inner(pattern);
  path = inner(path);
  while (!pattern.empty()) {
    auto wanted = next_part(pattern);
    if (path.empty()) return false;
    if (is_rest(wanted)) {
      found(wanted.substr(1, wanted.size() - 3), decoded(path));
      return true;
    }
    auto part = next_part(path);
    if (!is_name(wanted)) {
      if (part != wanted && decoded(part) != wanted) return false;
    } else if (part.empty()) {
      return false;
    } else {
      found(wanted.substr(1, wanted.size() - 2), decoded(part));
    }
  }
  return path.empty();
}

Response refusal(int status, std::string_view message) {
  std::string body = "{\"message\":\"";
  return {status, {{"content-type", "application/json"}}, body.append(message).append("\"}"), {}};
}

}  // namespace

void Routes::sort() {
  std::ranges::stable_sort(routes_, {}, [](const Route& route) { return rank(route.pattern); });
}

Result<Response> Routes::operator()(const Request& request, Context& context) {
  auto& parts = *request.parts_;
  auto path = request.path();
  Decoding decoded{!parts.path_is_decoded, parts.param_text};
  std::string allowed;
  for (auto& route : routes_) {
    // Each part is decoded once at most: views into it stay.
    parts.param_text.clear();
    parts.param_text.reserve(path.size());
    parts.params.clear();
    auto add = [&](std::string_view name, std::string_view value) { parts.params.push_back({name, value}); };
    if (!fits(route.pattern, path, decoded, add)) continue;
    bool head = request.method() == "HEAD" && route.method == "GET";
    if (route.method.empty() || route.method == request.method() || head) return (*route.call)(request, context);
    allowed.append(allowed.empty() ? "" : ", ").append(route.method);
  }
  parts.params.clear();
  if (allowed.empty()) return refusal(404, "Not Found");
  auto response = refusal(405, "Method Not Allowed");
  response.headers.push_back({"allow", allowed});
  return response;
}

}  // namespace mayfly::http
