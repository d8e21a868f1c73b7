// The parts of RFC 3986 that addresses in settings need.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/failure.h"

namespace mayfly::core {

// Host and port of a server. An IPv6 literal is stored without its brackets.
struct Origin {
  std::string host;
  std::uint16_t port = 0;  // 1 .. 65535

  // "host:port", with brackets around IPv6: the value of a Host field.
  std::string host_port() const;
  // 127.0.0.0/8, ::1 or "localhost".
  bool is_loopback() const;

  bool operator==(const Origin&) const = default;
};

// "host:port". Errors: Errc::parse, naming the text and what is wrong with it.
Outcome<Origin> parse_host_port(std::string_view text);

struct Uri {
  std::string scheme;    // lower case
  std::string userinfo;  // still percent-encoded; a secret, never logged
  Origin origin;         // port 80 or 443 when the text gives none
  std::string target;    // path and query as sent in a request line; at least "/"
};

// "scheme://[userinfo@]host[:port][/path][?query]"; a fragment is an error.
// `http` and `https`, also as in "otlp+http", have default ports; any other
// scheme must give one.
// Errors: Errc::parse. The message never repeats userinfo or query.
Outcome<Uri> parse_uri(std::string_view text);

// Decodes %XX. Errors: Errc::parse when an escape is broken or stands for NUL.
Outcome<std::string> percent_decode(std::string_view text);

// Decodes a name or value of a query as forms are read: '+' is a space. A text
// that percent_decode() refuses keeps its escapes.
std::string form_decode(std::string_view text);

}  // namespace mayfly::core
