// Cross-origin resource sharing of a function URL: with a configuration, Lambda
// answers preflight requests without the function and adds the fields to its
// answers [A]; without one the function does it all.
//
// [A] Lambda Developer Guide, "Creating and managing Lambda function URLs",
//     section on CORS; Lambda API Reference, "Cors". Read 2026-11.

#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mayfly::emulator {

// The members of Lambda's Cors, with its limits. "*" in a list is any.
struct Cors {
  std::vector<std::string> allow_origins;   // up to 100
  std::vector<std::string> allow_methods;   // up to 6
  std::vector<std::string> allow_headers;   // up to 100
  std::vector<std::string> expose_headers;  // up to 100
  bool allow_credentials = false;
  int max_age = 0;  // seconds, 0 .. 86'400
};

using ReplyFields = std::vector<std::pair<std::string, std::string>>;

// Of the reply to a preflight, empty texts for request fields that are not there.
// A list with "*" gives what was asked for, which works with credentials, too. Only
// `vary` when the origin is not allowed: the browser refuses then.
ReplyFields preflight_fields(const Cors& cors, std::string_view origin, std::string_view requested_method,
                             std::string_view requested_headers);

// What goes into the function's answer to a request with this Origin field, in
// place of what the function says itself.
ReplyFields cross_origin_fields(const Cors& cors, std::string_view origin);

}  // namespace mayfly::emulator
