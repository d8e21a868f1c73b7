#include "extensions/telemetry/otlp_traces.h"

#include <doctest/doctest.h>

#include "fake_lambda.h"
#include "otlp_decode.h"

using namespace mayfly::telemetry;
namespace ext = mayfly::extension;

namespace {

using Attributes = std::map<std::string, std::string>;

// An element of a batch at a time of the test's own: seconds of 10:00 that day.
std::string at(const std::string& second, const std::string& type, const std::string& json) {
  return R"({"time":"2026-11-21T10:00:)" + second + R"(Z","type":")" + type + R"(","record":)" + json + "}";
}
constexpr std::uint64_t kTen = 1795255200'000'000'000u;  // 2026-11-21T10:00:00Z
constexpr std::uint64_t kSecond = 1'000'000'000u;

class Traces {
 public:
  explicit Traces(XRay xray = XRay::join) : invocations(xray, true) {
    settings.function_name = "orders";
    settings.memory_mb = 128;
  }

  std::vector<Span> encode(const std::vector<std::string>& records) {
    std::string json = batch(records);
    ext::TelemetryBatch parsed(json, json.size());
    for (const auto& r : parsed) {
      invocations.note(r);
      encoder.add(r, {invocations.current(), invocations, now});
    }
    CHECK(parsed.malformed() == 0);
    return sealed();
  }
  std::vector<Span> end(std::string_view reason) {
    invocations.end(reason);
    encoder.end(reason, {invocations.current(), invocations, now});
    return sealed();
  }
  void invoke(const std::string& id, const std::string& trace, const std::string& arn = "") {
    ext::Invoke invoke;
    invoke.request_id = id;
    invoke.trace_id = trace;
    invoke.invoked_function_arn = arn;
    invocations.invoked(invoke);
  }

  Settings settings;
  Resource resource{settings};
  Invocations invocations;
  OtlpTracesEncoder encoder{resource};
  mayfly::core::WallTime now{std::chrono::nanoseconds(kTen + 50 * kSecond)};

 private:
  std::vector<Span> sealed() {
    auto count = encoder.records();
    if (count == 0) return {};
    auto batch = encoder.seal();
    CHECK(batch->signal == Signal::traces);
    CHECK(batch->records == count);
    CHECK(encoder.records() == 0);
    auto spans = decode_spans(batch->body);
    CHECK(spans.size() == count);
    for (const auto& span : spans) {
      CHECK(span.trace_id.size() == 32);
      CHECK(span.span_id.size() == 16);
      CHECK(span.flags == 1);
      CHECK(span.resource.at("faas.name") == "s:orders");
    }
    return spans;
  }
};

const Span& named(const std::vector<Span>& spans, const std::string& name) {
  for (const auto& span : spans) {
    if (span.name == name) return span;
  }
  FAIL("no span " << name);
  return spans[0];
}

const std::string kStart = at("01.000", "platform.start", R"({"requestId":"id-1","version":"7"})");
const std::string kTracing = R"("tracing":{"spanId":"54565fb41ac79632","type":"X-Amzn-Trace-Id",)"
                             R"("value":"Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1"})";

}  // namespace

TEST_CASE("an invocation is a server span with the function's name and its measured parts below it") {
  Traces traces;
  traces.invoke("id-1", "", "arn:aws:lambda:eu-west-1:1:function:orders:live");
  auto spans = traces.encode(
      {kStart,
       at("01.300", "platform.runtimeDone",
          R"({"requestId":"id-1","status":"success","tenantId":"blue","metrics":{"durationMs":250.5,"producedBytes":3},)"
          R"("spans":[{"name":"responseLatency","start":"2026-11-21T10:00:01.001Z","durationMs":200.25},)"
          R"({"name":"responseDuration","start":"2026-11-21T10:00:01.202Z","durationMs":1},)"
          R"({"name":"runtimeOverhead","start":"2026-11-21T10:00:01.203Z","durationMs":0.5}]})")});
  REQUIRE(spans.size() == 4);
  const auto& root = named(spans, "orders");
  CHECK(root.kind == 2);
  CHECK(root.parent_id == "");
  CHECK(root.start == kTen + kSecond);
  CHECK(root.end == kTen + kSecond + 250'500'000);
  CHECK(root.status == 0);
  CHECK(root.links.empty());
  CHECK(root.attributes == Attributes{{"faas.invocation_id", "s:id-1"},
                                      {"aws.lambda.invoked_arn", "s:arn:aws:lambda:eu-west-1:1:function:orders:live"},
                                      {"mayfly.lambda.tenant_id", "s:blue"}});
  for (const char* name : {"responseLatency", "responseDuration", "runtimeOverhead"}) {
    const auto& part = named(spans, name);
    CHECK(part.kind == 1);
    CHECK(part.trace_id == root.trace_id);
    CHECK(part.parent_id == root.span_id);
    CHECK(part.span_id != root.span_id);
    CHECK(part.attributes.empty());
  }
  CHECK(named(spans, "responseLatency").start == kTen + kSecond + 1'000'000);
  CHECK(named(spans, "responseLatency").end == kTen + kSecond + 201'250'000);

  // The report brings what came behind it, and not the invocation once more.
  auto late = traces.encode(
      {at("01.400", "platform.report",
          R"({"requestId":"id-1","status":"success","metrics":{"durationMs":250.5},)"
          R"("spans":[{"name":"extensionOverhead","start":"2026-11-21T10:00:01.300Z","durationMs":9}]})")});
  REQUIRE(late.size() == 1);
  CHECK(late[0].name == "extensionOverhead");
  CHECK(late[0].parent_id == root.span_id);
  CHECK(late[0].trace_id == root.trace_id);
}

TEST_CASE("each way to fail has its error type, and a timeout and a full memory say so") {
  struct Row {
    const char* json;
    const char* type;
    const char* message;
  };
  for (auto row : {Row{R"("status":"failure")", "failure", ""},
                   Row{R"("status":"failure","errorType":"Function.Oops")", "Function.Oops", ""},
                   Row{R"("status":"error","errorType":"Runtime.ExitError")", "Runtime.ExitError", ""},
                   Row{R"("status":"error","errorType":"Runtime.OutOfMemory")", "Runtime.OutOfMemory", "Out of memory"},
                   Row{R"("status":"timeout")", "Sandbox.Timedout", "Task timed out"},
                   Row{R"("status":"a new word")", "a new word", ""}}) {
    Traces traces;
    auto spans = traces.encode(
        {kStart, at("02.000", "platform.runtimeDone", R"({"requestId":"id-1",)" + std::string(row.json) + "}")});
    REQUIRE(spans.size() == 1);
    CHECK(spans[0].status == 2);
    CHECK(spans[0].message == row.message);
    CHECK(spans[0].attributes["error.type"] == "s:" + std::string(row.type));
    CHECK(spans[0].end == kTen + 2 * kSecond);  // the record's own time, since there is no duration
  }
}

TEST_CASE("a process that was killed in a full memory ran out of it, whatever the error type says") {
  Traces traces;
  auto spans =
      traces.encode({kStart, at("02.000", "platform.report",
                                R"({"requestId":"id-1","status":"error","errorType":"Runtime.ExitError",)"
                                R"("metrics":{"durationMs":1000,"memorySizeMB":128,"maxMemoryUsedMB":128}})")});
  REQUIRE(spans.size() == 1);
  CHECK(spans[0].attributes["error.type"] == "s:Runtime.OutOfMemory");

  Traces other;
  spans = other.encode(
      {kStart, at("01.500", "function", R"("RequestId: id-1 Error: Runtime exited with error: signal: killed\n")"),
       at("02.000", "platform.runtimeDone",
          R"({"requestId":"id-1","status":"error","errorType":"Runtime.ExitError"})")});
  REQUIRE(spans.size() == 1);
  CHECK(spans[0].attributes["error.type"] == "s:Runtime.OutOfMemory");
}

TEST_CASE("where there is no runtimeDone the report ends the invocation, many at once") {
  Traces traces;
  std::vector<std::string> records;
  for (int i = 0; i < 100; ++i) {
    records.push_back(at("01.000", "platform.start", R"({"requestId":"m-)" + std::to_string(i) + "\"}"));
  }
  for (int i = 99; i >= 0; --i) {
    records.push_back(at("03.000", "platform.report",
                         R"({"requestId":"m-)" + std::to_string(i) +
                             R"(","status":"success","metrics":{"durationMs":1500},"spans":[{"name":"responseLatency",)"
                             R"("start":"2026-11-21T10:00:01.001Z","durationMs":1}]})"));
  }
  auto spans = traces.encode(records);
  REQUIRE(spans.size() == 200);
  std::map<std::string, std::string> roots;
  for (const auto& span : spans) {
    if (span.name != "orders") continue;
    CHECK(span.start == kTen + kSecond);
    CHECK(span.end == kTen + kSecond * 5 / 2);
    roots[span.trace_id] = span.span_id;
  }
  CHECK(roots.size() == 100);
  for (const auto& span : spans) {
    if (span.name == "responseLatency") CHECK(span.parent_id == roots.at(span.trace_id));
  }
}

TEST_CASE("a report of an invocation that began before this process tells by its duration when") {
  Traces traces;
  auto spans = traces.encode(
      {at("03.000", "platform.report", R"({"requestId":"old","status":"timeout","metrics":{"durationMs":2000}})")});
  REQUIRE(spans.size() == 1);
  CHECK(spans[0].start == kTen + kSecond);
  CHECK(spans[0].end == kTen + 3 * kSecond);
}

TEST_CASE("the init of a cold start is a child of the invocation that waited for it") {
  Traces traces;
  auto none = traces.encode(
      {at("00.100", "platform.initStart", R"({"initializationType":"on-demand","phase":"init"})"),
       at("00.600", "platform.initReport",
          R"({"initializationType":"on-demand","phase":"init","status":"success","metrics":{"durationMs":450}})")});
  CHECK(none.empty());
  auto spans =
      traces.encode({kStart, at("02.000", "platform.runtimeDone", R"({"requestId":"id-1","status":"success"})"),
                     at("03.000", "platform.start", R"({"requestId":"id-2"})"),
                     at("04.000", "platform.runtimeDone", R"({"requestId":"id-2","status":"success"})")});
  REQUIRE(spans.size() == 3);
  const auto& init = spans[0];
  CHECK(init.name == "init");
  CHECK(init.kind == 1);
  CHECK(init.start == kTen + kSecond / 10);
  CHECK(init.end == kTen + kSecond * 55 / 100);
  CHECK(init.trace_id == spans[1].trace_id);
  CHECK(init.parent_id == spans[1].span_id);
  CHECK(init.attributes ==
        Attributes{{"mayfly.lambda.initialization_type", "s:on-demand"}, {"mayfly.lambda.init_phase", "s:init"}});
  CHECK(spans[1].attributes["faas.coldstart"] == "b:true");
  CHECK(spans[2].attributes["faas.coldstart"] == "b:false");
  CHECK(spans[2].trace_id != spans[1].trace_id);
}

TEST_CASE("an init that nobody waited for, or that failed, is a trace of its own") {
  for (
      const char* json :
      {R"({"initializationType":"provisioned-concurrency","phase":"init","status":"success","metrics":{"durationMs":450}})",
       R"({"initializationType":"on-demand","phase":"init","status":"error","errorType":"Runtime.ImportModuleError"})"}) {
    Traces traces;
    auto spans = traces.encode({at("00.600", "platform.initReport", json)});
    REQUIRE(spans.size() == 1);
    CHECK(spans[0].parent_id == "");
  }
  Traces traces;
  auto failed = traces.encode({at("00.600", "platform.initReport",
                                  R"({"phase":"init","status":"error","errorType":"Runtime.ImportModuleError"})")});
  CHECK(failed[0].status == 2);
  CHECK(failed[0].attributes["error.type"] == "s:Runtime.ImportModuleError");
}

TEST_CASE("an init within an invocation belongs to it at once, a restore to the first invocation") {
  Traces traces;
  auto spans = traces.encode(
      {kStart,
       at("02.000", "platform.initReport", R"({"phase":"invoke","status":"success","metrics":{"durationMs":500}})"),
       at("03.000", "platform.runtimeDone", R"({"requestId":"id-1","status":"success"})")});
  REQUIRE(spans.size() == 2);
  CHECK(spans[0].name == "init");
  CHECK(spans[0].parent_id == spans[1].span_id);

  Traces snap;
  spans = snap.encode({at("00.100", "platform.restoreStart", R"({"functionName":"orders"})"),
                       at("00.300", "platform.restoreReport", R"({"status":"success","metrics":{"durationMs":150}})"),
                       kStart, at("02.000", "platform.runtimeDone", R"({"requestId":"id-1","status":"success"})")});
  REQUIRE(spans.size() == 2);
  CHECK(spans[0].name == "restore");
  CHECK(spans[0].start == kTen + kSecond / 10);
  CHECK(spans[0].parent_id == spans[1].span_id);
  CHECK(spans[1].attributes["faas.coldstart"] == "b:true");
}

TEST_CASE("by default a span stands where X-Ray's function segment would, in X-Ray's trace") {
  Traces traces;
  traces.invoke("id-1", "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1");
  auto spans = traces.encode({at("01.000", "platform.start", R"({"requestId":"id-1",)" + kTracing + "}"),
                              at("02.000", "platform.runtimeDone", R"({"requestId":"id-1","status":"success"})")});
  REQUIRE(spans.size() == 1);
  CHECK(spans[0].trace_id == "67891233abcdef012345678912345678");
  CHECK(spans[0].span_id == "54565fb41ac79632");
  CHECK(spans[0].parent_id == "");
  CHECK(spans[0].links == std::vector<std::string>{"67891233abcdef012345678912345678/53995c3f42cd8ad8"});
}

TEST_CASE("on request X-Ray's function segment is the parent, or X-Ray is left alone") {
  auto span = [](XRay xray) {
    Traces traces(xray);
    auto spans = traces.encode({at("01.000", "platform.start", R"({"requestId":"id-1",)" + kTracing + "}"),
                                at("02.000", "platform.runtimeDone", R"({"requestId":"id-1","status":"success"})")});
    REQUIRE(spans.size() == 1);
    return spans[0];
  };
  auto child = span(XRay::parent);
  CHECK(child.trace_id == "67891233abcdef012345678912345678");
  CHECK(child.parent_id == "54565fb41ac79632");
  CHECK(child.span_id != "54565fb41ac79632");
  CHECK(child.links.empty());
  auto alone = span(XRay::off);
  CHECK(alone.trace_id != "67891233abcdef012345678912345678");
  CHECK(alone.parent_id == "");
  CHECK(alone.links.empty());
}

TEST_CASE("at a shutdown after a timeout or a failure what is open ends with it, once") {
  Traces traces;
  CHECK(traces.encode({kStart}).empty());
  auto spans = traces.end("timeout");
  REQUIRE(spans.size() == 1);
  CHECK(spans[0].attributes["error.type"] == "s:Sandbox.Timedout");
  CHECK(spans[0].start == kTen + kSecond);
  CHECK(spans[0].end == kTen + 50 * kSecond);
  CHECK(traces.encode({at("02.000", "platform.runtimeDone", R"({"requestId":"id-1","status":"timeout"})")}).empty());

  Traces quiet;
  quiet.encode({kStart});
  CHECK(quiet.end("spindown").empty());
}

TEST_CASE("at any shutdown an init that no invocation followed is told") {
  Traces traces;
  traces.encode(
      {at("00.600", "platform.initReport", R"({"phase":"init","status":"success","metrics":{"durationMs":450}})")});
  auto spans = traces.end("spindown");
  REQUIRE(spans.size() == 1);
  CHECK(spans[0].name == "init");
}

TEST_CASE("durations and times that make no sense cost nothing but themselves") {
  Traces traces;
  auto spans = traces.encode(
      {kStart, at("02.000", "platform.runtimeDone",
                  R"({"requestId":"id-1","status":"success","metrics":{"durationMs":-5e300},)"
                  R"("spans":[{"name":"responseLatency","start":"yesterday","durationMs":1},)"
                  R"({"name":"responseDuration","start":"2026-11-21T10:00:01.202Z","durationMs":1e300}]})")});
  REQUIRE(spans.size() == 2);
  CHECK(spans[0].start == spans[0].end);
  CHECK(spans[1].end == spans[1].start + 365ull * 24 * 3600 * kSecond);
}
