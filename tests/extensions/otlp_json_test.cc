#include "extensions/telemetry/otlp_json.h"

#include <doctest/doctest.h>

#include "otlp_text.h"

using mayfly::telemetry::protobuf_of_json;
using mayfly::telemetry::Signal;

namespace {

std::string converted(Signal signal, std::string_view json) {
  mayfly::json::Document document;
  auto out = protobuf_of_json(signal, document, json, json.size());
  return out ? text_of(*out) : out.error().message;
}

// Of one log record, span or metric.
std::string log_record(const std::string& json) {
  return converted(Signal::logs, R"({"resourceLogs":[{"scopeLogs":[{"logRecords":[)" + json + "]}]}]}");
}
std::string body(const std::string& any_value) { return log_record(R"({"body":)" + any_value + "}"); }
std::string span(const std::string& json) {
  return converted(Signal::traces, R"({"resourceSpans":[{"scopeSpans":[{"spans":[)" + json + "]}]}]}");
}
std::string metric(const std::string& json) {
  return converted(Signal::metrics, R"({"resourceMetrics":[{"scopeMetrics":[{"metrics":[)" + json + "]}]}]}");
}
std::string in_log(const std::string& fields) { return "1{2{2{" + fields + "}}}"; }

constexpr auto kBad = "not an OTLP request in JSON: ";

}  // namespace

TEST_CASE("a log record keeps all of its fields") {
  CHECK(log_record(R"({"timeUnixNano":"1544712660300000000","observedTimeUnixNano":1544712660300000000,
    "severityNumber":10,"severityText":"Information","traceId":"5B8EFFF798038103D269B633813FC60C",
    "spanId":"eee19b7ec3c1b174","body":{"stringValue":"Example"},"flags":1,"droppedAttributesCount":"2",
    "attributes":[{"key":"k","value":{"boolValue":true}}],"eventName":"e"})") ==
        in_log(R"(1:156febfaf53aeb00 11:156febfaf53aeb00 2=10 3"Information" 9<5b8efff798038103d269b633813fc60c>)"
               R"( 10<eee19b7ec3c1b174> 5{1"Example"} 8;00000001 7=2 6{1"k" 2{2=1}} 12"e")"));
}

TEST_CASE("values of every kind keep their kind, and empty ones their place") {
  CHECK(body(R"({"intValue":"-7"})") == in_log("5{3=18446744073709551609}"));
  CHECK(body(R"({"intValue":7})") == in_log("5{3=7}"));
  CHECK(body(R"({"doubleValue":1.5})") == in_log("5{4:3ff8000000000000}"));
  CHECK(body(R"({"doubleValue":"NaN"})") == in_log("5{4:7ff8000000000000}"));
  CHECK(body(R"({"doubleValue":"-Infinity"})") == in_log("5{4:fff0000000000000}"));
  CHECK(body(R"({"bytesValue":"AAEC"})") == in_log("5{7<000102>}"));
  CHECK(body(R"({"arrayValue":{"values":[{"stringValue":"a"},{},{"boolValue":false}]}})") ==
        in_log(R"(5{5{1{1"a"} 1"" 1{2=0}}})"));
  CHECK(body(R"({"kvlistValue":{}})") == in_log(R"(5{6""})"));
  CHECK(body("{}") == in_log(R"(5"")"));
  CHECK(body("null") == R"(1{2{2""}})");
}

TEST_CASE("names of enumerations count as their numbers") {
  CHECK(span(R"({"kind":"SPAN_KIND_CONSUMER","status":{"code":"STATUS_CODE_ERROR"}})") == in_log("6=5 15{3=2}"));
  CHECK(span(R"({"kind":2,"status":{"code":1,"message":"m"}})") == in_log(R"(6=2 15{3=1 2"m"})"));
  CHECK(log_record(R"({"severityNumber":"SEVERITY_NUMBER_TRACE"})") == in_log("2=1"));
  CHECK(log_record(R"({"severityNumber":"SEVERITY_NUMBER_FATAL4"})") == in_log("2=24"));
  CHECK(log_record(R"({"severityNumber":"SEVERITY_NUMBER_UNSPECIFIED"})") == in_log("2=0"));
  for (const char* wrong : {"SEVERITY_NUMBER_FATAL5", "SEVERITY_NUMBER_INFO1", "INFO", "SEVERITY_NUMBER_", ""}) {
    CHECK(log_record(R"({"severityNumber":")" + std::string(wrong) + "\"}") ==
          std::string(kBad) + "the value of \"severityNumber\"");
  }
}

TEST_CASE("a span keeps its events and links") {
  CHECK(span(R"({"traceId":"00000000000000000000000000000001","spanId":"0000000000000002","parentSpanId":"",
    "name":"n","startTimeUnixNano":"1","endTimeUnixNano":"2","traceState":"a=b","flags":257,
    "events":[{"timeUnixNano":"3","name":"e"}],"links":[{"spanId":"0000000000000004","flags":1}]})") ==
        in_log(R"(1<00000000000000000000000000000001> 2<0000000000000002> 5"n" 7:0000000000000001 8:0000000000000002)"
               R"( 3"a=b" 16;00000101 11{1:0000000000000003 2"e"} 13{2<0000000000000004> 6;00000001})"));
}

TEST_CASE("metrics of each kind keep their points") {
  CHECK(metric(R"({"name":"g","gauge":{"dataPoints":[{"asInt":"-1"},{"asDouble":1}]}})") ==
        in_log(R"(1"g" 5{1{6:ffffffffffffffff} 1{4:3ff0000000000000}})"));
  CHECK(
      metric(
          R"({"sum":{"dataPoints":[],"aggregationTemporality":"AGGREGATION_TEMPORALITY_DELTA","isMonotonic":true}})") ==
      in_log("7{2=1 3=1}"));
  CHECK(metric(R"({"histogram":{"aggregationTemporality":2,"dataPoints":[{"count":"3","sum":4.5,
    "bucketCounts":["1",2],"explicitBounds":[0.5],"min":0,"max":1}]}})") ==
        in_log("9{2=2 1{4:0000000000000003 5:4012000000000000 6<01000000000000000200000000000000>"
               " 7<000000000000e03f> 11:0000000000000000 12:3ff0000000000000}}"));
  CHECK(metric(R"({"exponentialHistogram":{"dataPoints":[{"scale":-1,"zeroCount":"1","zeroThreshold":0.5,
    "positive":{"offset":-3,"bucketCounts":["300",1]},"negative":{}}]}})") ==
        in_log("10{1{6=1 7:0000000000000001 14:3fe0000000000000 8{1=5 2<ac0201>} 9\"\"}}"));
  CHECK(metric(R"({"summary":{"dataPoints":[{"quantileValues":[{"quantile":0.5,"value":1}],"flags":1}]}})") ==
        in_log("11{1{6{1:3fe0000000000000 2:3ff0000000000000} 8=1}}"));
}

TEST_CASE("fields that are not known, and names as protobuf writes them, are ignored") {
  CHECK(log_record(R"({"time_unix_nano":"1","future":{"deep":[1,{"x":null}]},"severityText":"x"})") ==
        in_log(R"(3"x")"));
}

TEST_CASE("a value that does not fit its field is an error that names the field") {
  struct Row {
    const char* record;
    const char* field;
  };
  for (auto row :
       {Row{R"({"timeUnixNano":"-1"})", "timeUnixNano"}, Row{R"({"timeUnixNano":1.5})", "timeUnixNano"},
        Row{R"({"timeUnixNano":"18446744073709551616"})", "timeUnixNano"}, Row{R"({"severityText":7})", "severityText"},
        Row{R"({"traceId":"xyz"})", "traceId"}, Row{R"({"traceId":"abc"})", "traceId"},
        Row{R"({"attributes":{}})", "attributes"}, Row{R"({"body":{"bytesValue":"!"}})", "bytesValue"},
        Row{R"({"body":"text"})", "body"}, Row{R"({"body":{"doubleValue":"many"}})", "doubleValue"},
        Row{R"({"droppedAttributesCount":4294967296})", "droppedAttributesCount"}}) {
    CHECK(log_record(row.record) == std::string(kBad) + "the value of \"" + row.field + "\"");
  }
}

TEST_CASE("what is not one JSON object is an error") {
  for (const char* json : {"", "[]", "7", "{", "{}{}", "{\"resourceLogs\":[}", "\xff"}) {
    CAPTURE(json);
    CHECK(converted(Signal::logs, json).starts_with(kBad));
  }
}

TEST_CASE("values deeper than a protobuf reader takes are an error, and no stack is lost") {
  auto nested = [](int levels) {
    std::string open, close;
    for (int i = 0; i < levels; ++i) {
      open += R"({"arrayValue":{"values":[)";
      close += "]}}";
    }
    return body(open + close);
  };
  CHECK(nested(45).starts_with("1{"));
  CHECK(nested(60) == std::string(kBad) + "deeper than 100 messages");
  CHECK(nested(100'000).starts_with(kBad));
}
