#include "extensions/telemetry/proxy.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include <mayfly/base64.h>

#include "core/http_field.h"

namespace mayfly::telemetry {
namespace {

using core::Errc;
using core::fail;
using core::Origin;
using core::Outcome;

// IPv4 as ::ffff:a.b.c.d, so that both compare alike.
using Address = std::array<unsigned char, 16>;

std::optional<Address> parse_address(const std::string& text) {
  Address address{};
  if (inet_pton(AF_INET6, text.c_str(), address.data()) == 1) return address;
  address = {};
  address[10] = address[11] = 0xff;
  if (inet_pton(AF_INET, text.c_str(), address.data() + 12) == 1) return address;
  return std::nullopt;
}

template <class Number>
bool parse_number(std::string_view text, Number& out) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size();
}

bool in_network(const Address& address, std::string_view network) {
  auto slash = network.find('/');
  std::string base(network.substr(0, slash));
  auto first = parse_address(base);
  if (!first) return false;
  unsigned bits = 128;
  if (slash != network.npos) {
    unsigned limit = base.find(':') == base.npos ? 32 : 128;
    if (!parse_number(network.substr(slash + 1), bits) || bits > limit) return false;
    bits += 128 - limit;
  }
  for (unsigned i = 0; i < bits; ++i) {
    unsigned mask = 0x80u >> (i % 8);
    if ((address[i / 8] & mask) != ((*first)[i / 8] & mask)) return false;
  }
  return true;
}

// "[::1]:80", "host:80", "::1", "host": what stands before the port.
std::string_view without_port(std::string_view entry, std::optional<std::uint16_t>& port) {
  std::string_view host = entry, digits;
  if (entry.starts_with('[')) {
    auto end = entry.find(']');
    if (end == entry.npos) return entry;
    host = entry.substr(1, end - 1);
    if (entry.substr(end + 1).starts_with(':')) digits = entry.substr(end + 2);
  } else if (auto colon = entry.find(':'); colon != entry.npos && colon == entry.rfind(':')) {
    host = entry.substr(0, colon);
    digits = entry.substr(colon + 1);
  }
  std::uint16_t number = 0;
  if (!digits.empty() && parse_number(digits, number)) port = number;
  return host;
}

bool is_same_or_below(std::string_view name, std::string_view domain) {
  if (name.size() == domain.size()) return name == domain;
  return name.size() > domain.size() && name.ends_with(domain) && name[name.size() - domain.size() - 1] == '.';
}

bool matches(std::string_view entry, const std::string& host, std::uint16_t port) {
  if (entry == "*") return true;
  std::optional<std::uint16_t> only_port;
  auto name = core::lower_case(without_port(entry, only_port));
  if (only_port && *only_port != port) return false;
  if (auto address = parse_address(host)) return in_network(*address, name);
  std::string_view domain = name;
  if (domain.starts_with("*.")) domain.remove_prefix(1);
  if (domain.starts_with('.')) domain.remove_prefix(1);
  return !domain.empty() && is_same_or_below(host, domain);
}

Outcome<Proxy> parse_proxy(const std::string& text) {
  auto uri = core::parse_uri(text.find("://") == text.npos ? "http://" + text : text);
  if (!uri) return fail(Errc::parse, "the proxy variables: " + uri.error().message);
  if (uri->scheme != "http") {
    return fail(Errc::parse, "the proxy variables: a proxy is reached by http://, not by " + uri->scheme + "://");
  }
  Proxy proxy{uri->origin, {}};
  if (!uri->userinfo.empty()) {
    auto user = core::percent_decode(uri->userinfo);
    if (!user) return fail(Errc::parse, "the proxy variables: the user name or password is not percent-encoded");
    proxy.authorization = "Basic ";
    append_base64(proxy.authorization, *user);
  }
  return proxy;
}

}  // namespace

ProxySettings read_proxy_settings(const std::function<const char*(const char* name)>& environment) {
  auto first_of = [&](std::initializer_list<const char*> names) {
    for (const char* name : names) {
      if (const char* value = environment(name); value && *value) return std::string(value);
    }
    return std::string();
  };
  auto all = first_of({"all_proxy", "ALL_PROXY"});
  ProxySettings settings{first_of({"http_proxy", "HTTP_PROXY"}), first_of({"https_proxy", "HTTPS_PROXY"}),
                         first_of({"no_proxy", "NO_PROXY"})};
  if (settings.for_http.empty()) settings.for_http = all;
  if (settings.for_https.empty()) settings.for_https = all;
  return settings;
}

bool is_listed(std::string_view list, const Origin& backend) {
  auto host = core::lower_case(backend.host);
  while (!list.empty()) {
    auto end = std::min(list.find_first_of(", \t"), list.size());
    if (end > 0 && matches(list.substr(0, end), host, backend.port)) return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

Outcome<std::optional<Proxy>> proxy_for(const ProxySettings& settings, const Origin& backend, bool tls) {
  const auto& url = tls ? settings.for_https : settings.for_http;
  if (url.empty() || backend.is_loopback() || is_listed(settings.none_for, backend)) return std::nullopt;
  auto proxy = parse_proxy(url);
  if (!proxy) return unexpected(proxy.error());
  return std::optional<Proxy>(std::move(*proxy));
}

}  // namespace mayfly::telemetry
