// Which proxy, if any, stands between the daemon and a backend, by the variables
// that all clients read: https_proxy, http_proxy, all_proxy and no_proxy, the
// lower-case form first. HTTP_PROXY counts too: libcurl leaves it out for fear of
// CGI, where a request could set it, but nobody sets our variables but the
// function's owner.

#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/failure.h"
#include "core/uri.h"

namespace mayfly::telemetry {

// The variables' values; empty when they are not set.
struct ProxySettings {
  std::string for_http;
  std::string for_https;
  std::string none_for;
};

ProxySettings read_proxy_settings(const std::function<const char*(const char* name)>& environment);

struct Proxy {
  core::Origin origin;
  std::string authorization;  // of Proxy-Authorization: "Basic …", a secret; or empty
};

// Null when the backend is to be reached directly, as loopback always is: that of
// a proxy is not ours. A proxy is http://[user:password@]host[:port]; "http://"
// may be missing. Errors: Errc::parse, without the password.
core::Outcome<std::optional<Proxy>> proxy_for(const ProxySettings& settings, const core::Origin& backend, bool tls);

// `list` as in no_proxy: names, each with all names below them, a leading dot or
// "*." meaning the same; addresses; networks as 10.0.0.0/8; each with :port if
// only that is meant; "*" is everything. Separated by commas or spaces.
bool is_listed(std::string_view list, const core::Origin& backend);

}  // namespace mayfly::telemetry
