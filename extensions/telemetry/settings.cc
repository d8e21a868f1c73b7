#include "extensions/telemetry/settings.h"

#include <algorithm>
#include <charconv>

#include "core/environment.h"

namespace mayfly::telemetry {
namespace {

using core::Errc;
using core::fail;
using core::Outcome;
using extension::TelemetryType;

constexpr std::size_t kMinQueueBytes = 64 * 1024;
constexpr std::size_t kMaxQueueBytes = 1024 * 1024 * 1024;
constexpr std::size_t kDefaultQueueBytes = 8 * 1024 * 1024;

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Calls f for each part that is not empty.
template <class F>
void each_part(std::string_view list, F f) {
  while (!list.empty()) {
    auto comma = std::min(list.find(','), list.size());
    if (auto part = trim(list.substr(0, comma)); !part.empty()) f(part);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
}

bool parse_number(std::string_view text, std::size_t& out) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

Outcome<DestinationSettings> parse_otlp(std::string_view url) {
  auto uri = core::parse_uri(url.substr(std::string_view("otlp+").size()));
  if (!uri) return unexpected(uri.error());
  if (uri->scheme == "https")
    return fail(Errc::parse, "otlp+https: this build has no TLS; use otlp+http to a collector nearby");
  if (uri->scheme != "http") return fail(Errc::parse, "otlp+" + uri->scheme + ": expected otlp+http");
  if (!uri->userinfo.empty())
    return fail(Errc::parse, "otlp+http: a user name or password in the URL is not supported");
  if (uri->target.find('?') != std::string::npos)
    return fail(Errc::parse, "otlp+http: a query in the URL is not supported");
  DestinationSettings d;
  d.kind = DestinationSettings::Kind::otlp_http;
  d.origin = uri->origin;
  // The base URL of a receiver, as in OTEL_EXPORTER_OTLP_ENDPOINT.
  d.target = uri->target;
  while (d.target.ends_with('/')) d.target.pop_back();
  if (!d.target.ends_with("/v1/logs")) d.target += "/v1/logs";
  return d;
}

Outcome<DestinationSettings> parse_file(std::string_view url) {
  url.remove_prefix(std::string_view("file:").size());
  if (url.starts_with("//")) url.remove_prefix(2);
  auto path = core::percent_decode(url);
  if (!path) return unexpected(path.error());
  if (!path->starts_with('/'))
    return fail(Errc::parse, "file: expected an absolute path, as in file:/tmp/records.ndjson");
  DestinationSettings d;
  d.kind = DestinationSettings::Kind::file;
  d.path = std::move(*path);
  return d;
}

void read_destinations(Settings& s) {
  auto list = core::env("MAYFLY_TELEMETRY_DESTINATIONS");
  if (!list) return s.complaints.emplace_back("MAYFLY_TELEMETRY_DESTINATIONS is not set"), void();
  each_part(*list, [&](std::string_view url) {
    auto destination = parse_destination(url);
    if (destination) return s.destinations.push_back(std::move(*destination));
    s.complaints.push_back("MAYFLY_TELEMETRY_DESTINATIONS: " + destination.error().message);
  });
  if (s.destinations.empty() && s.complaints.empty())
    s.complaints.emplace_back("MAYFLY_TELEMETRY_DESTINATIONS names no destination");
}

void read_types(Settings& s) {
  each_part(core::env_or("MAYFLY_TELEMETRY_TYPES", ""), [&](std::string_view word) {
    for (auto type : {TelemetryType::platform, TelemetryType::function, TelemetryType::extension}) {
      std::string_view name = type == TelemetryType::platform   ? "platform"
                              : type == TelemetryType::function ? "function"
                                                                : "extension";
      if (word != name) continue;
      if (!s.forwards(type)) s.types.push_back(type);
      return;
    }
    s.complaints.push_back("MAYFLY_TELEMETRY_TYPES: \"" + std::string(word) +
                           "\" is none of platform, function, extension");
  });
  if (s.types.empty()) s.types = {TelemetryType::platform, TelemetryType::function};

  bool prints = std::ranges::any_of(s.destinations,
                                    [](const auto& d) { return d.kind == DestinationSettings::Kind::standard_output; });
  if (prints && std::erase(s.types, TelemetryType::extension) > 0) {
    s.complaints.emplace_back(
        "MAYFLY_TELEMETRY_TYPES: extension is left out, because what stdout: prints would come back");
  }
}

void read_queue_bytes(Settings& s) {
  s.queue_bytes = kDefaultQueueBytes;
  if (s.memory_mb > 0) s.queue_bytes = std::clamp(s.memory_mb * 1024 * 1024 / 16, kMinQueueBytes, kDefaultQueueBytes);
  auto text = core::env("MAYFLY_TELEMETRY_QUEUE_BYTES");
  if (!text) return;
  std::size_t bytes = 0;
  if (parse_number(*text, bytes) && bytes >= kMinQueueBytes && bytes <= kMaxQueueBytes) {
    s.queue_bytes = bytes;
  } else {
    s.complaints.push_back("MAYFLY_TELEMETRY_QUEUE_BYTES: \"" + std::string(*text) +
                           "\" is not a number in 65536..1073741824");
  }
}

void read_resource(Settings& s) {
  each_part(core::env_or("OTEL_RESOURCE_ATTRIBUTES", ""), [&](std::string_view pair) {
    auto equals = pair.find('=');
    auto key = core::percent_decode(trim(pair.substr(0, equals)));
    auto value = core::percent_decode(equals == pair.npos ? std::string_view() : trim(pair.substr(equals + 1)));
    if (equals == pair.npos || !key || !value || key->empty()) {
      s.complaints.push_back("OTEL_RESOURCE_ATTRIBUTES: \"" + std::string(pair) + "\" is not key=value");
    } else if (*key == "service.name") {
      s.service_name = std::move(*value);
    } else {
      s.resource_attributes.emplace_back(std::move(*key), std::move(*value));
    }
  });
  if (auto name = core::env("OTEL_SERVICE_NAME")) s.service_name = *name;
}

void read_compression(Settings& s) {
  auto word = core::env_or("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd");
  s.compress = word != "none";
  if (word != "none" && word != "zstd" && !word.empty()) {
    s.complaints.push_back("OTEL_EXPORTER_OTLP_COMPRESSION: \"" + std::string(word) + "\" is neither zstd nor none");
  }
}

}  // namespace

Outcome<DestinationSettings> parse_destination(std::string_view url) {
  if (url == "stdout:") return DestinationSettings{};
  if (url.starts_with("file:")) return parse_file(url);
  if (url.starts_with("otlp+")) return parse_otlp(url);
  // Only the scheme is repeated: the rest may hold a password.
  auto colon = url.find(':');
  if (colon == url.npos)
    return fail(Errc::parse, "a destination is a URL: stdout:, file:/path or otlp+http://host:port");
  return fail(Errc::parse, "\"" + std::string(url.substr(0, colon)) + ":\" is none of stdout:, file:, otlp+http:");
}

bool Settings::forwards(TelemetryType type) const { return std::ranges::find(types, type) != types.end(); }

Settings read_settings() {
  Settings s;
  s.function_name = core::env_or("AWS_LAMBDA_FUNCTION_NAME", "");
  s.function_version = core::env_or("AWS_LAMBDA_FUNCTION_VERSION", "");
  s.region = core::env_or("AWS_REGION", "");
  if (!parse_number(core::env_or("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", ""), s.memory_mb)) s.memory_mb = 0;
  read_destinations(s);
  read_types(s);
  read_queue_bytes(s);
  read_compression(s);
  read_resource(s);
  return s;
}

}  // namespace mayfly::telemetry
