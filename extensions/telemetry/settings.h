// What the environment asks of the daemon.
//
// | variable                       | meaning                                        | default             |
// |--------------------------------|------------------------------------------------|---------------------|
// | MAYFLY_TELEMETRY_DESTINATIONS  | URLs, comma separated: stdout:, file:/path,    | none: it idles      |
// |                                | otlp+http://host[:port][/path]                 |                     |
// | MAYFLY_TELEMETRY_TYPES         | platform, function, extension; comma separated | platform,function   |
// | MAYFLY_TELEMETRY_QUEUE_BYTES   | what may wait for all backends together,       | memory/16, but      |
// |                                | 65536 .. 1073741824                            | 65536 .. 8388608    |
// | OTEL_SERVICE_NAME              | service.name                                   | the function's name |
// | OTEL_RESOURCE_ATTRIBUTES       | key=value, comma separated, percent-encoded    | none                |
// | OTEL_EXPORTER_OTLP_COMPRESSION | zstd, none                                     | zstd                |
//
// A wrong value never stops the daemon, and with it the function: it is named in
// `complaints` and the default is used; a wrong destination is left out.

#pragma once

#include <mayfly/extension.h>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "core/failure.h"
#include "core/uri.h"

namespace mayfly::telemetry {

struct DestinationSettings {
  enum class Kind { standard_output, file, otlp_http };
  Kind kind = Kind::standard_output;
  std::string path;     // file
  core::Origin origin;  // otlp_http
  std::string target;   // otlp_http: the path of the request line
};

// Errors: Errc::parse, naming what is wrong but no secret.
core::Outcome<DestinationSettings> parse_destination(std::string_view url);

struct Settings {
  std::vector<DestinationSettings> destinations;
  std::vector<extension::TelemetryType> types;  // to be forwarded
  std::size_t queue_bytes = 0;
  bool compress = true;

  std::string service_name;
  std::vector<std::pair<std::string, std::string>> resource_attributes;
  std::string region;
  std::string function_name;
  std::string function_version;
  std::size_t memory_mb = 0;  // 0: not known

  std::vector<std::string> complaints;  // one log line each

  bool forwards(extension::TelemetryType type) const;
};

Settings read_settings();

}  // namespace mayfly::telemetry
