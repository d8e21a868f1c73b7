#include "extensions/telemetry/otlp_metrics.h"

#include <doctest/doctest.h>

#include "fake_lambda.h"
#include "otlp_decode.h"

using namespace mayfly::telemetry;
namespace ext = mayfly::extension;

namespace {

using Attributes = std::map<std::string, std::string>;
constexpr double kMiB = 1024 * 1024;
constexpr std::uint64_t kEventTime = 1665533030'000'000'000u;  // of all records of fake_lambda.h

std::uint64_t now_ns = 0;  // of the encoder's clock

class Metrics {
 public:
  Metrics() : Metrics("/nowhere", "/nowhere") {}
  Metrics(std::string proc, std::string tmp) {
    settings.function_name = "orders";
    now_ns = kEventTime + 1'000;
    OtlpMetricsEncoder::Sources sources;
    sources.usage = UsageReader(proc, tmp);
    sources.now = [] { return mayfly::core::WallTime(std::chrono::nanoseconds(now_ns)); };
    sources.read_self = [this](SelfTelemetry& out) { out = self; };
    encoder.emplace(resource, std::move(sources));
  }

  void add(const std::vector<std::string>& records) {
    std::string json = batch(records);
    ext::TelemetryBatch parsed(json, json.size());
    for (const auto& r : parsed) {
      invocations.note(r);
      encoder->add(r, {invocations.current(), invocations, mayfly::core::WallTime()});
    }
    CHECK(parsed.malformed() == 0);
  }
  std::map<std::string, Metric> seal() {
    now_ns += 1'000'000;
    auto batch = encoder->seal();
    CHECK(batch->signal == Signal::metrics);
    auto metrics = decode_metrics(batch->body);
    std::size_t points = 0;
    for (const auto& [name, m] : metrics) {
      points += m.points.size();
      CHECK(m.unit != "");
      CHECK(m.description != "");
      CHECK(m.resource.at("faas.name") == "s:orders");
      CHECK((m.temporality == 1) == (m.kind != "gauge"));
      CHECK(m.monotonic == (m.kind == "sum"));
      for (const auto& point : m.points) {
        CHECK(point.time == now_ns);
        CHECK((point.start != 0) == (m.kind != "gauge"));
      }
    }
    CHECK(batch->records == points);
    CHECK(encoder->records() == 0);
    return metrics;
  }

  Settings settings;
  Resource resource{settings};
  Invocations invocations;
  SelfTelemetry self;
  std::optional<OtlpMetricsEncoder> encoder;
};

double sum_of(const std::map<std::string, Metric>& metrics, const std::string& name) {
  auto it = metrics.find(name);
  if (it == metrics.end()) return 0;
  REQUIRE(it->second.points.size() == 1);
  return it->second.points[0].value;
}

const Point& only_point(const std::map<std::string, Metric>& metrics, const std::string& name) {
  REQUIRE_MESSAGE(metrics.count(name) == 1, name);
  REQUIRE(metrics.at(name).points.size() == 1);
  return metrics.at(name).points[0];
}

std::string done(const std::string& id, const std::string& rest) {
  return record("platform.runtimeDone", R"({"requestId":")" + id + R"(",)" + rest + "}");
}
std::string report(const std::string& id, const std::string& rest) {
  return record("platform.report", R"({"requestId":")" + id + R"(",)" + rest + "}");
}

}  // namespace

TEST_CASE("each outcome is counted once, by the convention's names and units") {
  Metrics m;
  m.add({record("platform.initStart", R"({"initializationType":"on-demand","phase":"init"})"),
         record("platform.initReport", R"({"phase":"init","status":"error"})"), done("a", R"("status":"success")"),
         report("a", R"("status":"success")"), done("b", R"("status":"success")"), done("c", R"("status":"failure")"),
         done("d", R"("status":"error","errorType":"Runtime.ExitError")"), done("e", R"("status":"timeout")"),
         report("e", R"("status":"timeout")")});
  auto metrics = m.seal();
  struct Row {
    const char* name;
    const char* unit;
    double value;
  };
  for (auto row : {Row{"faas.invocations", "{invocation}", 2}, Row{"faas.errors", "{error}", 3},
                   Row{"faas.timeouts", "{timeout}", 1}, Row{"faas.coldstarts", "{coldstart}", 1}}) {
    CAPTURE(row.name);
    CHECK(metrics[row.name].kind == "sum");
    CHECK(metrics[row.name].unit == row.unit);
    const auto& point = only_point(metrics, row.name);
    CHECK(point.value == row.value);
    CHECK(point.integer);
    CHECK(point.attributes.empty());
  }
  CHECK(metrics.count("mayfly.lambda.out_of_memory") == 0);
}

TEST_CASE("temporality is delta: a batch begins where the last one ended, with nothing in it") {
  Metrics m;
  m.add({done("a", R"("status":"success","metrics":{"durationMs":10})")});
  auto first = m.seal();
  auto first_end = now_ns;
  CHECK(only_point(first, "faas.invocations").start == kEventTime);  // the record was before the encoder
  m.add({done("b", R"("status":"success")")});
  auto second = m.seal();
  CHECK(only_point(second, "faas.invocations").value == 1);
  CHECK(only_point(second, "faas.invocations").start == first_end);
  CHECK(second.count("faas.invoke_duration") == 0);
}

TEST_CASE("durations are histograms in seconds with the convention's bounds") {
  Metrics m;
  m.add({record("platform.initReport", R"({"phase":"init","status":"success","metrics":{"durationMs":400}})"),
         done("a", R"("status":"success","metrics":{"durationMs":5})"),
         done("b", R"("status":"success","metrics":{"durationMs":5.001})"),
         done("c", R"("status":"success","metrics":{"durationMs":20000})")});
  auto metrics = m.seal();
  const std::vector<double> bounds{.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10};
  const auto& invoke = only_point(metrics, "faas.invoke_duration");
  CHECK(metrics["faas.invoke_duration"].kind == "histogram");
  CHECK(metrics["faas.invoke_duration"].unit == "s");
  CHECK(invoke.bounds == bounds);
  CHECK(invoke.buckets == std::vector<std::uint64_t>{1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
  CHECK(invoke.count == 3);
  CHECK(invoke.value == doctest::Approx(20.010001));
  CHECK(invoke.min == doctest::Approx(.005));
  CHECK(invoke.max == doctest::Approx(20));
  const auto& init = only_point(metrics, "faas.init_duration");
  CHECK(init.bounds == bounds);
  CHECK(init.value == doctest::Approx(.4));
}

TEST_CASE("what only the report knows has names of our own, but for the memory") {
  Metrics m;
  m.add({done("a",
              R"("status":"success","metrics":{"durationMs":5,"producedBytes":2048},"spans":[)"
              R"({"name":"responseLatency","start":"x","durationMs":100},)"
              R"({"name":"responseDuration","start":"x","durationMs":200},)"
              R"({"name":"runtimeOverhead","start":"x","durationMs":300},{"name":"new","start":"x","durationMs":1}])"),
         report("a", R"("status":"success","metrics":{"durationMs":5,"billedDurationMs":1006,"memorySizeMB":128,)"
                     R"("maxMemoryUsedMB":64,"initDurationMs":250,"restoreDurationMs":9},"spans":[)"
                     R"({"name":"extensionOverhead","start":"x","durationMs":400}])")});
  auto metrics = m.seal();
  CHECK(only_point(metrics, "faas.mem_usage").value == 64 * kMiB);
  CHECK(only_point(metrics, "faas.mem_usage").bounds.front() == 16 * kMiB);
  CHECK(only_point(metrics, "faas.mem_usage").bounds.back() == 8192 * kMiB);
  CHECK(metrics["faas.mem_usage"].unit == "By");
  CHECK(sum_of(metrics, "faas.init_duration") == doctest::Approx(.25));  // there was no initReport
  CHECK(sum_of(metrics, "faas.invoke_duration") == doctest::Approx(.005));
  CHECK(sum_of(metrics, "mayfly.lambda.billed_duration") == doctest::Approx(1.006));
  CHECK(sum_of(metrics, "mayfly.lambda.response_latency") == doctest::Approx(.1));
  CHECK(sum_of(metrics, "mayfly.lambda.response_duration") == doctest::Approx(.2));
  CHECK(sum_of(metrics, "mayfly.lambda.runtime_overhead") == doctest::Approx(.3));
  CHECK(sum_of(metrics, "mayfly.lambda.extension_overhead") == doctest::Approx(.4));
  CHECK(sum_of(metrics, "mayfly.lambda.produced_bytes") == 2048);
}

TEST_CASE("an init that was reported is not counted again from the invocation's report") {
  Metrics m;
  m.add({record("platform.initReport", R"({"phase":"init","status":"success","metrics":{"durationMs":400}})"),
         report("a", R"("status":"success","metrics":{"durationMs":5,"initDurationMs":400})")});
  CHECK(only_point(m.seal(), "faas.init_duration").count == 1);
}

TEST_CASE("a restore is the init of its environment and has a figure of its own") {
  Metrics m;
  m.add({record("platform.restoreReport", R"({"status":"success","metrics":{"durationMs":150}})")});
  auto metrics = m.seal();
  CHECK(sum_of(metrics, "faas.init_duration") == doctest::Approx(.15));
  CHECK(sum_of(metrics, "mayfly.lambda.restore_duration") == doctest::Approx(.15));
}

TEST_CASE("without runtimeDone the report counts the invocation") {
  Metrics m;
  m.add({report("a", R"("status":"success","metrics":{"durationMs":20})"), report("b", R"("status":"error")")});
  auto metrics = m.seal();
  CHECK(sum_of(metrics, "faas.invocations") == 1);
  CHECK(sum_of(metrics, "faas.errors") == 1);
  CHECK(sum_of(metrics, "faas.invoke_duration") == doctest::Approx(.02));
}

TEST_CASE("running out of memory is counted once, whichever record tells") {
  Metrics m;
  m.add(
      {done("a", R"("status":"error","errorType":"Runtime.OutOfMemory")"),
       report("a", R"("status":"error","errorType":"Runtime.OutOfMemory")"),
       done("b", R"("status":"error","errorType":"Runtime.ExitError")"),
       report(
           "b",
           R"("status":"error","errorType":"Runtime.ExitError","metrics":{"memorySizeMB":128,"maxMemoryUsedMB":128})"),
       done("c", R"("status":"error","errorType":"Runtime.ExitError")"),
       report(
           "c",
           R"("status":"error","errorType":"Runtime.ExitError","metrics":{"memorySizeMB":128,"maxMemoryUsedMB":64})")});
  auto metrics = m.seal();
  CHECK(sum_of(metrics, "mayfly.lambda.out_of_memory") == 2);
  CHECK(sum_of(metrics, "faas.errors") == 3);
}

TEST_CASE("what Lambda dropped is counted in records and bytes") {
  Metrics m;
  m.add({record("platform.logsDropped", R"({"droppedRecords":3,"droppedBytes":70,"reason":"slow"})"),
         record("platform.logsDropped", R"({"droppedRecords":2,"droppedBytes":-1})")});
  auto metrics = m.seal();
  CHECK(sum_of(metrics, "mayfly.lambda.dropped_records") == 5);
  CHECK(sum_of(metrics, "mayfly.lambda.dropped_bytes") == 70);
}

TEST_CASE("an invocation that a shutdown cut off is counted, and not again by a late record") {
  Metrics m;
  m.add({record("platform.start", R"({"requestId":"a"})")});
  m.invocations.end("timeout");
  m.encoder->end("timeout", {{}, m.invocations, mayfly::core::WallTime()});
  m.add({done("a", R"("status":"timeout")"), report("a", R"("status":"timeout")")});
  CHECK(sum_of(m.seal(), "faas.timeouts") == 1);
}

TEST_CASE("figures that make no sense are left out") {
  Metrics m;
  m.add({done("a", R"("status":"success","metrics":{"durationMs":-1,"producedBytes":-5})"),
         done("b", R"("status":"success","metrics":{"durationMs":1e300})")});
  auto metrics = m.seal();
  CHECK(sum_of(metrics, "faas.invocations") == 2);
  CHECK(metrics.count("faas.invoke_duration") == 0);
  CHECK(metrics.count("mayfly.lambda.produced_bytes") == 0);
}

TEST_CASE("records that are no platform records make no batch due") {
  Metrics m;
  m.add({record("function", R"("line")"), record("platform.start", R"({"requestId":"a"})")});
  CHECK(m.encoder->records() == 0);
}

TEST_CASE("the daemon's own counts are sent as what has changed since the last batch") {
  Metrics m;
  m.self.received_from = {7, 3, 0, 0};
  m.self.malformed = 1;
  m.self.added = std::chrono::milliseconds(250);
  m.self.destinations.resize(2);
  m.self.destinations[0].name = "otlp+http://a";
  m.self.destinations[0].queue_bytes = 77;
  m.self.destinations[0].retries = 2;
  m.self.destinations[0].ok = 1;
  m.self.destinations[0].unanswered = 1;
  m.self.destinations[1].name = "stdout:";
  auto& account = m.self.destinations[0].account;
  account.enqueue(9);
  account.move(4, Place::queued, Place::delivered);
  account.move(3, Place::queued, Place::http_4xx);
  m.add({done("a", R"("status":"success")")});
  auto metrics = m.seal();
  REQUIRE(metrics["mayfly.telemetry.received"].points.size() == 2);
  CHECK(metrics["mayfly.telemetry.received"].points[0].value == 7);
  CHECK(metrics["mayfly.telemetry.received"].points[0].attributes == Attributes{{"source", "s:platform"}});
  CHECK(metrics["mayfly.telemetry.received"].points[1].attributes == Attributes{{"source", "s:function"}});
  CHECK(sum_of(metrics, "mayfly.telemetry.malformed") == 1);
  CHECK(sum_of(metrics, "mayfly.telemetry.added_time") == doctest::Approx(.25));
  CHECK(only_point(metrics, "mayfly.telemetry.delivered").attributes == Attributes{{"destination", "s:otlp+http://a"}});
  CHECK(sum_of(metrics, "mayfly.telemetry.delivered") == 4);
  CHECK(sum_of(metrics, "mayfly.telemetry.retries") == 2);
  REQUIRE(metrics["mayfly.telemetry.requests"].points.size() == 2);
  CHECK(metrics["mayfly.telemetry.requests"].points[1].attributes ==
        Attributes{{"destination", "s:otlp+http://a"}, {"outcome", "s:unanswered"}});
  CHECK(metrics["mayfly.telemetry.queue_size"].points.at(0).value == 77);
  CHECK(only_point(metrics, "mayfly.telemetry.dropped").value == 3);
  CHECK(only_point(metrics, "mayfly.telemetry.dropped").attributes ==
        Attributes{{"destination", "s:otlp+http://a"}, {"cause", "s:http_4xx"}});
  CHECK(metrics["mayfly.telemetry.queued"].kind == "gauge");
  CHECK(metrics["mayfly.telemetry.queued"].points.size() == 2);
  CHECK(metrics["mayfly.telemetry.queued"].points[0].value == 2);

  account.move(1, Place::queued, Place::expired);
  m.add({done("b", R"("status":"success")")});
  metrics = m.seal();
  CHECK(metrics.count("mayfly.telemetry.received") == 0);
  CHECK(metrics.count("mayfly.telemetry.delivered") == 0);
  CHECK(only_point(metrics, "mayfly.telemetry.dropped").attributes.at("cause") == "s:expired");
  CHECK(only_point(metrics, "mayfly.telemetry.dropped").value == 1);
}

TEST_CASE("where /proc cannot be read the figures from it are missing and no other") {
  Metrics m;
  m.add({done("a", R"("status":"success")")});
  auto metrics = m.seal();
  CHECK(metrics.count("faas.invocations") == 1);
  for (const char* name : {"faas.cpu_usage", "faas.net_io", "mayfly.lambda.cpu_time", "mayfly.lambda.network_io",
                           "mayfly.lambda.memory_used", "mayfly.lambda.tmp_used", "mayfly.lambda.threads"}) {
    CHECK(metrics.count(name) == 0);
  }
}
