#include "extensions/telemetry/settings.h"

#include <doctest/doctest.h>

#include <map>

using namespace mayfly::telemetry;
using mayfly::core::Origin;
using mayfly::extension::TelemetryType;

namespace {

using Variables = std::map<std::string, std::string>;

Settings read_only(const Variables& variables) {
  return read_settings([&](const char* name) {
    auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

Settings read(Variables variables) {
  variables.try_emplace("MAYFLY_TELEMETRY_DESTINATIONS", "stdout:");
  return read_only(variables);
}

using Targets = std::array<std::string, 3>;

}  // namespace

TEST_CASE("a wrong destination is named and left out, the others stay") {
  auto s = read({{"MAYFLY_TELEMETRY_DESTINATIONS", "loki:x,stdout:"}});
  CHECK(s.destinations.size() == 1);
  REQUIRE(s.complaints.size() == 1);
  CHECK(s.complaints[0].starts_with("MAYFLY_TELEMETRY_DESTINATIONS: \"loki:\" is none of stdout:, "));
}

TEST_CASE("a list without a destination is said to be one, and so is none at all") {
  CHECK(read({{"MAYFLY_TELEMETRY_DESTINATIONS", " , "}}).complaints.size() == 1);
  auto s = read_only({});
  CHECK(s.destinations.empty());
  REQUIRE(s.complaints.size() == 1);
  CHECK(s.complaints[0] == "neither MAYFLY_TELEMETRY_DESTINATIONS nor OTEL_EXPORTER_OTLP_ENDPOINT is set");
}

TEST_CASE("platform and function records are the default, each destination may have its own") {
  CHECK(read({}).types == std::vector{TelemetryType::platform, TelemetryType::function});
  auto s = read({{"MAYFLY_TELEMETRY_DESTINATIONS", "file:/x,file:/y#types=platform"},
                 {"MAYFLY_TELEMETRY_TYPES", "extension, function,function"}});
  CHECK(s.types == std::vector{TelemetryType::platform, TelemetryType::function, TelemetryType::extension});
  CHECK(s.destinations[0].types == std::vector{TelemetryType::extension, TelemetryType::function});
  CHECK(s.destinations[1].types == std::vector{TelemetryType::platform});
  CHECK(s.complaints.empty());
}

TEST_CASE("an unknown type is named, and the default is used") {
  auto s = read({{"MAYFLY_TELEMETRY_TYPES", "function,metrics"}});
  CHECK(s.types == std::vector{TelemetryType::platform, TelemetryType::function});
  REQUIRE(s.complaints.size() == 1);
  CHECK(s.complaints[0] == "MAYFLY_TELEMETRY_TYPES: \"metrics\" is none of platform, function, extension");
  CHECK(read({{"MAYFLY_TELEMETRY_TYPES", "extension"}}).complaints.size() == 1);  // to stdout:
}

TEST_CASE("the queue takes a sixteenth of the memory, eight mebibytes at most") {
  CHECK(read({}).queue_bytes == 8u << 20);
  CHECK(read({{"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"}}).queue_bytes == 8u << 20);
  CHECK(read({{"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "64"}}).queue_bytes == 4u << 20);
  CHECK(read({{"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "10240"}}).queue_bytes == 8u << 20);
  CHECK(read({{"MAYFLY_TELEMETRY_QUEUE_BYTES", "65536"}}).queue_bytes == 65536);
  for (const char* wrong : {"0", "65535", "1073741825", "8MB", "-1", "99999999999999999999"}) {
    auto s = read({{"MAYFLY_TELEMETRY_QUEUE_BYTES", wrong}});
    CHECK(s.queue_bytes == 8u << 20);
    REQUIRE(s.complaints.size() == 1);
    CHECK(s.complaints[0] ==
          "MAYFLY_TELEMETRY_QUEUE_BYTES: \"" + std::string(wrong) + "\" is not a number in 65536..1073741824");
  }
}

TEST_CASE("an error in the resource attributes discards all of them, and OTEL_SERVICE_NAME wins") {
  auto s = read({{"OTEL_RESOURCE_ATTRIBUTES", "team=a%2Cb, service.name = x ,stage="}, {"OTEL_SERVICE_NAME", "shop"}});
  CHECK(s.complaints.empty());
  CHECK(s.service_name == "shop");
  CHECK(s.resource_attributes == std::vector<std::pair<std::string, std::string>>{{"team", "a,b"}, {"stage", ""}});
  CHECK(read({{"OTEL_RESOURCE_ATTRIBUTES", "service.name=x"}}).service_name == "x");
  for (const char* wrong : {"a=1,novalue", "a=1,=x", "a=1,b=%zz,c", "service.name=y,b=%2"}) {
    s = read({{"OTEL_RESOURCE_ATTRIBUTES", wrong}});
    CHECK(s.resource_attributes.empty());
    CHECK(s.service_name.empty());
    CHECK(s.complaints.size() == 1);
  }
}

TEST_CASE("an endpoint for all signals is a base URL") {
  auto s = read_only({{"OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector/base/"}});
  CHECK(s.complaints.empty());
  REQUIRE(s.destinations.size() == 1);
  const auto& d = s.destinations[0];
  CHECK(d.encoding == Encoding::otlp);
  CHECK(d.tls);
  CHECK(d.origin == Origin{"collector", 443});
  CHECK(d.targets == Targets{"/base/v1/logs", "/base/v1/metrics", "/base/v1/traces"});
  CHECK(d.timeout == std::chrono::milliseconds{10'000});
  CHECK(d.compression == Compression::zstd);
  // A base whose path happens to be a signal's own is a base all the same.
  s = read_only({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://h/v1/logs"}});
  CHECK(s.destinations[0].targets[2] == "/v1/logs/v1/traces");
}

TEST_CASE("an endpoint for one signal is used as it is") {
  auto s = read_only({{"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://logs:4000"}});
  CHECK(s.complaints.empty());
  REQUIRE(s.destinations.size() == 1);
  CHECK(s.destinations[0].targets == Targets{"/", "", ""});

  s = read_only({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4000"},
                 {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces/intake?x=1"}});
  REQUIRE(s.destinations.size() == 2);
  CHECK(s.destinations[0].origin == Origin{"all", 4000});
  CHECK(s.destinations[0].targets == Targets{"/v1/logs", "/v1/metrics", ""});
  CHECK(s.destinations[1].targets == Targets{"", "", "/intake?x=1"});
}

TEST_CASE("settings of one signal win for that signal, and equal ones share a connection") {
  auto s = read_only({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://h:4000"},
                      {"OTEL_EXPORTER_OTLP_HEADERS", "key=all,tenant=1"},
                      {"OTEL_EXPORTER_OTLP_METRICS_HEADERS", "key=metrics"},
                      {"OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"},
                      {"OTEL_EXPORTER_OTLP_TIMEOUT", "500"},
                      {"OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca.pem"}});
  CHECK(s.complaints.empty());
  REQUIRE(s.destinations.size() == 2);
  CHECK(s.destinations[0].targets == Targets{"/v1/logs", "", "/v1/traces"});
  CHECK(s.destinations[0].headers == std::vector<HeaderSetting>{{"key", "all"}, {"tenant", "1"}});
  CHECK(s.destinations[1].targets == Targets{"", "/v1/metrics", ""});
  CHECK(s.destinations[1].headers == std::vector<HeaderSetting>{{"key", "metrics"}});
  for (const auto& d : s.destinations) {
    CHECK(d.compression == Compression::gzip);
    CHECK(d.timeout == std::chrono::milliseconds{500});
    CHECK(d.certificate == "/ca.pem");
  }
}

TEST_CASE("MAYFLY_TELEMETRY_DESTINATIONS wins over endpoints, which may be the receiver's address for the function") {
  auto s = read({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318"},
                 {"OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"},
                 {"OTEL_EXPORTER_OTLP_HEADERS", "key=k"},
                 {"MAYFLY_TELEMETRY_DESTINATIONS", "otlp+http://a,otlp+http://b#headers=x=y,ndjson+http://c"}});
  CHECK(s.complaints.empty());
  REQUIRE(s.destinations.size() == 3);
  CHECK(s.destinations[0].headers == std::vector<HeaderSetting>{{"key", "k"}});
  CHECK(s.destinations[1].headers == std::vector<HeaderSetting>{{"x", "y"}});
  CHECK(s.destinations[2].headers.empty());
}

TEST_CASE("the daemon's own receiver as an endpoint is refused once, with the way out") {
  auto s = read_only({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318"}});
  CHECK(s.destinations.empty());
  REQUIRE(s.complaints.size() == 1);
  CHECK(s.complaints[0].starts_with("OTEL_EXPORTER_OTLP_ENDPOINT: localhost:4318 is the daemon's own receiver"));
  s = read_only({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318"}, {"MAYFLY_TELEMETRY_RECEIVER", "off"}});
  CHECK(s.complaints.empty());
  CHECK_FALSE(s.receiver);
  CHECK(s.destinations.size() == 1);
}

TEST_CASE("each wrong value is one complaint that names variable, value and what is allowed, and the default is used") {
  struct Case {
    const char* variable;
    const char* value;
    const char* complaint;
  };
  for (const auto& c : {
           Case{"OTEL_EXPORTER_OTLP_COMPRESSION", "br", "\"br\" is none of zstd, gzip, none"},
           Case{"OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "\"10s\" is not a number of milliseconds in 1..300000"},
           Case{"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "\"grpc\" is not http/protobuf, which is what is sent"},
           Case{"OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "http/json",
                "\"http/json\" is not http/protobuf, which is what is sent"},
           Case{"OTEL_EXPORTER_OTLP_HEADERS", "hunter2", "expected NAME=VALUE, comma separated"},
           Case{"OTEL_EXPORTER_OTLP_CLIENT_KEY", "/k.pem", "client certificates are not supported"},
           Case{"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "h:4000", "a URL must begin with scheme://"},
           Case{"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "grpc://h:4000", "expected http:// or https://"},
           Case{"MAYFLY_TELEMETRY_RECEIVER", "maybe", "\"maybe\" is neither host:port nor off"},
           Case{"MAYFLY_TELEMETRY_RETRY_500", "2", "\"2\" is neither on nor off"},
           Case{"MAYFLY_TELEMETRY_SPOOL", "tmp", "\"tmp\" is neither an absolute path nor off"},
           Case{"MAYFLY_TELEMETRY_SPOOL", "a\x1b[31m\n", "\"a?[31m?\" is neither an absolute path nor off"},
       }) {
    auto s = read_only({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://h"}, {c.variable, c.value}});
    REQUIRE_MESSAGE(s.complaints.size() == 1, c.variable);
    CHECK(s.complaints[0] == std::string(c.variable) + ": " + c.complaint);
    REQUIRE(s.destinations.size() == 1);
    CHECK(s.destinations[0].compression == Compression::zstd);
    CHECK(s.spool_folder == "/tmp/.mayfly-telemetry");
  }
}

TEST_CASE("the receiver can be elsewhere, and is no destination there") {
  CHECK(read_only({}).receiver->host_port() == "127.0.0.1:4318");
  auto s = read_only({{"MAYFLY_TELEMETRY_RECEIVER", "localhost:14318"},
                      {"MAYFLY_TELEMETRY_DESTINATIONS", "otlp+http://localhost:14318 otlp+http://localhost:4318"}});
  CHECK(s.receiver->host_port() == "127.0.0.1:14318");
  REQUIRE(s.destinations.size() == 1);
  CHECK(s.destinations[0].origin.port == 4318);
}

TEST_CASE("set to nothing is not set") {
  auto s = read_only({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://h"},
                      {"OTEL_EXPORTER_OTLP_COMPRESSION", ""},
                      {"MAYFLY_TELEMETRY_DESTINATIONS", ""},
                      {"MAYFLY_TELEMETRY_FLUSH", " "},
                      {"MAYFLY_TELEMETRY_TYPES", ""}});
  CHECK(s.complaints.empty());
  CHECK(s.flush == FlushSettings());
  CHECK(s.destinations.size() == 1);
}

TEST_CASE("the spool can be elsewhere or off") {
  auto s = read({{"MAYFLY_TELEMETRY_SPOOL", "/tmp/x"}});
  CHECK(s.spool_folder == "/tmp/x");
  CHECK(read({{"MAYFLY_TELEMETRY_SPOOL", "off"}}).spool_folder.empty());
}
