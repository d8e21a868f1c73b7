#include "extensions/telemetry/settings.h"

#include <doctest/doctest.h>

#include <cstdlib>

using namespace mayfly::telemetry;
using mayfly::extension::TelemetryType;

namespace {

Settings read(std::vector<std::pair<const char*, const char*>> variables) {
  for (const char* name :
       {"MAYFLY_TELEMETRY_DESTINATIONS", "MAYFLY_TELEMETRY_TYPES", "MAYFLY_TELEMETRY_QUEUE_BYTES", "OTEL_SERVICE_NAME",
        "OTEL_RESOURCE_ATTRIBUTES", "OTEL_EXPORTER_OTLP_COMPRESSION", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"}) {
    unsetenv(name);
  }
  setenv("MAYFLY_TELEMETRY_DESTINATIONS", "stdout:", 1);
  for (auto [name, value] : variables) setenv(name, value, 1);
  return read_settings();
}

}  // namespace

TEST_CASE("destinations are URLs, separated by commas") {
  auto s = read(
      {{"MAYFLY_TELEMETRY_DESTINATIONS",
        " stdout: , file:/tmp/a%20b.ndjson,file:///tmp/c,otlp+http://[::1]:4318,,otlp+http://Collector/x/v1/logs"}});
  CHECK(s.complaints.empty());
  REQUIRE(s.destinations.size() == 5);
  CHECK(s.destinations[0].kind == DestinationSettings::Kind::standard_output);
  CHECK(s.destinations[1].path == "/tmp/a b.ndjson");
  CHECK(s.destinations[2].path == "/tmp/c");
  CHECK(s.destinations[3].origin == mayfly::core::Origin{"::1", 4318});
  CHECK(s.destinations[3].target == "/v1/logs");
  CHECK(s.destinations[4].origin.port == 80);
  CHECK(s.destinations[4].target == "/x/v1/logs");
}

TEST_CASE("a wrong destination is named and left out, the others stay") {
  auto s = read({{"MAYFLY_TELEMETRY_DESTINATIONS", "loki:x,stdout:"}});
  CHECK(s.destinations.size() == 1);
  REQUIRE(s.complaints.size() == 1);
  CHECK(s.complaints[0] == "MAYFLY_TELEMETRY_DESTINATIONS: \"loki:\" is none of stdout:, file:, otlp+http:");
}

TEST_CASE("a list without a destination is said to be one") {
  CHECK(read({{"MAYFLY_TELEMETRY_DESTINATIONS", " , "}}).complaints.size() == 1);
}

TEST_CASE("platform and function records are the default, unknown types are named") {
  CHECK(read({}).types == std::vector{TelemetryType::platform, TelemetryType::function});
  auto s = read({{"MAYFLY_TELEMETRY_DESTINATIONS", "file:/x"},
                 {"MAYFLY_TELEMETRY_TYPES", "extension, function,function,metrics"}});
  CHECK(s.types == std::vector{TelemetryType::extension, TelemetryType::function});
  REQUIRE(s.complaints.size() == 1);
  CHECK(s.complaints[0].find("\"metrics\"") != std::string::npos);
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
    CHECK(s.complaints[0].find(wrong) != std::string::npos);
  }
}

TEST_CASE("resource attributes are percent-decoded, and OTEL_SERVICE_NAME wins") {
  auto s = read({{"OTEL_RESOURCE_ATTRIBUTES", "team=a%2Cb, service.name = x ,stage="}, {"OTEL_SERVICE_NAME", "shop"}});
  CHECK(s.complaints.empty());
  CHECK(s.service_name == "shop");
  CHECK(s.resource_attributes == std::vector<std::pair<std::string, std::string>>{{"team", "a,b"}, {"stage", ""}});
  CHECK(read({{"OTEL_RESOURCE_ATTRIBUTES", "service.name=x"}}).service_name == "x");
  CHECK(read({{"OTEL_RESOURCE_ATTRIBUTES", "novalue,=x,bad=%zz"}}).complaints.size() == 3);
}

TEST_CASE("compression is zstd or none") {
  CHECK(read({}).compress);
  CHECK_FALSE(read({{"OTEL_EXPORTER_OTLP_COMPRESSION", "none"}}).compress);
  CHECK(read({{"OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"}}).complaints.size() == 1);
}
