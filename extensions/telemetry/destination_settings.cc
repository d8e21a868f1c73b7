#include "extensions/telemetry/destination_settings.h"

#include <arpa/inet.h>
#include <mayfly/base64.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/http_field.h"
#include "extensions/telemetry/secret_text.h"

namespace mayfly::telemetry {
namespace {

using core::Errc;
using core::fail;
using core::Outcome;
using extension::TelemetryType;
using std::chrono::milliseconds;

constexpr std::size_t kMaxHeaders = 32;
constexpr std::size_t kMaxHeaderBytes = 8 * 1024;
constexpr std::array kAllSignals{Signal::logs, Signal::metrics, Signal::traces};
constexpr std::array kAllTypes{TelemetryType::platform, TelemetryType::function, TelemetryType::extension};

bool is_control(unsigned char c) { return c < 0x20 || c == 0x7f; }

bool is_scheme(std::string_view text) {
  auto colon = text.find(':');
  if (colon == text.npos || colon == 0) return false;
  return std::ranges::all_of(text.substr(0, colon), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+';
  });
}

std::string path_of(Signal signal) { return "/v1/" + std::string(to_string(signal)); }

// A URL of http or https, split where secrets may begin.
struct Address {
  std::string name;  // scheme, host, port and path: may be printed
  bool tls = false;
  core::Origin origin;
  std::optional<HeaderSetting> authorization;
  std::string path;   // "" or "/..."
  std::string query;  // "" or "?..."
};

// `options`: what stood behind the URL.
Outcome<Address> parse_address(std::string_view url, std::string_view options) {
  // The target is read here: in a core::Uri there is no place for ${…}.
  auto authority = url.find("://");
  authority = authority == url.npos ? url.size() : authority + 3;
  auto end = authority + url.substr(authority).find_first_of("/?");
  if (end < authority) end = url.size();
  if (url.substr(0, end).find("${") != url.npos)
    return fail(Errc::parse, "a secret may stand in path, query and headers, not in front of them");
  auto uri = core::parse_uri(url.substr(0, end));
  // A password with one of these unescaped ends up as host and port, or as a path.
  constexpr const char* kMisread =
      "a '@' behind host and port: in a password write %2F, %3F and %23 for '/', '?' and '#', elsewhere %40 for '@'";
  if (url.find('@', end) != url.npos) return fail(Errc::parse, kMisread);
  if (!uri && options.find('@') != options.npos) return fail(Errc::parse, kMisread);
  if (!uri) return unexpected(uri.error());

  Address a;
  a.tls = uri->scheme.ends_with("https");
  a.origin = uri->origin;
  std::string_view target = url.substr(end);
  if (!std::ranges::all_of(target, [](unsigned char c) { return c > 0x20 && c < 0x7f; }))
    return fail(Errc::parse, "a URL may hold no spaces, control or non-ASCII characters");
  if (auto secrets = parse_secret_text(target); !secrets) return unexpected(secrets.error());
  auto query = find_outside_braces(target, "?");
  a.path = target.substr(0, query);
  a.query = target.substr(query);
  if (find_outside_braces(a.path, "#") < a.path.size() || find_outside_braces(a.query, "#") < a.query.size())
    return fail(Errc::parse, "a URL of a server has no #fragment");
  a.name = uri->scheme + "://" + a.origin.host_port() + a.path;
  if (!uri->userinfo.empty()) {
    auto user = core::percent_decode(uri->userinfo);
    if (!user) return fail(Errc::parse, "a broken percent escape in front of the '@'");
    a.authorization = HeaderSetting{"Authorization", "Basic "};
    append_base64(a.authorization->value, *user);
  }
  return a;
}

std::string own_receiver_complaint(const Address& address) {
  return address.origin.host_port() +
         " is the daemon's own receiver, and what is sent there would come back; name the backend in "
         "MAYFLY_TELEMETRY_DESTINATIONS, or set MAYFLY_TELEMETRY_RECEIVER=off if something else listens there";
}

void set_header(std::vector<HeaderSetting>& headers, HeaderSetting header) {
  std::erase_if(headers, [&](const HeaderSetting& h) { return core::same_field_name(h.name, header.name); });
  headers.push_back(std::move(header));
}

Outcome<DestinationSettings> http_destination(Encoding encoding, const Address& address,
                                              const DestinationDefaults& defaults) {
  if (is_own_receiver(address.origin, defaults.own_receiver_port))
    return fail(Errc::refused, own_receiver_complaint(address));
  DestinationSettings d;
  d.kind = DestinationSettings::Kind::http;
  d.encoding = encoding;
  d.name = address.name;
  d.types = defaults.types;
  d.tls = address.tls;
  d.origin = address.origin;
  d.compression = Compression::gzip;  // what receivers of lines know best
  if (encoding == Encoding::otlp) {
    d.headers = defaults.otlp_headers;
    d.compression = defaults.otlp_compression;
    d.timeout = defaults.otlp_timeout;
    d.certificate = defaults.otlp_certificate;
  }
  return d;
}

// Targets of all signals under a base path; of one if the path is that signal's own.
void set_otlp_targets(DestinationSettings& d, const Address& address) {
  std::string_view base = address.path;
  while (base.ends_with('/')) base.remove_suffix(1);
  for (Signal signal : kAllSignals) {
    if (!base.ends_with(path_of(signal))) continue;
    d.targets[static_cast<std::size_t>(signal)] = std::string(base) + address.query;
    return;
  }
  for (Signal signal : kAllSignals)
    d.targets[static_cast<std::size_t>(signal)] = std::string(base) + path_of(signal) + address.query;
}

Outcome<void> set_signals(DestinationSettings& d, std::string_view list) {
  std::array<bool, kSignals> wanted{};
  std::string unknown;
  each_part(list, [&](std::string_view word) {
    auto signal = std::ranges::find(kAllSignals, word, [](Signal s) { return to_string(s); });
    if (signal == kAllSignals.end()) {
      unknown = word;
    } else {
      wanted[static_cast<std::size_t>(*signal)] = true;
    }
  });
  if (!unknown.empty()) return fail(Errc::parse, quoted(unknown) + " is none of logs, metrics, traces");
  for (Signal signal : kAllSignals) {
    auto i = static_cast<std::size_t>(signal);
    if (wanted[i] && d.targets[i].empty())
      return fail(Errc::parse, "the path of the URL is not that of " + std::string(to_string(signal)));
    if (!wanted[i]) d.targets[i].clear();
  }
  if (!std::ranges::any_of(wanted, [](bool w) { return w; })) return fail(Errc::parse, "names no signal");
  return {};
}

Outcome<void> set_option(DestinationSettings& d, std::string_view name, std::string_view value) {
  bool http = d.kind == DestinationSettings::Kind::http;
  if (name == "types") {
    auto types = parse_types(value);
    if (!types) return unexpected(types.error());
    d.types = std::move(*types);
  } else if (name == "signals" && d.encoding == Encoding::otlp) {
    return set_signals(d, value);
  } else if (name == "compression" && http) {
    auto compression = parse_compression(value);
    if (!compression) return unexpected(compression.error());
    d.compression = *compression;
  } else if (name == "headers" && http) {
    auto headers = parse_headers(value);
    if (!headers) return unexpected(headers.error());
    d.headers = std::move(*headers);
  } else if (name == "timeout" && http) {
    auto timeout = parse_timeout(value);
    if (!timeout) return unexpected(timeout.error());
    d.timeout = *timeout;
  } else if (name == "certificate" && http) {
    auto path = core::percent_decode(value);
    if (!path || !path->starts_with('/')) return fail(Errc::parse, "expected the absolute path of a PEM file");
    d.certificate = std::move(*path);
  } else {
    return fail(Errc::parse, http && d.encoding == Encoding::otlp
                                 ? "is none of types, signals, compression, headers, timeout, certificate"
                             : http ? "is none of types, compression, headers, timeout, certificate"
                                    : "is not types");
  }
  return {};
}

Outcome<void> set_options(DestinationSettings& d, std::string_view options) {
  while (!options.empty()) {
    auto end = find_outside_braces(options, "&");
    auto option = options.substr(0, end);
    options.remove_prefix(end < options.size() ? end + 1 : end);
    if (option.empty()) continue;
    auto equals = option.find('=');
    auto name = option.substr(0, equals);
    // Without a '=' the text may be a value, and a value may be a secret.
    if (equals == option.npos) return fail(Errc::parse, d.name + ": an option behind '#' is NAME=VALUE");
    auto set = set_option(d, name, option.substr(equals + 1));
    if (!set) return fail(Errc::parse, d.name + ": option " + quoted(name) + ": " + set.error().message);
  }
  return {};
}

Outcome<DestinationSettings> parse_stdout(std::string_view options, const DestinationDefaults& defaults) {
  DestinationSettings d;
  d.name = "stdout:";
  d.types = defaults.types;
  if (auto set = set_options(d, options); !set) return unexpected(set.error());
  // What is printed there would come back as a record of an extension, for ever.
  std::erase(d.types, TelemetryType::extension);
  return d;
}

Outcome<DestinationSettings> parse_file(std::string_view url, std::string_view options,
                                        const DestinationDefaults& defaults) {
  url.remove_prefix(std::string_view("file:").size());
  if (url.starts_with("//")) url.remove_prefix(2);
  auto path = core::percent_decode(url);
  if (!path || std::ranges::any_of(*path, is_control))
    return fail(Errc::parse, "file: a broken percent escape, or a control character");
  if (!path->starts_with('/'))
    return fail(Errc::parse, "file: expected an absolute path, as in file:/tmp/records.ndjson");
  DestinationSettings d;
  d.kind = DestinationSettings::Kind::file;
  d.name = "file:" + *path;
  d.path = std::move(*path);
  d.types = defaults.types;
  if (auto set = set_options(d, options); !set) return unexpected(set.error());
  return d;
}

Outcome<DestinationSettings> parse_http(std::string_view url, std::string_view options,
                                        const DestinationDefaults& defaults) {
  auto plus = url.find('+');
  bool otlp = url.substr(0, plus) == "otlp";
  auto address = parse_address(url, options);
  if (!address) return unexpected(address.error());
  auto d = http_destination(otlp ? Encoding::otlp : Encoding::ndjson, *address, defaults);
  if (!d) return d;
  if (otlp) {
    set_otlp_targets(*d, *address);
  } else {
    d->targets[static_cast<std::size_t>(Signal::logs)] = (address->path.empty() ? "/" : address->path) + address->query;
  }
  if (auto set = set_options(*d, options); !set) return unexpected(set.error());
  if (address->authorization) set_header(d->headers, std::move(*address->authorization));
  return d;
}

}  // namespace

std::string_view to_string(Signal signal) {
  switch (signal) {
    case Signal::logs: return "logs";
    case Signal::metrics: return "metrics";
    case Signal::traces: return "traces";
  }
  return "";
}

std::size_t find_outside_braces(std::string_view text, std::string_view separators) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (separators.find(text[i]) != separators.npos) return i;
    if (!text.substr(i).starts_with("${")) continue;
    // One that is never closed is no template.
    if (auto close = text.find('}', i); close != text.npos) i = close;
  }
  return text.size();
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string quoted(std::string_view text) {
  constexpr std::size_t kMost = 64;
  return printable("\"" + std::string(text.substr(0, kMost)) + (text.size() > kMost ? "…\"" : "\""));
}

std::string printable(std::string text) {
  constexpr std::size_t kMost = 500;
  text.resize(std::min(text.size(), kMost));
  std::ranges::replace_if(text, is_control, '?');
  return text;
}

bool DestinationSettings::takes(TelemetryType type) const { return std::ranges::find(types, type) != types.end(); }

std::uint64_t fingerprint(const DestinationSettings& d) {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  auto add = [&](std::string_view text) {
    for (unsigned char c : text) hash = (hash ^ c) * 0x100000001b3;
    hash *= 0x100000001b3;  // a NUL between the parts
  };
  add(d.name);
  for (const auto& target : d.targets) add(std::string_view(target).substr(0, find_outside_braces(target, "?")));
  return hash == 0 ? 1 : hash;
}

std::vector<std::string_view> split_destinations(std::string_view list) {
  std::vector<std::string_view> urls;
  std::size_t begin = 0;
  bool options = false;
  auto end_at = [&](std::size_t end) {
    if (end > begin) urls.push_back(list.substr(begin, end - begin));
    begin = end + 1;
    options = false;
  };
  for (std::size_t i = 0; i < list.size(); ++i) {
    i += find_outside_braces(list.substr(i), ", \t\n\r#");
    if (i >= list.size()) break;
    if (list[i] == '#') {
      options = true;
    } else if (list[i] != ',' || !options || is_scheme(trim(list.substr(i + 1)))) {
      end_at(i);
    }
  }
  end_at(list.size());
  return urls;
}

Outcome<DestinationSettings> parse_destination(std::string_view url, const DestinationDefaults& defaults) {
  auto hash = find_outside_braces(url, "#");
  auto address = url.substr(0, hash);
  auto options = url.substr(std::min(hash + 1, url.size()));
  auto scheme = address.substr(0, address.find(':'));
  if (address == "stdout:") return parse_stdout(options, defaults);
  if (address.starts_with("file:")) return parse_file(address, options, defaults);
  for (std::string_view known : {"otlp+http", "otlp+https", "ndjson+http", "ndjson+https"})
    if (scheme == known) return parse_http(address, options, defaults);
  // Only the scheme is repeated: the rest may hold a password.
  std::string said =
      scheme.size() == address.size() ? "a destination is a URL, one" : quoted(std::string(scheme) + ":") + " is none";
  return fail(Errc::parse,
              said + " of stdout:, file:/path, otlp+http://, otlp+https://, ndjson+http://, ndjson+https://");
}

Outcome<DestinationSettings> parse_otlp_endpoint(std::string_view url, const Signal* only,
                                                 const DestinationDefaults& defaults) {
  auto address = parse_address(url, {});
  if (!address) return unexpected(address.error());
  if (!address->name.starts_with("http://") && !address->name.starts_with("https://"))
    return fail(Errc::parse, "expected http:// or https://");
  address->name = "otlp+" + address->name;
  auto d = http_destination(Encoding::otlp, *address, defaults);
  if (!d) return d;
  if (address->authorization) set_header(d->headers, std::move(*address->authorization));
  if (only) {
    d->targets[static_cast<std::size_t>(*only)] = (address->path.empty() ? "/" : address->path) + address->query;
  } else {
    while (address->path.ends_with('/')) address->path.pop_back();
    for (Signal signal : kAllSignals)
      d->targets[static_cast<std::size_t>(signal)] = address->path + path_of(signal) + address->query;
  }
  return d;
}

Outcome<std::vector<HeaderSetting>> parse_headers(std::string_view list) {
  constexpr std::array<std::string_view, 9> kOurs{"host",       "content-length",      "content-type",
                                                  "connection", "content-encoding",    "transfer-encoding",
                                                  "expect",     "proxy-authorization", "upgrade"};
  std::vector<HeaderSetting> headers;
  std::string wrong;
  each_part(list, [&](std::string_view pair) {
    auto equals = pair.find('=');
    auto name = trim(pair.substr(0, equals));
    // The name may be a value that lost its name.
    if (equals == pair.npos || !core::is_token(name)) {
      wrong = "expected NAME=VALUE, comma separated";
      return;
    }
    if (std::ranges::find(kOurs, core::lower_case(name)) != kOurs.end()) {
      wrong = "header " + quoted(name) + " is set by mayfly-telemetry itself";
      return;
    }
    auto value = core::percent_decode(trim(pair.substr(equals + 1)));
    if (!value || !core::is_field_value(*value) || value->size() > kMaxHeaderBytes) {
      wrong = "the value of " + quoted(name) +
              " is no header value: percent-encoded, without control characters, 8192 bytes at most";
      return;
    }
    if (auto secrets = parse_secret_text(*value); !secrets) {
      wrong = "the value of " + quoted(name) + ": " + secrets.error().message;
      return;
    }
    set_header(headers, {std::string(name), std::move(*value)});
  });
  if (headers.size() > kMaxHeaders) wrong = "more than 32 headers";
  if (!wrong.empty()) return fail(Errc::parse, std::move(wrong));
  return headers;
}

Outcome<Compression> parse_compression(std::string_view word) {
  if (word == "none") return Compression::none;
  if (word == "gzip") return Compression::gzip;
  if (word == "zstd") return Compression::zstd;
  return fail(Errc::parse, quoted(word) + " is none of zstd, gzip, none");
}

Outcome<milliseconds> parse_timeout(std::string_view text) {
  int value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 1 || value > 300'000)
    return fail(Errc::out_of_range, quoted(text) + " is not a number of milliseconds in 1..300000");
  return milliseconds{value};
}

Outcome<std::vector<TelemetryType>> parse_types(std::string_view list) {
  std::vector<TelemetryType> types;
  std::string unknown;
  each_part(list, [&](std::string_view word) {
    auto type = std::ranges::find(kAllTypes, word, [](TelemetryType t) { return to_string(t); });
    if (type == kAllTypes.end()) {
      unknown = word;
    } else if (std::ranges::find(types, *type) == types.end()) {
      types.push_back(*type);
    }
  });
  if (!unknown.empty()) return fail(Errc::parse, quoted(unknown) + " is none of platform, function, extension");
  return types;
}

bool is_own_receiver(const core::Origin& origin, std::uint16_t own_receiver_port) {
  if (origin.port != own_receiver_port) return false;
  std::string host = core::lower_case(origin.host);
  if (host.ends_with('.')) host.pop_back();
  // What Lambda's sandbox has in /etc/hosts for itself, besides localhost.
  for (std::string_view name : {"localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback", "sandbox",
                                "sandbox.localdomain", "sandbox.local"})
    if (host == name) return true;
  if (host.ends_with(".localhost")) return true;
  auto is_own_v4 = [](std::uint32_t address) { return address == 0 || address >> 24 == 127; };
  in_addr v4;
  // As the resolver reads it: 127.1, 0x7f000001 and 2130706433 are one address.
  if (inet_aton(host.c_str(), &v4) != 0) return is_own_v4(ntohl(v4.s_addr));
  in6_addr v6;
  if (inet_pton(AF_INET6, host.c_str(), &v6) != 1) return false;
  if (IN6_IS_ADDR_LOOPBACK(&v6) || IN6_IS_ADDR_UNSPECIFIED(&v6)) return true;
  bool mapped = IN6_IS_ADDR_V4MAPPED(&v6) || IN6_IS_ADDR_V4COMPAT(&v6);
  std::uint32_t low = 0;
  for (int i = 12; i < 16; ++i) low = low << 8 | v6.s6_addr[i];
  return mapped && is_own_v4(low);
}

}  // namespace mayfly::telemetry
