#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "backend.h"
#include "daemon_process.h"
#include "fake_lambda.h"

namespace {

using Strings = std::vector<std::string>;

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + what.size())) ++n;
  return n;
}

std::size_t lines(const std::string& text) { return count(text, "\n"); }

// A Lambda with the daemon in it.
struct Run {
  explicit Run(const std::string& destinations, DaemonProcess::Environment more = {}, FakeLambda::Script script = {})
      : lambda(script), daemon(lambda.address(), with(destinations, std::move(more))) {
    lambda.wait_next(1);
  }

  // A backend of the test is sent logs alone, unless the test says otherwise.
  static DaemonProcess::Environment with(const std::string& destinations, DaemonProcess::Environment more) {
    std::string list;
    for (std::size_t at = 0; at < destinations.size();) {
      auto comma = std::min(destinations.find(',', at), destinations.size());
      auto url = destinations.substr(at, comma - at);
      bool backend = url.starts_with("otlp+http://127.0.0.1:") && url.find('#') == url.npos;
      list += (list.empty() ? "" : ",") + url + (backend ? "#signals=logs" : "");
      at = comma + 1;
    }
    if (!list.empty()) more.emplace_back("MAYFLY_TELEMETRY_DESTINATIONS", list);
    return more;
  }

  // A whole invocation that writes one line; returns when the daemon asks for the next.
  void invoke(const std::string& id, const std::string& text, int timeout_ms = 60'000) {
    int nexts = lambda.next_calls();
    lambda.invoke(id, timeout_ms);
    lambda.deliver(batch({record("platform.start", R"({"requestId":")" + id + R"(","version":"7"})"),
                          record("function", "\"" + text + "\""), runtime_done(id)}));
    lambda.wait_next(nexts + 1);
  }
  int shut_down(int budget_ms = 60'000) {
    lambda.shut_down("spindown", budget_ms);
    return daemon.exit_code();
  }

  FakeLambda lambda;
  DaemonProcess daemon;
};

// Metrics and spans would be more requests.
std::string logs(const std::string& url) { return url + "#signals=logs"; }

const DaemonProcess::Environment kOnlyFunction{{"MAYFLY_TELEMETRY_TYPES", "function"}};

}  // namespace

TEST_CASE("nothing but register and subscribe happens before the first next") {
  Backend backend;
  Run run(logs(backend.url()));
  auto calls = run.lambda.calls();
  REQUIRE(calls.size() == 3);
  CHECK(calls[0].path == "/2020-01-01/extension/register");
  CHECK(calls[0].fields["Lambda-Extension-Name"] == "mayfly-telemetry");
  CHECK(calls[0].body == R"({"events":["INVOKE","SHUTDOWN"]})");
  CHECK(calls[1].path == "/2022-07-01/telemetry");
  CHECK(calls[2].path == "/2020-01-01/extension/event/next");
  CHECK(std::distance(std::filesystem::directory_iterator("/proc/" + std::to_string(run.daemon.pid()) + "/task"), {}) ==
        1);
  CHECK(run.shut_down() == 0);
  CHECK(backend.requests().empty());
  CHECK(run.daemon.errors() == "");
}

TEST_CASE("the records of an invocation are with the backend before the next event is asked for") {
  Backend backend;
  Run run(logs(backend.url()), kOnlyFunction);
  for (int i = 1; i <= 3; ++i) {
    run.invoke("id-" + std::to_string(i), "line " + std::to_string(i));
    CHECK(backend.delivered().size() == static_cast<std::size_t>(i));
  }
  CHECK(run.shut_down() == 0);
  CHECK(backend.delivered() == Strings{"s:line 1", "s:line 2", "s:line 3"});
  CHECK(run.daemon.errors() == "");
}

TEST_CASE("the report of an invocation ends it, should its runtimeDone be missing") {
  Backend backend;
  Run run(logs(backend.url()), kOnlyFunction);
  run.lambda.invoke("id-1", 900'000);
  run.lambda.deliver(batch({record("function", "\"one\""), record("platform.report", R"({"requestId":"id-1"})")}));
  run.lambda.wait_next(2);  // and not when the deadline comes
  CHECK(run.shut_down() == 0);
  CHECK(backend.delivered() == Strings{"s:one"});
}

TEST_CASE("what ends an invocation may come before its event") {
  for (const auto& end : {runtime_done("id-1"), record("platform.report", R"({"requestId":"id-1"})")}) {
    CAPTURE(end);
    Backend backend;
    Run run(logs(backend.url()), kOnlyFunction);
    run.lambda.deliver(batch({record("function", "\"one\""), end}));
    run.lambda.invoke("id-1", 900'000);
    run.lambda.wait_next(2);
    CHECK(run.shut_down() == 0);
    CHECK(backend.delivered() == Strings{"s:one"});
  }
}

TEST_CASE("a request is what an OTLP receiver expects") {
  Backend backend;
  Run run(logs(backend.url() + "/base/"), kOnlyFunction);
  run.invoke("id-1", "x");
  auto head = backend.wait_requests(1)[0].head;
  CHECK(head.starts_with("POST /base/v1/logs HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(backend.port()) + "\r\n"));
  CHECK(head.find("Content-Type: application/x-protobuf\r\n") != head.npos);
  CHECK(head.find("Content-Encoding: zstd\r\n") != head.npos);
  CHECK(run.shut_down() == 0);
}

TEST_CASE("logs, spans and metrics of an invocation each go to their path, all before the next event") {
  Backend backend;
  Run run(backend.url() + "#signals=logs,metrics,traces", kOnlyFunction);
  run.invoke("id-1", "one");
  std::map<std::string, std::size_t> sent;
  for (const auto& request : backend.requests()) ++sent[request.head.substr(0, request.head.find(" HTTP"))];
  CHECK(sent ==
        std::map<std::string, std::size_t>{{"POST /v1/logs", 1}, {"POST /v1/metrics", 1}, {"POST /v1/traces", 1}});
  CHECK(backend.delivered() == Strings{"s:one"});
  CHECK(run.shut_down() == 0);
  CHECK(run.daemon.errors() == "");
}

TEST_CASE("the daemon's own figures go out with the metrics") {
  Backend backend;
  Run run(backend.url() + "#signals=logs,metrics");
  run.invoke("id-1", "one");
  run.invoke("id-2", "two");
  CHECK(run.shut_down() == 0);
  std::string metrics;
  for (const auto& request : backend.requests()) {
    if (request.head.starts_with("POST /v1/metrics")) metrics += request.body;
  }
  for (const char* name : {"faas.invocations", "mayfly.telemetry.received", "mayfly.telemetry.added_time"}) {
    CAPTURE(name);
    CHECK(metrics.find(name) != metrics.npos);
  }
}

TEST_CASE("lines carry the resource, the request id and the trace of their invocation") {
  Backend backend;
  Run run(logs(backend.url()),
          {{"OTEL_SERVICE_NAME", "shop"}, {"OTEL_RESOURCE_ATTRIBUTES", "team=blue%20sky,stage=test"}});
  const std::string id = "8f3c41d2-0000-4000-8000-000000000001";
  run.lambda.invoke(id, 60'000, "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1");
  run.lambda.deliver(batch(
      {record("platform.initStart", R"({"phase":"init","instanceId":"2025-instance"})"),
       record(
           "platform.start",
           R"({"requestId":")" + id +
               R"(","tracing":{"type":"X-Amzn-Trace-Id","value":"Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1"}})"),
       record("function", "\"hello\""), runtime_done(id)}));
  run.lambda.wait_next(2);
  auto records = decode_logs(backend.wait_requests(1)[0].body);
  REQUIRE(records.size() == 4);
  CHECK(records[2].body == "s:hello");
  CHECK(records[2].attributes == std::map<std::string, std::string>{{"faas.invocation_id", "s:" + id}});
  CHECK(records[2].trace_id == "67891233abcdef012345678912345678");
  CHECK(records[2].span_id == "53995c3f42cd8ad8");
  CHECK(records[2].flags == 1);
  CHECK(records[2].resource == std::map<std::string, std::string>{
                                   {"service.name", "s:shop"},
                                   {"cloud.provider", "s:aws"},
                                   {"cloud.platform", "s:aws_lambda"},
                                   {"cloud.region", "s:eu-west-1"},
                                   {"cloud.account.id", "s:123456789012"},
                                   {"cloud.resource_id", "s:arn:aws:lambda:eu-west-1:123456789012:function:orders:7"},
                                   {"faas.name", "s:orders"},
                                   {"faas.version", "s:7"},
                                   {"faas.instance", "s:2025-instance"},
                                   {"faas.max_memory", "i:134217728"},
                                   {"team", "s:blue sky"},
                                   {"stage", "s:test"}});
  CHECK(run.shut_down() == 0);
}

TEST_CASE("stdout: and file: get one record a line as Lambda wrote it") {
  std::string path =
      std::filesystem::temp_directory_path() / ("mayfly-records-" + std::to_string(getpid()) + ".ndjson");
  Run run("stdout:,file:" + path);
  run.invoke("id-1", "a");
  CHECK(run.shut_down() == 0);
  auto expected = record("platform.start", R"({"requestId":"id-1","version":"7"})") + "\n" +
                  record("function", "\"a\"") + "\n" + runtime_done("id-1") + "\n";
  CHECK(run.daemon.output() == expected);
  std::ifstream file(path);
  CHECK(std::string(std::istreambuf_iterator<char>(file), {}) == expected);
  std::filesystem::remove(path);
}

TEST_CASE("stdout: never subscribes to extension records, and says so") {
  Run run("stdout:", {{"MAYFLY_TELEMETRY_TYPES", "function,extension"}});
  CHECK(run.lambda.call("/2022-07-01/telemetry").body.find("\"types\":[\"function\",\"platform\"]") !=
        std::string::npos);
  CHECK(run.shut_down() == 0);
  CHECK(lines(run.daemon.errors()) == 1);
  CHECK(run.daemon.errors().find("stdout:") != std::string::npos);
}

TEST_CASE("a receiver whose port is taken is one log line, and all else goes on") {
  Backend backend, other;
  Run run(backend.url(), {{"MAYFLY_TELEMETRY_RECEIVER", "127.0.0.1:" + std::to_string(other.port())},
                          {"MAYFLY_TELEMETRY_TYPES", "function"}});
  run.invoke("id-1", "one");
  CHECK(backend.delivered() == Strings{"s:one"});
  CHECK(run.shut_down() == 0);
  CHECK(lines(run.daemon.errors()) == 1);
  CHECK(run.daemon.errors().find("what the function's own SDK sends is not forwarded: 127.0.0.1:") !=
        std::string::npos);
}

TEST_CASE("without a destination the daemon says so and idles") {
  Run run("");
  CHECK(run.lambda.call("/2020-01-01/extension/register").body == R"({"events":["SHUTDOWN"]})");
  CHECK_FALSE(run.lambda.was_called("/2022-07-01/telemetry"));
  CHECK(run.shut_down() == 0);
  CHECK(lines(run.daemon.errors()) == 1);
  CHECK(run.daemon.errors().find("neither MAYFLY_TELEMETRY_DESTINATIONS nor OTEL_EXPORTER_OTLP_ENDPOINT is set") !=
        std::string::npos);
}

TEST_CASE("a bad destination is one log line, without its secrets, and idling") {
  for (const char* bad : {"ftp://user:hunter2@host/", "otlp+http://", "otlp+http://user:hunter2@host:0",
                          "otlp+http://localhost:4318", "nonsense hunter2", "file:relative",
                          "file:/nonexistent/folder/x", "otlp+http://host?key=hunter2#headers=hunter2"}) {
    CAPTURE(bad);
    Run run(bad, {{"MAYFLY_TELEMETRY_RECEIVER", "127.0.0.1:4318"}});  // where nothing listens: it idles
    CHECK_FALSE(run.lambda.was_called("/2022-07-01/telemetry"));
    CHECK(run.shut_down() == 0);
    CHECK(lines(run.daemon.errors()) == 1);
    CHECK(run.daemon.errors().find("hunter2") == std::string::npos);
  }
}

TEST_CASE("where there is no Telemetry API the daemon says so and idles") {
  for (unsigned status : {202u, 404u, 403u, 500u}) {
    CAPTURE(status);
    Run run("stdout:", {}, {.subscribe_status = status});
    run.lambda.invoke("id-1");
    run.lambda.wait_next(2);
    CHECK(run.shut_down() == 0);
    CHECK(lines(run.daemon.errors()) == 1);
  }
}

TEST_CASE("a malformed record costs only itself and is counted") {
  Backend backend;
  Run run(logs(backend.url()), kOnlyFunction);
  run.lambda.invoke("id-1");
  run.lambda.deliver(
      batch({record("function", "\"one\""), "17", "{\"broken\"", record("function", "\"two\""), runtime_done("id-1")}));
  run.lambda.wait_next(2);
  CHECK(backend.delivered() == Strings{"s:one", "s:two"});
  CHECK(run.shut_down() == 0);
  CHECK(run.daemon.errors().find("malformed=2 dropped=0") != std::string::npos);
}

TEST_CASE("a backend that refuses connections costs one log line, and the loss is counted at shutdown") {
  Run run(logs(refusing_url()), kOnlyFunction);
  for (int i = 0; i < 5; ++i) run.invoke("id-" + std::to_string(i), "x");
  CHECK(run.shut_down(1'000) == 0);
  CHECK(lines(run.daemon.errors()) == 2);
  CHECK(run.daemon.errors().find("dropped=5") != std::string::npos);
  CHECK(run.daemon.errors().find("shutdown 5") != std::string::npos);
}

TEST_CASE("a backend that swallows connections holds no invocation up to its deadline") {
  BlackHole hole;
  Run run(logs(hole.url()), kOnlyFunction);
  auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 5; ++i) run.invoke("id-" + std::to_string(i), "x", 60'000);
  // Far below five deadlines; the first costs 200 ms, the others nothing.
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(30));
  CHECK(run.shut_down(2'000) == 0);
  CHECK(run.daemon.errors().find("dropped=5") != std::string::npos);
}

TEST_CASE("a backend that never answers is waited for no longer than the cap, and the loss is counted") {
  Backend backend({{.kind = Behaviour::never_answer}});
  Run run(logs(backend.url()), kOnlyFunction);
  run.invoke("id-1", "one");
  backend.wait_requests(1);
  // Were each held open for 200 ms, the first request would be given up meanwhile.
  for (int i = 2; i <= 40; ++i) run.invoke("id-" + std::to_string(i), "x");
  CHECK(backend.requests().size() == 1);
  CHECK(run.shut_down(1'000) == 0);
  CHECK(run.daemon.errors().find("dropped=40") != std::string::npos);
}

TEST_CASE("a retryable status is retried, and what waited goes out in order") {
  Backend backend({{.status = 503, .fields = "Retry-After: 0\r\n"}, {.status = 429}});
  Run run(logs(backend.url()), kOnlyFunction);
  run.invoke("id-1", "one");
  run.invoke("id-2", "two");
  CHECK(run.shut_down(60'000) == 0);
  CHECK(backend.delivered() == Strings{"s:one", "s:two"});
  CHECK(run.daemon.errors() == "");
}

TEST_CASE("a Retry-After longer than the budget is not waited for") {
  Backend backend({{.status = 503, .fields = "Retry-After: 120\r\n"}});
  Run run(logs(backend.url()), kOnlyFunction);
  run.invoke("id-1", "one");
  run.invoke("id-2", "two");
  CHECK(backend.requests().size() == 1);
  CHECK(run.shut_down(1'000) == 0);
  // An open breaker lets one attempt through at shutdown, and then all is well.
  CHECK(backend.delivered() == Strings{"s:one", "s:two"});
  CHECK(run.daemon.errors() == "");
}

TEST_CASE("a connection that is reset in the middle of a request loses nothing") {
  Backend backend({{.kind = Behaviour::reset_in_body}});
  Run run(logs(backend.url()), kOnlyFunction);
  run.invoke("id-1", "one");
  backend.wait_requests(1);
  CHECK(run.shut_down(60'000) == 0);
  CHECK(backend.delivered() == Strings{"s:one"});
  CHECK(run.daemon.errors().find("dropped") == std::string::npos);
}

TEST_CASE("a kept connection that died is replaced at once, without an outage") {
  Backend backend({{.close_after = true}});
  Run run(logs(backend.url()), kOnlyFunction);
  run.invoke("id-1", "one");
  backend.wait_requests(1);
  run.invoke("id-2", "two");
  CHECK(backend.delivered() == Strings{"s:one", "s:two"});
  CHECK(run.shut_down() == 0);
  CHECK(run.daemon.errors() == "");
}

TEST_CASE("a kept connection that dies with a request on it costs one more request, and no outage") {
  Backend backend({{}, {.kind = Behaviour::close_unanswered}});
  Run run(logs(backend.url()), kOnlyFunction);
  run.invoke("id-1", "one");
  run.invoke("id-2", "two");
  CHECK(backend.delivered() == Strings{"s:one", "s:two"});
  CHECK(backend.requests().size() == 3);
  CHECK(run.shut_down() == 0);
  CHECK(run.daemon.errors() == "");
}

TEST_CASE("a refusal drops the batch, counts it and quotes the answer once") {
  for (int status : {400, 413, 500, 302}) {
    CAPTURE(status);
    Backend backend({{.status = status, .body = "no thanks\nsecond line"}, {.status = status, .body = "again"}});
    Run run(logs(backend.url()), kOnlyFunction);
    run.invoke("id-1", "one");
    run.invoke("id-2", "two");
    run.invoke("id-3", "three");
    CHECK(backend.delivered() == Strings{"s:three"});
    CHECK(run.shut_down() == 0);
    auto errors = run.daemon.errors();
    CHECK(count(errors, "no thanks") == 1);
    CHECK(count(errors, "second line") == 0);
    CHECK(count(errors, "again") == 0);
    CHECK(errors.find("dropped=2") != errors.npos);
    const char* cause = status == 302   ? "http_3xx 2"
                        : status == 413 ? "too_large 2"
                        : status == 500 ? "http_5xx 2"
                                        : "http_4xx 2";
    CHECK(errors.find(cause) != errors.npos);
  }
}

TEST_CASE("records that the backend rejects of a batch are counted") {
  // partial_success { rejected_log_records: 1, error_message: "bad" }
  Backend backend({{.body = std::string("\x0a\x07\x08\x01\x12\x03"
                                        "bad",
                                        9)}});
  Run run(logs(backend.url()), kOnlyFunction);
  run.invoke("id-1", "one");
  CHECK(run.shut_down() == 0);
  CHECK(run.daemon.errors().find("rejected 1") != std::string::npos);
}

TEST_CASE("a function that runs into its deadline has its lines sent before, and the daemon waits in next again") {
  Backend backend;
  Run run(logs(backend.url()), kOnlyFunction);
  run.lambda.invoke("id-1", 1'000);
  run.lambda.deliver(batch({record("function", "\"working\"")}));
  run.lambda.wait_next(2);  // no runtimeDone came
  CHECK(backend.delivered() == Strings{"s:working"});
  CHECK(run.shut_down() == 0);
}

TEST_CASE("a deadline that has passed already does not hold the daemon up") {
  Run run(logs(BlackHole().url()), kOnlyFunction);
  run.invoke("id-1", "x", -5'000);
  CHECK(run.lambda.next_calls() == 2);
  CHECK(run.shut_down(0) == 0);
  CHECK(run.daemon.errors().find("dropped=1") != std::string::npos);
}

TEST_CASE("what comes in the Shutdown phase still goes out") {
  Backend backend;
  Run run(logs(backend.url()));
  run.invoke("id-1", "one");
  run.lambda.shut_down();
  run.lambda.deliver(
      batch({record("platform.report", R"({"requestId":"id-1","status":"success","metrics":{"durationMs":2}})")}));
  CHECK(run.daemon.exit_code() == 0);
  CHECK(backend.delivered().back() == "s:REPORT RequestId: id-1\tDuration: 2.00 ms");
}

TEST_CASE("memory is bounded while the backend is away: the oldest records go first") {
  Run run(logs(refusing_url()), {{"MAYFLY_TELEMETRY_TYPES", "function"}, {"MAYFLY_TELEMETRY_QUEUE_BYTES", "65536"}});
  std::string text(10'000, 'x');
  for (int i = 0; i < 12; ++i) run.invoke("id-" + std::to_string(i), text);
  CHECK(run.shut_down(1'000) == 0);
  // The first went out alone; behind a backend that is away two make a batch of a quarter of the queue.
  CHECK(run.daemon.errors().find("queue_full 7") != std::string::npos);
  CHECK(run.daemon.errors().find("shutdown 5") != std::string::npos);
}

TEST_CASE("a delivery that is larger than the queue is sent in batches that fit") {
  Backend backend;
  Run run(logs(backend.url()), {{"MAYFLY_TELEMETRY_TYPES", "function"}, {"MAYFLY_TELEMETRY_QUEUE_BYTES", "65536"}});
  std::vector<std::string> records(6, record("function", "\"" + std::string(10'000, 'x') + "\""));
  records.push_back(runtime_done("id-1"));
  run.lambda.invoke("id-1");
  run.lambda.deliver(batch(records));
  run.lambda.wait_next(2);
  CHECK(backend.delivered().size() == 6);
  CHECK(backend.requests().size() > 1);
  CHECK(run.shut_down() == 0);
  CHECK(run.daemon.errors() == "");
}

TEST_CASE("two destinations do not hold each other up") {
  Backend backend;
  Run run(logs(refusing_url()) + "," + logs(backend.url()), kOnlyFunction);
  run.invoke("id-1", "one");
  CHECK(backend.delivered() == Strings{"s:one"});
  CHECK(run.shut_down(1'000) == 0);
  CHECK(run.daemon.errors().find("dropped=1") != std::string::npos);
}

TEST_CASE("the listener takes deliveries of Lambda only, not of a web page or for another host") {
  Run run("stdout:");
  CHECK(run.lambda.deliver("[]") == 200);
  CHECK(run.lambda.deliver("[]", "Origin: http://evil.example\r\n") == 403);
  CHECK(run.lambda.deliver("[]", "", "evil.example") == 403);
  CHECK(run.shut_down() == 0);
}

TEST_CASE("a policy that never waits asks for the next event while the function runs") {
  Backend backend;
  Run run(backend.url(), {{"MAYFLY_TELEMETRY_TYPES", "function"}, {"MAYFLY_TELEMETRY_FLUSH", "continuous"}});
  run.lambda.invoke("id-1", 900'000);
  run.lambda.wait_next(2);  // and nothing has told that it has answered
  run.lambda.deliver(batch({record("function", "\"one\""), runtime_done("id-1")}));
  run.lambda.invoke("id-2", 900'000);  // beside which it is sent
  backend.wait_requests(1);
  run.lambda.wait_next(3);
  CHECK(run.shut_down() == 0);
  CHECK(backend.delivered() == Strings{"s:one"});
}

TEST_CASE("busy invocations are not waited for any more, and none of their records is lost") {
  Backend backend;
  Run run(backend.url(), kOnlyFunction);
  Strings expected;
  for (int i = 1; i <= 12; ++i) {
    run.invoke("id-" + std::to_string(i), std::to_string(i));
    expected.push_back("s:" + std::to_string(i));
  }
  // Were each waited for, there would be one request for each.
  CHECK(backend.requests().size() < 12);
  CHECK(run.shut_down() == 0);
  CHECK(backend.delivered() == expected);
}

TEST_CASE("a policy that is none is one log line, and the usual one is kept") {
  Backend backend;
  Run run(backend.url(), {{"MAYFLY_TELEMETRY_TYPES", "function"}, {"MAYFLY_TELEMETRY_FLUSH", "sometimes"}});
  run.invoke("id-1", "one");
  CHECK(run.shut_down() == 0);
  CHECK(backend.delivered() == Strings{"s:one"});
  CHECK(lines(run.daemon.errors()) == 1);
  CHECK(run.daemon.errors().find("\"sometimes\" is none of end, periodic, continuous, adaptive") != std::string::npos);
}

TEST_CASE("on Managed Instances invocations are not asked for, and a timer sends what many write at once") {
  Backend backend;
  Run run(backend.url(),
          {{"MAYFLY_TELEMETRY_TYPES", "function"}, {"AWS_LAMBDA_INITIALIZATION_TYPE", "lambda-managed-instances"}});
  CHECK(run.lambda.call("/2020-01-01/extension/register").body == R"({"events":["SHUTDOWN"]})");
  run.lambda.deliver(batch({record("platform.start", R"({"requestId":"id-1"})"),
                            record("platform.start", R"({"requestId":"id-2"})"), record("function", "\"one\"")}));
  backend.wait_requests(1);  // without runtimeDone
  run.lambda.deliver(batch({record("function", "\"two\"")}));
  backend.wait_requests(2);
  CHECK(run.shut_down() == 0);
  CHECK(backend.delivered() == Strings{"s:one", "s:two"});
}

TEST_CASE("a daemon that was stopped in the middle of a request sends it once more at most, and nothing in a burst") {
  Backend backend({{.kind = Behaviour::never_answer}});
  Run run(backend.url(), kOnlyFunction);
  run.invoke("id-1", "one");
  // Frozen for longer than a request may take.
  kill(run.daemon.pid(), SIGSTOP);
  backend.hang_up();
  kill(run.daemon.pid(), SIGCONT);
  run.lambda.invoke("id-2", 60'000);
  backend.wait_requests(2);
  run.lambda.deliver(batch({runtime_done("id-2")}));
  run.lambda.wait_next(3);
  CHECK(run.shut_down() == 0);
  CHECK(backend.delivered() == Strings{"s:one"});
  CHECK(backend.requests().size() == 2);
  CHECK(run.daemon.errors() == "");
}

TEST_CASE("a file that takes no more is counted, not fatal") {
  Run run("file:/dev/full");
  run.invoke("id-1", "x");
  run.invoke("id-2", "x");
  CHECK(run.shut_down() == 0);
  CHECK(run.daemon.errors().find("output 6") != std::string::npos);
}
