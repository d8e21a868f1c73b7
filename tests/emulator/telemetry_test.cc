// Subscriptions to the Telemetry API, and what is delivered for them.

#include <doctest/doctest.h>

#include <algorithm>

#include "emulator/apis/telemetry_api.h"
#include "tests/emulator/running_service.h"

using namespace mayfly::emulator;
using namespace mayfly::emulator::test;
using Kind = Observation::Kind;

namespace {

std::string subscription(const std::string& types, const std::string& schema = "2022-12-13",
                         const std::string& more = "") {
  return R"({"subscribe":{"schemaVersion":")" + schema + R"(","types":)" + types +
         R"(,"buffering":{"maxItems":1000,"maxBytes":262144,"timeoutMs":25},)" +
         R"("destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:PORT/in/here?a=b"}})" + more + "}";
}

// All that was delivered to `name` and not refused, as one text.
std::string delivered(const RunningService& service, const std::string& name) {
  std::string all;
  for (const auto& line : service.record(name)) {
    if (line.starts_with("{\"batch\"") && line.find("\"refused\": false") != line.npos) all += line;
  }
  return all;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++n;
  return n;
}

std::string problem(const std::string& body) {
  auto parsed = parse_subscription(body);
  return parsed ? "" : parsed.error().message;
}

}  // namespace

TEST_CASE("platform events of Init, each call and its report arrive in order, at the path of the URI") {
  RunningService service;
  service.add_extension("alpha", subscription(R"(["platform"])"));
  service.start();
  service.invoke(R"({"print":"not asked for"})");
  service.invoke(R"({"fail":"Function.Bad"})");
  service.wait_for([](const Observation& what) { return what.kind == Kind::invocation_ended && what.number == 2; });
  service.stop();
  auto all = delivered(service, "alpha");
  CHECK(all.find(R"({"batch": "/in/here?a=b")") != std::string::npos);
  std::size_t at = 0;
  for (const char* type : {"platform.initStart", "platform.telemetrySubscription", "platform.initRuntimeDone",
                           "platform.extension", "platform.initReport", "platform.start", "platform.runtimeDone",
                           "platform.report", "platform.start", "platform.runtimeDone", "platform.report"}) {
    INFO(type);
    auto found = all.find("\"" + std::string(type) + "\"", at);
    REQUIRE(found != std::string::npos);
    at = found + 1;
  }
  CHECK(count(all, "\"platform.start\"") == 2);
  CHECK(all.find("not asked for") == std::string::npos);
  CHECK(all.find(R"("initializationType": "on-demand", "phase": "init", "status": "success")") != std::string::npos);
  CHECK(all.find(R"("status": "error", "errorType": "Function.Bad", "metrics": {"durationMs": )") != std::string::npos);
  CHECK(all.find(R"("name": "responseLatency")") != std::string::npos);
  CHECK(all.find(R"("initDurationMs": )") != std::string::npos);
  CHECK(all.find("\"tracing\"") == std::string::npos);  // not sampled
}

TEST_CASE("lines of function and extensions are records of their own types") {
  RunningService service;
  service.add_extension("alpha", subscription(R"(["function","extension"])"));
  service.start();
  service.invoke(R"({"print":"a \"line\""})");
  service.wait_for(Kind::invocation_ended);
  service.stop();
  auto all = delivered(service, "alpha");
  CHECK(all.find(R"("type": "function", "record": "a \"line\"")") != std::string::npos);
  CHECK(all.find(R"("type": "extension", "record": "alpha saw )") != std::string::npos);
  CHECK(all.find("platform.") == std::string::npos);
}

TEST_CASE("JSON lines are objects from schema 2022-12-13 on when logs are JSON, else strings") {
  struct Row {
    LogFormat format;
    const char *schema, *expected;
  };
  for (auto [format, schema, expected] : {Row{LogFormat::json, "2022-12-13", R"("record": {"level": "INFO"})"},
                                          Row{LogFormat::json, "2025-01-29", R"("record": {"level": "INFO"})"},
                                          Row{LogFormat::json, "2022-07-01", R"("record": "{\"level\":\"INFO\"}")"},
                                          Row{LogFormat::text, "2022-12-13", R"("record": "{\"level\":\"INFO\"}")"}}) {
    RunningService service;
    service.settings.log_format = format;
    service.add_extension("alpha", subscription(R"(["function"])", schema));
    service.start();
    service.invoke(R"({"print":"{\"level\":\"INFO\"}"})");
    service.wait_for(Kind::invocation_ended);
    service.stop();
    INFO(schema);
    CHECK(delivered(service, "alpha").find(expected) != std::string::npos);
  }
}

TEST_CASE("a batch that is refused comes again until it is taken, and none is lost") {
  RunningService service;
  service.settings.freeze = false;  // it is to be tried again without a call
  service.add_extension("alpha", subscription(R"(["platform"])", "2022-12-13", R"(,"refuse":3)"));
  service.start();
  for (int i = 0; i < 3; ++i) service.invoke("1");
  service.wait_for([](const Observation& what) { return what.kind == Kind::invocation_ended && what.number == 3; });
  // The extension ends at SHUTDOWN; what matters is there before.
  auto text = [&] { return delivered(service, "alpha"); };
  for (int i = 0; i < 600 && count(text(), "\"platform.report\"") < 3; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  CHECK(count(text(), "\"platform.report\"") == 3);
  CHECK(count(text(), "\"platform.initStart\"") == 1);
  CHECK(count(service.record_text("alpha"), "\"refused\": true") == 3);
}

TEST_CASE("the report of one call reaches a subscriber in the next one: nothing is delivered to the frozen") {
  RunningService service;
  service.add_extension("alpha", subscription(R"(["platform"])"));
  service.start();
  for (std::uint32_t call = 1; call <= 3; ++call) {
    service.invoke(R"({"sleep":0.2})");  // longer than events are buffered
    auto ended = service.wait_for(
        [&](const Observation& what) { return what.kind == Kind::invocation_ended && what.number == call; });
    service.wait_for(
        [&](const Observation& what) { return what.kind == Kind::frozen && what.elapsed_ns > ended.elapsed_ns; });
    INFO(call);
    CHECK(count(delivered(service, "alpha"), "\"platform.start\"") == call);
    CHECK(count(delivered(service, "alpha"), "\"platform.report\"") == call - 1);
  }
  service.stop();
  CHECK(count(delivered(service, "alpha"), "\"platform.report\"") == 3);
  CHECK(count(service.record_text("alpha"), "\"refused\"") <= 8);  // no batch came twice
}

TEST_CASE("each extension gets the events from the beginning of Init, whenever in it it subscribes") {
  RunningService service;
  service.add_extension("alpha", subscription(R"(["platform"])"));
  service.add_extension("beta", subscription(R"(["platform"])", "2022-12-13", R"(,"before":{"sleep":0.3})"));
  service.start();
  service.invoke("1");
  service.wait_for(Kind::invocation_ended);
  service.stop();
  for (const char* name : {"alpha", "beta"}) {
    INFO(name);
    CHECK(count(delivered(service, name), "\"platform.initStart\"") == 1);
    CHECK(count(delivered(service, name), "\"platform.report\"") == 1);
  }
}

TEST_CASE("a sampled trace is in start, runtimeDone and report") {
  RunningService service;
  service.add_extension("alpha", subscription(R"(["platform"])"));
  service.start();
  const std::string trace = "Root=1-67f2a1b3-6e5c0f7b2d8a4c1e9f3b5d70;Parent=53995c3f42cd8ad8;Sampled=1";
  service.invoke("1", {{"X-Amzn-Trace-Id", trace}});
  service.wait_for(Kind::invocation_ended);
  service.stop();
  CHECK(count(delivered(service, "alpha"),
              R"("tracing": {"spanId": "53995c3f42cd8ad8", "type": "X-Amzn-Trace-Id", "value": ")" + trace + "\"}") ==
        3);
}

TEST_CASE("a crash, its reset and the Init that follows are told with their types") {
  RunningService service;
  service.add_extension("alpha", subscription(R"(["platform"])"));
  service.start();
  service.invoke(R"({"exit":3})");
  service.invoke("1");
  service.wait_for([](const Observation& what) { return what.kind == Kind::invocation_ended && what.number == 2; });
  service.stop();
  auto all = delivered(service, "alpha");
  CHECK(count(all, R"("status": "error", "errorType": "Runtime.ExitError")") == 2);  // runtimeDone and report
  CHECK(count(all, R"("phase": "invoke", "status": "success")") == 2);               // initRuntimeDone and initReport
}

TEST_CASE("subscribing needs an identifier, comes before the end of Init and is said in the log") {
  RunningService service;
  service.add_extension("alpha", subscription(R"(["platform","function"])"));
  service.start();
  auto api = *mayfly::core::parse_host_port(service.evaluate("API").substr(1, service.evaluate("API").size() - 2));
  CHECK(service.has_line("TELEMETRY\tName: alpha\tState: Subscribed\tTypes: [Platform, Function]"));
  auto none = request(api, "PUT", "/2022-07-01/telemetry", "{}");
  CHECK(none.status == 403);
  CHECK(none.body.find("Extension.MissingExtensionIdentifier") != std::string::npos);
  CHECK(request(api, "POST", "/2022-07-01/telemetry", "{}").field("allow") == "PUT");
}

TEST_CASE("what is wrong in a subscription is named") {
  const std::string rest = R"(,"types":["platform"],"destination":{"protocol":"HTTP","URI":"http://sandbox:1234"}})";
  CHECK(problem(R"({"schemaVersion":"2022-12-13")" + rest).empty());
  CHECK(problem("").find("not JSON") != std::string::npos);
  CHECK(problem("[]").find("must be a JSON object") != std::string::npos);
  CHECK(problem(R"({"types":["platform"]})") == "schemaVersion: required");
  CHECK(problem(R"({"schemaVersion":"2020-01-01")" + rest) ==
        "schemaVersion: 2020-01-01 is none of 2022-07-01, 2022-12-13, 2025-01-29");
  CHECK(problem(R"({"schemaVersion":"2022-12-13"})") ==
        "types: must name at least one of platform, function, extension");
  CHECK(problem(R"({"schemaVersion":"2022-12-13","types":["logs"]})") ==
        "types: logs is none of platform, function, extension");
  CHECK(problem(R"({"schemaVersion":"2022-12-13","types":"platform"})") == "types: must be a list of strings");
  const std::string head = R"({"schemaVersion":"2022-12-13","types":["platform"],)";
  CHECK(problem(head + R"("destination":{"protocol":"UDP"}})") == "destination.protocol: must be HTTP or TCP");
  CHECK(problem(head + R"("destination":{"protocol":"TCP"}})") == "destination.port: required for TCP");
  CHECK(problem(head + R"("destination":{"protocol":"HTTP","URI":"http://example.com:80/"}})") ==
        "destination.URI: the host must be sandbox.localdomain, not example.com");
  CHECK(problem(head + R"("destination":{"protocol":"HTTP","URI":"https://sandbox:1"}})") ==
        "destination.URI: must begin with http://");
  CHECK(problem(head + R"("buffering":{"timeoutMs":24}})") ==
        "buffering.timeoutMs 24: must be a number from 25 to 30000");
  CHECK(problem(head + R"("buffering":{"maxItems":10001}})") ==
        "buffering.maxItems 10001: must be a number from 1000 to 10000");
  CHECK(problem(head + R"("buffering":{"maxBytes":"many"}})") ==
        "buffering.maxBytes: must be a number from 262144 to 1048576");
}

TEST_CASE("a subscription that says nothing about buffering gets Lambda's defaults") {
  auto parsed = parse_subscription(
      R"({"schemaVersion":"2025-01-29","types":["function","function"],"destination":{"protocol":"TCP","port":99}})");
  REQUIRE(parsed.has_value());
  CHECK(parsed->max_items == 10'000);
  CHECK(parsed->max_bytes == 262'144);
  CHECK(parsed->timeout == std::chrono::milliseconds(1'000));
  CHECK(parsed->types == std::vector<std::string>{"function"});
  CHECK(parsed->protocol == Subscription::Protocol::tcp);
}
