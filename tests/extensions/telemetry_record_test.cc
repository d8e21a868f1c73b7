#include <doctest/doctest.h>
#include <mayfly/telemetry_record.h>

#include <string>
#include <vector>

namespace ext = mayfly::extension;

namespace {

// The event types of a batch, "text:" and the line for plain lines.
struct Seen {
  std::vector<std::string> records;
  std::size_t malformed = 0;
  bool operator==(const Seen&) const = default;
};

Seen read(const std::string& text) {
  Seen seen;
  // A copy of exactly this size: reading behind it is an error that asan finds.
  std::vector<char> exact(text.begin(), text.end());
  ext::TelemetryBatch batch({exact.data(), exact.size()}, exact.size());
  for (const auto& record : batch) {
    auto* line = std::get_if<ext::FunctionLog>(&record.event);
    seen.records.push_back(line && !line->is_object ? "text:" + std::string(line->text) : std::string(record.type));
  }
  seen.malformed = batch.malformed();
  return seen;
}

std::string line(const std::string& text) {
  return R"({"time":"2022-10-12T00:03:50.000Z","type":"function","record":")" + text + "\"}";
}

template <class Event, class Check>
void one(const std::string& type, const std::string& json, Check check) {
  CAPTURE(type);
  std::string text = R"([{"time":"2022-10-12T00:00:15.064Z","type":")" + type + R"(","record":)" + json + "}]";
  ext::TelemetryBatch batch(text, text.size());
  int seen = 0;
  for (const auto& record : batch) {
    ++seen;
    CHECK(record.type == type);
    CHECK(record.record_json == json);
    REQUIRE(record.time.has_value());
    CHECK(record.time->time_since_epoch() == std::chrono::milliseconds(1665532815064));
    REQUIRE(std::holds_alternative<Event>(record.event));
    check(std::get<Event>(record.event));
  }
  CHECK(seen == 1);
  CHECK(batch.malformed() == 0);
}

}  // namespace

TEST_CASE("every event type of the schema is read into its struct") {
  one<ext::InitStart>(
      "platform.initStart",
      R"({"initializationType":"on-demand","phase":"init","functionName":"orders","functionVersion":"3","runtimeVersion":"nodejs-14.v3","runtimeVersionArn":"arn","instanceId":"i-1","instanceMaxMemory":256,"new":{"x":[1]}})",
      [](const ext::InitStart& r) {
        CHECK(r.initialization_type == "on-demand");
        CHECK(r.phase == "init");
        CHECK(r.function_name == "orders");
        CHECK(r.function_version == "3");
        CHECK(r.runtime_version == "nodejs-14.v3");
        CHECK(r.runtime_version_arn == "arn");
        CHECK(r.instance_id == "i-1");
        CHECK(r.instance_max_memory == 256);
      });
  one<ext::InitRuntimeDone>(
      "platform.initRuntimeDone",
      R"({"initializationType":"snap-start","phase":"invoke","status":"error","errorType":"Runtime.ExitError","spans":[{"name":"a","start":"2022-06-02T12:02:33.913Z","durationMs":70.5}]})",
      [](const ext::InitRuntimeDone& r) {
        CHECK(r.status == "error");
        CHECK(r.error_type == "Runtime.ExitError");
        REQUIRE(r.spans.size() == 1);
        CHECK(r.spans[0].name == "a");
        CHECK(r.spans[0].start == "2022-06-02T12:02:33.913Z");
        CHECK(r.spans[0].duration_ms == 70.5);
      });
  one<ext::InitReport>(
      "platform.initReport",
      R"({"initializationType":"on-demand","status":"success","phase":"init","metrics":{"durationMs":125.33},"spans":null})",
      [](const ext::InitReport& r) { CHECK(r.duration_ms == 125.33); });
  one<ext::Start>(
      "platform.start",
      R"({"requestId":"6d68ca91","version":"$LATEST","tenantId":"t-1","tracing":{"spanId":"54565fb41ac79632","type":"X-Amzn-Trace-Id","value":"Root=1"}})",
      [](const ext::Start& r) {
        CHECK(r.request_id == "6d68ca91");
        CHECK(r.version == "$LATEST");
        CHECK(r.tenant_id == "t-1");
        CHECK(r.tracing.span_id == "54565fb41ac79632");
        CHECK(r.tracing.type == "X-Amzn-Trace-Id");
        CHECK(r.tracing.value == "Root=1");
      });
  one<ext::RuntimeDone>(
      "platform.runtimeDone",
      R"({"requestId":"6d68ca91","status":"timeout","tracing":null,"spans":[],"metrics":{"durationMs":140.0,"producedBytes":16}})",
      [](const ext::RuntimeDone& r) {
        CHECK(r.request_id == "6d68ca91");
        CHECK(r.status == "timeout");
        CHECK(r.duration_ms == 140.0);
        CHECK(r.produced_bytes == 16);
      });
  one<ext::Report>(
      "platform.report",
      R"({"requestId":"6d68ca91","metrics":{"durationMs":220.12,"billedDurationMs":300,"memorySizeMB":128,"maxMemoryUsedMB":90,"initDurationMs":200.6,"restoreDurationMs":3},"status":"error","errorType":"X"})",
      [](const ext::Report& r) {
        CHECK(r.duration_ms == 220.12);
        CHECK(r.billed_duration_ms == 300);
        CHECK(r.memory_size_mb == 128);
        CHECK(r.max_memory_used_mb == 90);
        CHECK(r.init_duration_ms == 200.6);
        CHECK(r.restore_duration_ms == 3);
        CHECK(r.status == "error");
        CHECK(r.error_type == "X");
      });
  one<ext::RestoreStart>("platform.restoreStart",
                         R"({"functionName":"f","functionVersion":"1","instanceId":"i","instanceMaxMemory":512})",
                         [](const ext::RestoreStart& r) {
                           CHECK(r.instance_id == "i");
                           CHECK(r.instance_max_memory == 512);
                           CHECK(r.runtime_version.empty());
                         });
  one<ext::RestoreRuntimeDone>("platform.restoreRuntimeDone", R"({"status":"success"})",
                               [](const ext::RestoreRuntimeDone& r) { CHECK(r.status == "success"); });
  one<ext::RestoreReport>("platform.restoreReport", R"({"status":"success","metrics":{"durationMs":15.19}})",
                          [](const ext::RestoreReport& r) { CHECK(r.duration_ms == 15.19); });
  one<ext::ExtensionState>("platform.extension", R"({"name":"e","state":"Ready","events":["INVOKE","SHUTDOWN"]})",
                           [](const ext::ExtensionState& r) {
                             CHECK(r.state == "Ready");
                             CHECK(r.events == std::vector<std::string_view>{"INVOKE", "SHUTDOWN"});
                           });
  one<ext::TelemetrySubscription>("platform.telemetrySubscription",
                                  R"({"name":"e","state":"Subscribed","types":["platform"]})",
                                  [](const ext::TelemetrySubscription& r) { CHECK(r.types.size() == 1); });
  one<ext::LogsDropped>("platform.logsDropped", R"({"droppedBytes":12345,"droppedRecords":123,"reason":"slow"})",
                        [](const ext::LogsDropped& r) {
                          CHECK(r.dropped_bytes == 12345);
                          CHECK(r.dropped_records == 123);
                          CHECK(r.reason == "slow");
                        });
  one<ext::FunctionLog>("function", R"("a\tb é \ud83d\ude00\n")",
                        [](const ext::FunctionLog& r) { CHECK(r.text == "a\tb é 😀\n"); });
  one<ext::ExtensionLog>("extension", R"({"level":"INFO"})", [](const ext::ExtensionLog& r) {
    CHECK(r.is_object);
    CHECK(r.text.empty());
  });
  one<ext::UnknownRecord>("platform.fromTheFuture", R"([1, {"a":"]"}])", [](const ext::UnknownRecord&) {});
}

TEST_CASE("an empty batch has no records and nothing wrong") {
  CHECK(read("[]") == Seen{});
  CHECK(read(" [ ] \n") == Seen{});
}

TEST_CASE("what is not an array counts as one malformed record") {
  for (const char* text : {"", "  ", "{}", "null", "\"[\"", "\xff"}) CHECK(read(text) == Seen{{}, 1});
}

TEST_CASE("a malformed record among good ones costs only itself") {
  const std::vector<std::string> bad = {
      "17",
      "null",
      "\"text\"",
      "[]",
      "{}",
      "",
      "nonsense",
      R"({"time":"2022-10-12T00:03:50.000Z","type":"function"})",                     // no record
      R"({"time":"2022-10-12T00:03:50.000Z","record":"x"})",                          // no type
      R"({"time":"2022-10-12T00:03:50.000Z","type":7,"record":"x"})",                 // type of another kind
      R"({"time":"2022-10-12T00:03:50.000Z","type":"function","record":17})",         // neither text nor object
      R"({"time":"2022-10-12T00:03:50.000Z","type":"platform.start","record":"x"})",  // no object
      R"({"time":"2022-10-12T00:03:50.000Z","type":"platform.report","record":{"requestId":1}})",  // wrong kind inside
      R"({"time" "2022-10-12T00:03:50.000Z"})",                                                    // no colon
      R"({"time":"2022-10-12T00:03:50.000Z","type":"function","record":"a)"
      "\n"
      R"(b"})",  // bare control byte
      R"({"time":"2022-10-12T00:03:50.000Z","type":"function","record":")"
      "\xff\xfe"
      R"("})",                                                                    // not UTF-8
      R"({"time":"2022-10-12T00:03:50.000Z","type":"function","record":{"a":{)",  // brackets left open
      R"({"time":"2022-10-12T00:03:50.000Z","type":"function","record":"a)",      // string left open
      R"({"time":"2022-10-12T00:03:50.000Z","type":"function","record":"a"}})",   // one bracket too many
      R"({"time":"2022-10-12T00:03:50.000Z","type":"function","record":"a"}])",
  };
  for (const auto& element : bad) {
    CAPTURE(element);
    CHECK(read("[" + line("one") + "," + element + "," + line("two") + "]") == Seen{{"text:one", "text:two"}, 1});
    CHECK(read("[" + element + "," + line("two") + "]") == Seen{{"text:two"}, 1});
  }
}

TEST_CASE("a batch that was cut off gives the records before the cut") {
  std::string whole = "[" + line("one") + "," + line("two") + "]";
  for (std::size_t size = 1; size < whole.size() - 1; ++size) {
    auto seen = read(whole.substr(0, size));
    bool first = size >= 1 + line("one").size();
    CHECK(seen.records.size() == (size >= whole.size() - 1 ? 2 : first ? 1 : 0));
  }
}

TEST_CASE("quotes, brackets and backslashes inside lines do not end a record") {
  CHECK(read("[" + line(R"(\"],{\"time\":)") + "," + line(R"(\\)") + "," + line(R"(\\\"}]})") + "]") ==
        Seen{{R"(text:"],{"time":)", R"(text:\)", R"(text:\"}]})"}, 0});
}

TEST_CASE("a time that cannot be read does not cost the record") {
  std::string text = R"([{"time":"yesterday","type":"function","record":"x"},{"type":"function","record":"y"}])";
  ext::TelemetryBatch batch(text, text.size());
  int seen = 0;
  for (const auto& record : batch) {
    ++seen;
    CHECK_FALSE(record.time.has_value());
  }
  CHECK(seen == 2);
}

TEST_CASE("deep nesting is neither a crash nor a loss of its neighbours") {
  std::string deep = R"({"time":"2022-10-12T00:03:50.000Z","type":"function","record":{"a":)" +
                     std::string(100'000, '[') + std::string(100'000, ']') + "}}";
  auto seen = read("[" + line("one") + "," + deep + "," + line("two") + "]");
  CHECK(seen.records.size() + seen.malformed == 3);
  CHECK(seen.records.front() == "text:one");
  CHECK(seen.records.back() == "text:two");
}
