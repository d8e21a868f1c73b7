// One destination as a person writes it: a URL, and behind a '#' how it differs
// from the rest.
//
//   stdout:
//   file:/tmp/records.ndjson#types=function
//   otlp+https://collector.example#signals=logs,traces&compression=gzip
//   ndjson+https://logs.example/in#headers=x-api-key=${ssm:/logs/key}&types=function,platform
//
// Options stand in the fragment because several destinations must fit into one
// environment variable, a name for each would be a second thing to keep in step,
// and everything in front of the '#' stays what the backend's own documentation
// gives: a URL's query belongs to the backend, its fragment never travels.
//
// | option                | for            | default                                                      |
// |-----------------------|----------------|--------------------------------------------------------------|
// | types=…               | all            | MAYFLY_TELEMETRY_TYPES                                       |
// | signals=…             | otlp           | logs,metrics,traces; one if the path ends in /v1/SIGNAL      |
// | compression=…         | otlp, ndjson   | otlp: OTEL_EXPORTER_OTLP_COMPRESSION or zstd; ndjson: gzip   |
// | headers=NAME=VALUE,…  | otlp, ndjson   | otlp: OTEL_EXPORTER_OTLP_HEADERS; percent-encoded as there   |
// | timeout=MILLISECONDS  | otlp, ndjson   | otlp: OTEL_EXPORTER_OTLP_TIMEOUT or 10000                    |
// | certificate=/path.pem | otlp, ndjson   | otlp: OTEL_EXPORTER_OTLP_CERTIFICATE; the system's           |
//
// The path of an otlp URL is a base, as in OTEL_EXPORTER_OTLP_ENDPOINT: it gets
// /v1/logs, /v1/metrics, /v1/traces. That of an ndjson URL is used as it is.
// USER:PASSWORD@ becomes an Authorization header.

#pragma once

#include <mayfly/extension.h>

#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "core/failure.h"
#include "core/uri.h"
#include "extensions/telemetry/batch.h"
#include "extensions/telemetry/compressor.h"

namespace mayfly::telemetry {

// "logs", "metrics", "traces".
std::string_view to_string(Signal signal);
using extension::to_string;

// A header of every request. `value` may hold ${…} for secrets, which are fetched
// when the first request is made; either way it is never printed.
struct HeaderSetting {
  std::string name;
  std::string value;
  bool operator==(const HeaderSetting&) const = default;
};

struct DestinationSettings {
  enum class Kind { standard_output, file, http };

  Kind kind = Kind::standard_output;
  Encoding encoding = Encoding::ndjson;
  // What it is called in log lines: no user, password, query or option.
  std::string name;
  std::vector<extension::TelemetryType> types;  // what it gets of Lambda's records; empty: nothing

  std::string path;  // file

  // http
  bool tls = false;
  core::Origin origin;
  // The request line's path and query by Signal, empty: this signal is not sent
  // there. May hold ${…}, as header values may.
  std::array<std::string, kSignals> targets;
  std::vector<HeaderSetting> headers;
  Compression compression = Compression::none;
  std::chrono::milliseconds timeout{10'000};  // for one request; 1 .. 300'000
  std::string certificate;                    // PEM file of the CAs to trust instead of the system's; may be empty

  bool takes(extension::TelemetryType type) const;
  bool takes(Signal signal) const { return !targets[static_cast<std::size_t>(signal)].empty(); }
};

// The same for the same encoding, scheme, host, port and paths, and never 0: what
// an earlier life has left for a destination goes to no other. Knows no secrets.
std::uint64_t fingerprint(const DestinationSettings& destination);

// What a destination has that says nothing about it.
struct DestinationDefaults {
  std::vector<extension::TelemetryType> types;
  Compression otlp_compression = Compression::zstd;
  std::chrono::milliseconds otlp_timeout{10'000};
  std::vector<HeaderSetting> otlp_headers;
  std::string otlp_certificate;
  std::uint16_t own_receiver_port = 4318;  // of loopback, where something of our own listens; 0: nothing does
};

// The URLs of a list that is separated by white space or commas. Inside the
// options of a URL a comma ends it only if another scheme follows.
std::vector<std::string_view> split_destinations(std::string_view list);

// Errors: Errc::parse, saying what is allowed and repeating no secret.
core::Outcome<DestinationSettings> parse_destination(std::string_view url, const DestinationDefaults& defaults);

// A URL as OTEL_EXPORTER_OTLP_*ENDPOINT has it, without options: "https://host/base".
// For all signals, or for the one whose whole URL it is.
core::Outcome<DestinationSettings> parse_otlp_endpoint(std::string_view url, const Signal* only,
                                                       const DestinationDefaults& defaults);

// "name=value,name=value" with percent-encoded values [A]; of equal names the last
// counts. Errors: Errc::parse; names may be repeated, values never are.
// [A] OpenTelemetry, "OTLP exporter configuration", Specifying headers, read 2026-11.
core::Outcome<std::vector<HeaderSetting>> parse_headers(std::string_view list);

core::Outcome<Compression> parse_compression(std::string_view word);
core::Outcome<std::chrono::milliseconds> parse_timeout(std::string_view milliseconds);
core::Outcome<std::vector<extension::TelemetryType>> parse_types(std::string_view list);

// True for loopback in any spelling with that port: 127.1, 0.0.0.0, ::1,
// ::ffff:127.0.0.1, localhost, and Lambda's own names for it. What is sent there
// would come back and be sent again.
bool is_own_receiver(const core::Origin& origin, std::uint16_t own_receiver_port);

// Calls f for each part between commas that is not empty; "${…}" holds together.
template <class F>
void each_part(std::string_view list, F f);

// `text` in quotes for a complaint: at most 64 bytes of it, and no control bytes.
std::string quoted(std::string_view text);
// `text` as one log line, at most 500 bytes of it.
std::string printable(std::string text);

// ---- each_part

// The first of `separators` outside "${…}", or the size of `text`.
std::size_t find_outside_braces(std::string_view text, std::string_view separators);
std::string_view trim(std::string_view text);

template <class F>
void each_part(std::string_view list, F f) {
  while (!list.empty()) {
    auto comma = find_outside_braces(list, ",");
    if (auto part = trim(list.substr(0, comma)); !part.empty()) f(part);
    list.remove_prefix(comma < list.size() ? comma + 1 : comma);
  }
}

}  // namespace mayfly::telemetry
