#include "core/uri.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace mayfly::core {
namespace {

bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_alnum(char c) { return is_alpha(c) || (c >= '0' && c <= '9'); }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Names as DNS and Docker know them: letters, digits, '-', '.', '_'.
bool is_host_name(std::string_view host) {
  return !host.empty() && host.size() <= 253 &&
         std::ranges::all_of(host, [](char c) { return is_alnum(c) || c == '-' || c == '.' || c == '_'; });
}

bool is_ipv6(std::string_view host) {
  in6_addr address;
  return host.find('\0') == host.npos && inet_pton(AF_INET6, std::string(host).c_str(), &address) == 1;
}

Outcome<std::uint16_t> parse_port(std::string_view text, std::string_view whole) {
  unsigned port = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port < 1 || port > 65535) {
    return fail(Errc::parse, "'" + std::string(whole) + "': the port must be a number from 1 to 65535");
  }
  return static_cast<std::uint16_t>(port);
}

// Of "http", "https" and what is carried by them, as in "otlp+http".
std::uint16_t default_port(std::string_view scheme) {
  auto carrier = scheme.substr(scheme.rfind('+') + 1);
  return carrier == "https" ? 443 : carrier == "http" ? 80 : 0;
}

// An authority without userinfo. `default_port` 0 means that a port must be there.
Outcome<Origin> parse_authority(std::string_view text, std::uint16_t default_port) {
  std::string_view host, rest;
  if (text.starts_with('[')) {
    auto close = text.find(']');
    if (close == text.npos || !is_ipv6(text.substr(1, close - 1))) {
      return fail(Errc::parse, "'" + std::string(text) + "': no IPv6 address inside the brackets");
    }
    host = text.substr(1, close - 1);
    rest = text.substr(close + 1);
  } else {
    host = text.substr(0, text.find(':'));
    rest = text.substr(host.size());
    if (!is_host_name(host)) return fail(Errc::parse, "'" + std::string(text) + "': no valid host name");
  }
  if (rest.empty() && default_port != 0) return Origin{std::string(host), default_port};
  if (!rest.starts_with(':')) return fail(Errc::parse, "'" + std::string(text) + "': expected host:port");
  auto port = parse_port(rest.substr(1), text);
  if (!port) return unexpected(port.error());
  return Origin{std::string(host), *port};
}

}  // namespace

std::string Origin::host_port() const {
  bool ipv6 = host.find(':') != host.npos;
  return (ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

bool Origin::is_loopback() const {
  if (host == "localhost" || host == "::1") return true;
  in_addr address;
  return inet_pton(AF_INET, host.c_str(), &address) == 1 && (ntohl(address.s_addr) >> 24) == 127;
}

Outcome<Origin> parse_host_port(std::string_view text) {
  if (text.find('/') != text.npos) {
    return fail(Errc::parse, "'" + std::string(text) + "': expected host:port, without a scheme and without a path");
  }
  return parse_authority(text, 0);
}

Outcome<Uri> parse_uri(std::string_view text) {
  Uri uri;
  if (!std::ranges::all_of(text, [](unsigned char c) { return c > 0x20 && c < 0x7f; })) {
    return fail(Errc::parse, "a URL may hold no spaces, control or non-ASCII characters");
  }
  auto colon = text.find("://");
  if (colon == text.npos || colon == 0 || !is_alpha(text[0]))
    return fail(Errc::parse, "a URL must begin with scheme://");
  for (char c : text.substr(0, colon)) {
    if (!is_alnum(c) && c != '+' && c != '-' && c != '.') return fail(Errc::parse, "a URL must begin with scheme://");
    uri.scheme += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  }
  std::string_view rest = text.substr(colon + 3);
  auto authority = rest.substr(0, rest.find_first_of("/?#"));
  auto target = rest.substr(authority.size());
  if (auto at = authority.rfind('@'); at != authority.npos) {
    uri.userinfo = authority.substr(0, at);
    authority.remove_prefix(at + 1);
  }
  auto origin = parse_authority(authority, default_port(uri.scheme));
  if (!origin) {
    // A password with an unescaped '/', '?' or '#' in it ends up as host and port.
    if (text.find('@') != text.npos)
      return fail(Errc::parse, "a URL with userinfo: no valid host and port behind the '@'");
    return unexpected(origin.error());
  }
  uri.origin = std::move(*origin);

  if (target.find('#') != target.npos) return fail(Errc::parse, "a URL of a server has no #fragment");
  uri.target = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
  return uri;
}

Outcome<std::string> percent_decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0 || (high == 0 && low == 0)) {
      return fail(Errc::parse, "broken percent escape in '" + std::string(text) + "'");
    }
    decoded += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return decoded;
}

std::string form_decode(std::string_view text) {
  std::string spaced(text);
  std::ranges::replace(spaced, '+', ' ');
  auto plain = percent_decode(spaced);
  return plain ? std::move(*plain) : spaced;
}

}  // namespace mayfly::core
