#include "extensions/telemetry/check.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>

#include "backend.h"

using namespace mayfly::telemetry;

namespace {

Settings settings_of(std::map<std::string, std::string> variables) {
  return read_settings([&](const char* name) {
    auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

CheckResult run(const std::string& destinations, bool send = false) {
  return check(settings_of({{"MAYFLY_TELEMETRY_DESTINATIONS", destinations}}), send);
}

bool says(const CheckResult& result, std::string_view part) { return result.text.find(part) != result.text.npos; }

}  // namespace

TEST_CASE("the table says what each destination gets and how") {
  auto result = run("otlp+https://h/base#headers=a=b&types=function&timeout=500,file:/x");
  CHECK(result.well);
  CHECK(says(result, "  1  otlp+https://h:443/base\n"));
  CHECK(says(result, "types        function\n"));
  CHECK(says(result, "logs to /base/v1/logs, metrics to /base/v1/metrics, traces to /base/v1/traces\n"));
  CHECK(says(result, "compression  zstd\n"));
  CHECK(says(result, "timeout      500 ms\n"));
  CHECK(says(result, "trusts       the system's certificates\n"));
  CHECK(says(result, "  2  file:/x\n"));
  CHECK(says(result, "  queue        8 MiB for 1 backend\n"));
}

TEST_CASE("the table hides secrets and tells references to them") {
  auto result = run("otlp+http://u:hunter2@h/p?key=hunter2#headers=a=hunter2,b=${ssm:/x},c=hunter2${ssm:/y}");
  CHECK(result.well);
  CHECK_FALSE(says(result, "hunter2"));
  CHECK(says(result, "a=(hidden), b=${ssm:/x}, c=(hidden), Authorization=(hidden)"));
  CHECK(says(result, "logs to /p/v1/logs?(hidden)"));
}

TEST_CASE("complaints are in the table, and nothing is well with one or without a destination") {
  auto result = run("otlp+http://h#compression=br,stdout:");
  CHECK_FALSE(result.well);
  CHECK(says(result, "Complaints\n  MAYFLY_TELEMETRY_DESTINATIONS: otlp+http://h:80: option"));
  CHECK(says(result, "  1  stdout:\n"));
  result = check(settings_of({}), false);
  CHECK_FALSE(result.well);
  CHECK(says(result, "Nothing is forwarded"));
}

TEST_CASE("a test record goes to each signal's path, and what was answered is told") {
  Backend backend({{}, {.status = 401, .body = "no\tkey\nx\n"}, {}});
  auto result = run(backend.url() + "#compression=gzip", true);
  CHECK_FALSE(result.well);
  CHECK(says(result, "test         logs: 200 in "));
  CHECK(says(result, "test FAILED  metrics: 401 in "));
  CHECK(says(result, ": no?key\n"));
  CHECK(says(result, "test         traces: 200 in "));
  auto requests = backend.requests();
  REQUIRE(requests.size() == 3);
  CHECK(requests[0].head.starts_with("POST /v1/logs "));
  auto records = decode_logs(requests[0].body);
  REQUIRE(records.size() == 1);
  CHECK(records[0].body == "s:mayfly-telemetry --check: a test record");
  CHECK(requests[2].head.starts_with("POST /v1/traces "));
  CHECK(requests[2].body.empty());
}

TEST_CASE("lines go over HTTP as ndjson, by default with gzip") {
  Backend backend;
  auto url = backend.url();
  auto result = run("ndjson" + url.substr(url.find('+')) + "/in?a=b", true);
  CHECK(result.well);
  auto requests = backend.requests();
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].head.starts_with("POST /in?a=b HTTP/1.1\r\n"));
  CHECK(requests[0].head.find("Content-Type: application/x-ndjson\r\n") != std::string::npos);
  CHECK(requests[0].head.find("Content-Encoding: gzip\r\n") != std::string::npos);
  CHECK(requests[0].body.starts_with("{\"time\":"));
  CHECK(requests[0].body.ends_with("a test record\"}\n"));
}

TEST_CASE("a backend that is not there, and a file that cannot be written, are told") {
  auto result = run(refusing_url() + "#signals=logs,file:/nonexistent/x", true);
  CHECK_FALSE(result.well);
  CHECK(says(result, "test FAILED  logs: no answer: "));
  CHECK(says(result, "test FAILED  file:/nonexistent/x cannot be written"));
}

TEST_CASE("a secret is fetched for the test record, and one that cannot be had is named") {
  char file[] = "/tmp/mayfly-check-XXXXXX";
  int fd = mkstemp(file);
  REQUIRE(fd >= 0);
  REQUIRE(write(fd, "hunter2\n", 8) == 8);
  close(fd);
  Backend backend;
  auto result = run(backend.url() + "#signals=logs&headers=key=${file:" + file + "}", true);
  CHECK(result.well);
  CHECK_FALSE(says(result, "hunter2"));
  CHECK(backend.requests().at(0).head.find("key: hunter2\r\n") != std::string::npos);
  std::filesystem::remove(file);
  result = run(backend.url() + "#signals=logs&headers=key=${file:" + file + "}", true);
  CHECK_FALSE(result.well);
  CHECK(says(result, "test FAILED  "));
  CHECK(backend.requests().size() == 1);
}
