#include "extensions/telemetry/otlp_logs.h"

#include <doctest/doctest.h>

#include "backend.h"
#include "extensions/telemetry/otlp_envelope.h"
#include "extensions/telemetry/trace_context.h"
#include "fake_lambda.h"

using namespace mayfly::telemetry;
namespace ext = mayfly::extension;

namespace {

using Attributes = std::map<std::string, std::string>;

std::vector<LogRecord> encode(const std::string& json, std::string_view request_id = {},
                              Invocations invocations = Invocations(), OtlpLogsEncoder::Options options = {}) {
  Settings settings;
  settings.function_name = "orders";
  Resource resource(settings);
  OtlpLogsEncoder encoder(resource, options);
  ext::TelemetryBatch batch(json, json.size());
  for (const auto& r : batch) {
    invocations.note(r);
    encoder.add(r, {request_id, invocations, mayfly::core::WallTime(std::chrono::seconds(7))});
  }
  CHECK(batch.malformed() == 0);
  auto count = encoder.records();
  auto sealed = encoder.seal();
  CHECK(sealed->records == count);
  CHECK(encoder.records() == 0);
  auto records = decode_logs(sealed->body);
  CHECK(records.size() == count);
  return records;
}

LogRecord encode_one(const std::string& type, const std::string& json, std::string_view request_id = {}) {
  auto records = encode(batch({record(type, json)}), request_id);
  REQUIRE(records.size() == 1);
  return records[0];
}

constexpr std::uint64_t kEventTime = 1665533030'000'000'000u;
constexpr std::string_view kId = "8f3c41d2-0000-4000-8000-000000000001";

}  // namespace

TEST_CASE("a line of text is the body, with the request id of the running invocation") {
  auto r = encode_one("function", R"("hello \u00e9\n")", "id-1");
  CHECK(r.body == "s:hello é");
  CHECK(r.attributes == Attributes{{"faas.invocation_id", "s:id-1"}});
  CHECK(r.time == kEventTime);
  CHECK(r.observed == 7'000'000'000u);
  CHECK(r.severity == 0);
  CHECK(r.severity_text == "");
  CHECK(r.event_name == "");
  CHECK(encode_one("function", "\"in init\"").attributes.empty());
}

TEST_CASE("level and request id are read from the text forms of managed runtimes") {
  struct Row {
    std::string line;
    std::string level;
    int severity;
    std::string id;
  };
  const std::string id{kId}, time = "2026-11-21T10:02:11.042Z";
  for (const auto& row : {Row{time + "\\t" + id + "\\tWARN\\tlow", "WARN", 13, id},  // Node.js
                          Row{time + "\\tERROR\\tlow", "ERROR", 17, "id-1"},  // mayfly::log outside of an invocation
                          Row{"[DEBUG]\\t" + time + "\\t" + id + "\\tlow", "DEBUG", 5, id},  // Python
                          Row{"ERROR\\tno time", "", 0, "id-1"}, Row{time + "\\tnext\\tERROR\\tx", "", 0, "id-1"},
                          Row{"[x]\\t" + time + "\\tlow", "", 0, "id-1"}}) {
    CAPTURE(row.line);
    auto r = encode_one("function", "\"" + row.line + "\"", "id-1");
    CHECK(r.severity_text == row.level);
    CHECK(r.severity == row.severity);
    CHECK(r.attributes["faas.invocation_id"] == "s:" + row.id);
  }
}

TEST_CASE("a JSON line gives body, severity, time, ids and nested attributes") {
  auto r = encode_one(
      "function",
      R"({"timestamp":"2026-11-21T10:02:11.5Z","level":"warning","message":"low stock","requestId":"id-9",)"
      R"("traceId":"0af7651916cd43dd8448eb211c80319c","span_id":"b7ad6b7169203331",)"
      R"("item":{"id":3,"tags":["a",1.5,null,true,[],{}]},"count":-7,"big":12345678901234567890,"none":null})",
      "id-1");
  CHECK(r.body == "s:low stock");
  CHECK(r.severity == 13);
  CHECK(r.severity_text == "warning");
  CHECK(r.time == 1795255331'500'000'000u);
  CHECK(r.trace_id == "0af7651916cd43dd8448eb211c80319c");
  CHECK(r.span_id == "b7ad6b7169203331");
  CHECK(r.attributes == Attributes{{"faas.invocation_id", "s:id-9"},
                                   {"item", "{id=i:3,tags=[s:a,d:1.500000,,b:true,[],{}]}"},
                                   {"count", "i:-7"},
                                   {"big", "d:12345678901234567168.000000"},
                                   {"none", ""}});
}

TEST_CASE("a JSON line without a message is the body itself") {
  auto r = encode_one("function", R"({"level":"INFO","a":1,"b":{"c":"x"}})");
  CHECK(r.body == "{a=i:1,b={c=s:x}}");
  CHECK(r.severity == 9);
  CHECK(r.attributes.empty());
}

TEST_CASE("a message that is no text keeps its structure, and odd members stay attributes") {
  auto r =
      encode_one("function", R"({"message":{"k":[1]},"level":30,"timestamp":"now","traceId":"xyz","requestId":5})");
  CHECK(r.body == "{k=[i:1]}");
  CHECK(r.attributes ==
        Attributes{{"level", "i:30"}, {"timestamp", "s:now"}, {"traceId", "s:xyz"}, {"requestId", "i:5"}});
  CHECK(r.time == kEventTime);
  CHECK(r.trace_id == "");
}

TEST_CASE("a JSON line that is broken inside is kept as text") {
  auto r = encode_one("function", R"({"message":"x","a":[1,}})");
  CHECK(r.body == R"(s:{"message":"x","a":[1,}})");
  CHECK(r.attributes.empty());
}

TEST_CASE("nesting beyond 32 levels becomes a string of JSON") {
  std::string deep = std::string(40, '[') + std::string(40, ']');
  auto r = encode_one("function", R"({"message":)" + deep + "}");
  CHECK(r.body == std::string(32, '[') + "s:" + std::string(8, '[') + std::string(8, ']') + std::string(32, ']'));
}

TEST_CASE("unknown level words keep their text and have no number") {
  auto r = encode_one("function", R"({"message":"x","level":"notice"})");
  CHECK(r.severity_text == "notice");
  CHECK(r.severity == 0);
}

TEST_CASE("a line of text that is a JSON object is read as one, also behind a runtime's prefix") {
  const std::string id{kId};
  for (const std::string& line :
       {std::string(R"({\"level\":\"warn\",\"msg\":\"low\",\"item\":{\"id\":3}}\n)"),
        R"(2026-11-21T10:02:11.042Z\t)" + id + R"(\tWARN\t{\"message\":\"low\",\"item\":{\"id\":3}})",
        R"([WARN]\t2026-11-21T10:02:11.042Z\t)" + id + R"(\t{\"message\":\"low\",\"item\":{\"id\":3}}\n)"}) {
    CAPTURE(line);
    auto r = encode_one("function", "\"" + line + "\"", id);
    CHECK(r.body == "s:low");
    CHECK(r.severity == 13);
    CHECK(r.attributes == Attributes{{"faas.invocation_id", "s:" + id}, {"item", "{id=i:3}"}});
  }
  auto odd = encode_one("function", R"("{not json}")", "id-1");
  CHECK(odd.body == "s:{not json}");
  CHECK(odd.attributes == Attributes{{"faas.invocation_id", "s:id-1"}});
  auto broken = encode_one("function", R"("2026-11-21T10:02:11.042Z\tINFO\t{\"requestId\":\"x\",\"a\":[1,}}")", "id-1");
  CHECK(broken.severity_text == "INFO");
  CHECK(broken.attributes == Attributes{{"faas.invocation_id", "s:id-1"}});
}

TEST_CASE("the time of a line of text is its own where it tells one") {
  CHECK(encode_one("function", R"("2026-11-21T10:02:11.042Z\tINFO\tx")").time == 1795255331'042'000'000u);
  CHECK(encode_one("function", R"("x")").time == kEventTime);
}

TEST_CASE("the lines of a stack trace are one record, with level and request of the first") {
  const std::string id{kId};
  auto lines = batch({record("function", R"("before")"),
                      record("function", R"("2026-11-21T10:02:11.042Z\t)" + id + R"(\tERROR\tlow stock\n")"),
                      record("function", R"("    at take (stock.js:3:9)\n")"),
                      record("function", R"("    at handler (index.js:8:3)\n")"), record("function", R"("after")")});
  auto records = encode(lines, "id-1");
  REQUIRE(records.size() == 3);
  CHECK(records[0].body == "s:before");
  CHECK(records[1].body == "s:2026-11-21T10:02:11.042Z\t" + id +
                               "\tERROR\tlow stock\n    at take (stock.js:3:9)\n    at handler (index.js:8:3)");
  CHECK(records[1].severity == 17);
  CHECK(records[1].attributes["faas.invocation_id"] == "s:" + id);
  CHECK(records[2].body == "s:after");
  CHECK(encode(lines, "id-1", Invocations(), {.multiline = false}).size() == 5);
}

TEST_CASE("a stack trace ends with a record of another kind") {
  auto records = encode(batch({record("function", R"("E: x")"), record("function", R"("\tat f")"),
                               record("platform.runtimeDone", R"({"requestId":"a","status":"error"})"),
                               record("function", R"("\tat g")"), record("function", R"({"message":"m"})"),
                               record("function", R"("\tat h")"), record("extension", R"("\tat e")")}));
  REQUIRE(records.size() == 6);
  CHECK(records[0].body == "s:E: x\n\tat f");
  CHECK(records[2].body == "s:\tat g");
  CHECK(records[4].body == "s:\tat h");
}

TEST_CASE("a stack trace is cut at 256 KiB and after a second") {
  std::vector<std::string> lines{record("function", R"("E: x")")};
  const std::string frame = "\\tat f(" + std::string(10'000, 'x') + ")";
  for (int i = 0; i < 60; ++i) lines.push_back(record("function", "\"" + frame + "\""));
  auto records = encode(batch(lines));
  CHECK(records.size() == 3);
  std::size_t frames = 0;
  for (const auto& r : records) {
    CHECK(r.body.size() <= OtlpLogsEncoder::kMaxJoinedBytes + 2);
    for (std::size_t at = 0; (at = r.body.find("\tat f(", at)) != r.body.npos; ++at) ++frames;
  }
  CHECK(frames == 60);

  auto at = [](const char* time, const char* text) {
    return std::string(R"({"time":")") + time + R"(","type":"function","record":")" + text + "\"}";
  };
  CHECK(encode(batch({at("2026-11-21T10:00:00.000Z", "E: x"), at("2026-11-21T10:00:01.000Z", R"(\tat f)"),
                      at("2026-11-21T10:00:01.001Z", R"(\tat g)")}))
            .size() == 2);
}

TEST_CASE("platform records need not have CloudWatch's text") {
  auto records = encode(batch({record("platform.start", R"({"requestId":"i","version":"7"})")}), {}, Invocations(),
                        {.platform_text = false});
  REQUIRE(records.size() == 1);
  CHECK(records[0].body == "s:platform.start");
  CHECK(records[0].attributes["version"] == "s:7");
}

TEST_CASE("extension lines say that they are no function's") {
  CHECK(encode_one("extension", "\"x\"").attributes == Attributes{{"aws.lambda.telemetry_type", "s:extension"}});
}

TEST_CASE("platform records have the line that CloudWatch shows, those without one their type") {
  auto body = [](const std::string& type, const std::string& json) { return encode_one(type, json).body; };
  CHECK(body("platform.initStart", R"({"runtimeVersion":"v","runtimeVersionArn":"arn:v"})") ==
        "s:INIT_START\tRuntime Version: v\tRuntime Version ARN: arn:v");
  CHECK(body("platform.initReport", R"({"phase":"invoke","status":"timeout","metrics":{"durationMs":10000}})") ==
        "s:INIT_REPORT\tInit Duration: 10000.00 ms\tPhase: invoke\tStatus: timeout");
  CHECK(body("platform.extension", R"({"name":"e","state":"Ready","events":["INVOKE","SHUTDOWN"]})") ==
        "s:EXTENSION\tName: e\tState: Ready\tEvents: [INVOKE,SHUTDOWN]");
  CHECK(
      body("platform.telemetrySubscription", R"({"name":"e","state":"Subscribed","types":["platform","function"]})") ==
      "s:TELEMETRY\tName: e\tState: Subscribed\tTypes: [platform, function]");
  CHECK(body("platform.start", R"({"requestId":"i","version":"7"})") == "s:START RequestId: i Version: 7");
  CHECK(body("platform.runtimeDone", R"({"requestId":"i","status":"error","errorType":"E"})") ==
        "s:END RequestId: i\tStatus: error\tError Type: E");
  CHECK(body("platform.logsDropped", R"({"droppedRecords":3,"droppedBytes":70,"reason":"slow"})") ==
        "s:LOGS_DROPPED\tRecords: 3\tBytes: 70\tReason: slow");
  CHECK(body("platform.initRuntimeDone", R"({"status":"success"})") == "s:platform.initRuntimeDone");
}

TEST_CASE("CloudWatch's line has durations with two decimals, whatever the number is") {
  struct Row {
    const char* json;
    const char* text;
  };
  for (auto row : {Row{"0", "0.00"}, Row{"0.004", "0.00"}, Row{"0.06", "0.06"}, Row{"9.996", "10.00"},
                   Row{"140", "140.00"}, Row{"-0.001", "0.00"}, Row{"-1.5", "-1.50"}, Row{"900000.01", "900000.01"},
                   Row{"1e300", "?"}, Row{"-1e300", "?"}}) {
    auto r =
        encode_one("platform.report", R"({"requestId":"i","metrics":{"durationMs":)" + std::string(row.json) + "}}");
    CHECK(r.body == "s:REPORT RequestId: i\tDuration: " + std::string(row.text) + " ms");
  }
}

TEST_CASE("a platform record is an event with CloudWatch's line and its members") {
  auto r = encode_one(
      "platform.report",
      R"({"requestId":"id-2","status":"success","metrics":{"durationMs":12.3,"billedDurationMs":38,"memorySizeMB":128,"maxMemoryUsedMB":9,"initDurationMs":21.9},)"
      R"("tracing":{"spanId":"54565fb41ac79632","type":"X-Amzn-Trace-Id","value":"Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1"}})",
      "id-1");
  CHECK(r.event_name == "platform.report");
  CHECK(r.body ==
        "s:REPORT RequestId: id-2\tDuration: 12.30 ms\tBilled Duration: 38 ms\tMemory Size: 128 MB\tMax Memory Used: 9 "
        "MB\tInit Duration: 21.90 ms");
  CHECK(r.severity == 9);
  CHECK(r.trace_id == "67891233abcdef012345678912345678");
  CHECK(r.span_id == "54565fb41ac79632");
  CHECK(r.flags == 1);
  CHECK(r.attributes["faas.invocation_id"] == "s:id-2");
  CHECK(r.attributes["status"] == "s:success");
  CHECK(r.attributes["metrics"] ==
        "{durationMs=d:12.300000,billedDurationMs=i:38,memorySizeMB=i:128,maxMemoryUsedMB=i:9,initDurationMs=d:21."
        "900000}");
}

TEST_CASE("a platform record of a failure is an error, of a loss a warning") {
  CHECK(encode_one("platform.runtimeDone", R"({"requestId":"x","status":"timeout"})").severity == 17);
  CHECK(encode_one("platform.runtimeDone", R"({"requestId":"x","status":"success"})").severity == 9);
  CHECK(encode_one("platform.logsDropped", R"({"droppedRecords":3,"droppedBytes":9,"reason":"slow"})").severity == 13);
}

TEST_CASE("a record of a type that is not known yet is passed on with all it has") {
  auto r = encode_one("platform.fromTheFuture", R"({"requestId":"x","news":[1]})");
  CHECK(r.event_name == "platform.fromTheFuture");
  CHECK(r.body == "s:platform.fromTheFuture");
  CHECK(r.attributes["news"] == "[i:1]");
}

TEST_CASE("lines are joined to the trace of their invocation, unless they have their own") {
  Invocations invocations;
  invocations.invoked({.request_id = "id-1",
                       .invoked_function_arn = "",
                       .trace_id = "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1",
                       .deadline = {}});
  auto records = encode(batch({record("function", "\"x\""),
                               record("function", R"({"message":"y","trace_id":"0af7651916cd43dd8448eb211c80319c"})"),
                               record("function", R"({"message":"z","requestId":"id-2"})")}),
                        "id-1", invocations);
  REQUIRE(records.size() == 3);
  CHECK(records[0].trace_id == "67891233abcdef012345678912345678");
  CHECK(records[0].span_id == "53995c3f42cd8ad8");
  CHECK(records[0].flags == 1);
  CHECK(records[1].trace_id == "0af7651916cd43dd8448eb211c80319c");
  CHECK(records[1].span_id == "");
  CHECK(records[2].trace_id == "");
}

TEST_CASE("the resource does not change once a batch was made") {
  Settings settings;
  Resource resource(settings);
  resource.set_instance_id("i-1");
  auto first = resource.encoded();
  resource.set_instance_id("i-2");
  CHECK(resource.encoded() == first);
}

TEST_CASE("an instance without a name gets a random one") {
  Settings settings;
  Resource a(settings), b(settings);
  CHECK(a.encoded() != b.encoded());
  CHECK(a.encoded() == a.encoded());
}

TEST_CASE("X-Ray headers that are not as documented give no trace") {
  for (const char* bad :
       {"", "Root=", "Root=2-67891233-abcdef012345678912345678", "Root=1-67891233-abcdef01234567891234567g",
        "Root=1-67891233abcdef0123456789123456789", "Root=1-00000000-000000000000000000000000"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_xray_header(bad).has_value());
  }
  auto lineage = parse_xray_header("Root=1-67891233-abcdef012345678912345678;Sampled=0;Lineage=25:0");
  REQUIRE(lineage.has_value());
  CHECK(lineage->span_id.empty());
  CHECK_FALSE(lineage->sampled);
}

TEST_CASE("an answer of the backend tells how many records it rejected") {
  std::string why;
  CHECK(rejected_items("", why) == 0);
  CHECK(rejected_items(std::string_view("\x0a\x07\x08\x03\x12\x03"
                                        "bad",
                                        9),
                       why) == 3);
  CHECK(why == "bad");
  CHECK_FALSE(rejected_items("<html>", why).has_value());
  CHECK(rejected_items(std::string_view("\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13), why) == 0);  // -1
}
