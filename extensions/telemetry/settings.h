// What the environment asks of the daemon.
//
// | variable                           | meaning                                        | default                    |
// |------------------------------------|------------------------------------------------|----------------------------|
// | MAYFLY_TELEMETRY_DESTINATIONS      | URLs with options (destination_settings.h)     | the endpoints below        |
// | MAYFLY_TELEMETRY_TYPES             | platform, function, extension                  | platform,function          |
// | MAYFLY_TELEMETRY_FLUSH             | when an invocation waits for a backend, see    | adaptive:10s               |
// |                                    | flush_settings.h                               |                            |
// | MAYFLY_TELEMETRY_QUEUE_BYTES       | what may wait in memory for all backends,      | memory/16, but             |
// |                                    | 65536 .. 1073741824                            | 65536 .. 8388608           |
// | MAYFLY_TELEMETRY_SPOOL             | folder for what a reset would lose, or off     | /tmp/.mayfly-telemetry     |
// | MAYFLY_TELEMETRY_RETRY_500         | on: a 500 is a passing trouble of a proxy      | off                        |
// | MAYFLY_TELEMETRY_RECEIVER          | host:port for OTLP from the function, or off   | 127.0.0.1:4318             |
// | MAYFLY_TELEMETRY_XRAY              | join, parent, off: what X-Ray's ids are to our | join                       |
// |                                    | spans, see invocations.h                       |                            |
// | MAYFLY_TELEMETRY_MULTILINE         | on: a stack trace is one record, however many  | on                         |
// |                                    | lines it has                                   |                            |
// | MAYFLY_TELEMETRY_PLATFORM_TEXT     | on: platform records have CloudWatch's line as | on                         |
// |                                    | body (START, END, REPORT), off: their type     |                            |
// | OTEL_EXPORTER_OTLP_ENDPOINT        | base URL, gets /v1/logs, /v1/metrics, …        | none                       |
// | OTEL_EXPORTER_OTLP_LOGS_ENDPOINT   | whole URL of that signal; also METRICS, TRACES | the base URL               |
// | OTEL_EXPORTER_OTLP_HEADERS         | name=value, comma separated, percent-encoded   | none                       |
// | OTEL_EXPORTER_OTLP_COMPRESSION     | zstd, gzip, none                               | zstd                       |
// | OTEL_EXPORTER_OTLP_TIMEOUT         | milliseconds for one request, 1 .. 300000      | 10000                      |
// | OTEL_EXPORTER_OTLP_CERTIFICATE     | PEM file of the CAs to trust                   | the system's               |
// | MAYFLY_TELEMETRY_CA_FILE,          | the same for all destinations; the former wins | the system's               |
// | SSL_CERT_FILE                      | over OTEL_EXPORTER_OTLP_CERTIFICATE            |                            |
// | MAYFLY_TELEMETRY_TLS_INSECURE      | on: no certificate is verified                 | off                        |
// | MAYFLY_TELEMETRY_ALLOW_DUMPS       | on: core dumps and debuggers, secrets or not   | off                        |
// | https_proxy, http_proxy, all_proxy,| see proxy.h                                    | no proxy                   |
// | no_proxy                           |                                                |                            |
// | OTEL_EXPORTER_OTLP_PROTOCOL        | http/protobuf; nothing else is spoken          | http/protobuf              |
// | OTEL_SERVICE_NAME                  | service.name                                   | the function's name        |
// | OTEL_RESOURCE_ATTRIBUTES           | key=value, comma separated, percent-encoded    | none                       |
//
// All of OTEL_EXPORTER_OTLP_* but ENDPOINT also exist for one signal
// (OTEL_EXPORTER_OTLP_LOGS_HEADERS), and that one wins for its endpoint [A].
// The function's SDK reads the same variables, and often has to be pointed to
// the receiver on 4318: MAYFLY_TELEMETRY_DESTINATIONS then says where the daemon
// sends, and the endpoints are not looked at. Unlike in [A], nothing is sent
// anywhere by default, and compression is on.
//
// A wrong value never stops the daemon, and with it the function: it is named in
// `complaints` and the default is used; a wrong destination is left out.
//
// [A] OpenTelemetry, "OTLP exporter configuration" and "Resource SDK", 1.50, read 2026-11.

#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "extensions/telemetry/aws_settings.h"
#include "extensions/telemetry/destination_settings.h"
#include "extensions/telemetry/flush_settings.h"
#include "extensions/telemetry/proxy.h"
#include "extensions/telemetry/trace_context.h"

namespace mayfly::telemetry {

struct Settings {
  std::vector<DestinationSettings> destinations;
  std::vector<extension::TelemetryType> types;  // what at least one destination takes
  FlushSettings flush;
  std::size_t queue_bytes = 0;
  std::string spool_folder = "/tmp/.mayfly-telemetry";  // empty: no spool
  bool retry_500 = false;
  std::optional<core::Origin> receiver = core::Origin{"127.0.0.1", 4318};  // empty: off

  XRay xray = XRay::join;
  bool multiline = true;
  bool platform_text = true;

  std::string ca_file;        // for destinations without a certificate of their own; may be empty
  bool tls_insecure = false;  // certificates are not verified
  ProxySettings proxies;
  AwsSettings aws;           // where secrets come from
  bool allow_dumps = false;  // a debugger may look at a daemon that holds secrets

  std::string service_name;
  std::vector<std::pair<std::string, std::string>> resource_attributes;
  std::string region;
  std::string function_name;
  std::string function_version;
  std::size_t memory_mb = 0;  // 0: not known

  std::vector<std::string> complaints;  // one log line each; no secrets

  bool forwards(extension::TelemetryType type) const;
};

// The value of a variable, nullptr when it is not set. Set to nothing is not set.
using Environment = std::function<const char*(const char* name)>;

// Settings of the environment; what is not destination_settings' own stays as it
// is written until whoever needs it looks: no file, name or secret is touched.
Settings read_settings();
Settings read_settings(const Environment& environment);

}  // namespace mayfly::telemetry
