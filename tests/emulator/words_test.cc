// The small readers and writers of the environment.

#include <doctest/doctest.h>
#include <signal.h>

#include "emulator/apis/runtime_api.h"
#include "emulator/identifiers.h"
#include "emulator/invoke/function_name.h"
#include "emulator/json_check.h"
#include "emulator/lifecycle/error_json.h"
#include "emulator/sandbox/process.h"
#include "emulator/sandbox/sandbox_environment.h"
#include "emulator/telemetry/log_level.h"
#include "emulator/telemetry/report_lines.h"
#include "emulator/trace_id.h"

using namespace mayfly::emulator;
using namespace std::chrono_literals;

TEST_CASE("REPORT has Lambda's fields in Lambda's order, a tab behind each") {
  Report report;
  report.request_id = "id";
  report.status = "success";
  report.duration = 9'690us;
  report.billed_ms = 90;
  report.memory_mb = 128;
  report.max_memory_mb = 31;
  report.init = 80ms;
  CHECK(report_line(report) ==
        "REPORT RequestId: id\tDuration: 9.69 ms\tBilled Duration: 90 ms\tMemory Size: 128 MB\tMax Memory Used: 31 MB\t"
        "Init Duration: 80.00 ms\t");
  report.init = 0ms;
  report.extensions = 310us;
  report.status = "error";
  report.error_type = "Runtime.ExitError";
  CHECK(
      report_line(report) ==
      "REPORT RequestId: id\tDuration: 10.00 ms\tBilled Duration: 90 ms\tMemory Size: 128 MB\tMax Memory Used: 31 MB\t"
      "Status: error\tError Type: Runtime.ExitError\t");
  report.status = "timeout";
  CHECK(report_line(report).ends_with("\tStatus: timeout\t"));
}

TEST_CASE("the other lines of the log") {
  CHECK(start_line("id", "$LATEST") == "START RequestId: id Version: $LATEST");
  CHECK(end_line("id") == "END RequestId: id");
  CHECK(init_report_line(1236040us, "init", "timeout", "Runtime.Unknown") ==
        "INIT_REPORT Init Duration: 1236.04 ms\tPhase: init\tStatus: timeout");
  CHECK(init_report_line(1ms, "invoke", "error", "Extension.Crash") ==
        "INIT_REPORT Init Duration: 1.00 ms\tPhase: invoke\tStatus: error\tError Type: Extension.Crash");
  CHECK(extension_line("x", "Ready", {"INVOKE", "SHUTDOWN"}) ==
        "EXTENSION\tName: x\tState: Ready\tEvents: [INVOKE,SHUTDOWN]");
  CHECK(telemetry_line("x", {"platform", "function"}) ==
        "TELEMETRY\tName: x\tState: Subscribed\tTypes: [Platform, Function]");
}

TEST_CASE("functions are named in four ways") {
  auto whole = parse_function_name("arn:aws-cn:lambda:cn-north-1:111122223333:function:orders:live");
  REQUIRE(whole.has_value());
  CHECK(whole->name == "orders");
  CHECK(whole->qualifier == "live");
  CHECK(whole->region == "cn-north-1");
  CHECK(whole->account == "111122223333");
  CHECK(parse_function_name("orders")->qualifier.empty());
  CHECK(parse_function_name("orders:$LATEST")->qualifier == "$LATEST");
  CHECK(parse_function_name("111122223333:function:orders:7")->qualifier == "7");
  CHECK(parse_function_name(std::string(64, 'n')).has_value());
  for (const char* wrong :
       {"", ":", "a:b:c", "a:", "a b", "arn:aws:s3:::bucket", "arn:aws:lambda:r:1:function:f",
        "arn:aws:lambda:us-east-1:111122223333:function:f:a:b", "11:function:f", "f:$latest", "../f"}) {
    INFO(std::string(wrong));
    CHECK_FALSE(parse_function_name(wrong).has_value());
  }
}

TEST_CASE("a trace keeps what the caller gave and is completed") {
  const std::string root = "Root=1-67f2a1b3-6e5c0f7b2d8a4c1e9f3b5d70";
  CHECK(complete_trace_id(root + ";Parent=53995c3f42cd8ad8;Sampled=1") == root + ";Parent=53995c3f42cd8ad8;Sampled=1");
  auto completed = complete_trace_id("Sampled=1; " + root);
  CHECK(completed.starts_with(root + ";Parent="));
  CHECK(completed.ends_with(";Sampled=1"));
  CHECK(complete_trace_id(root + ";Lineage=a:1").ends_with(";Sampled=0;Lineage=a:1"));
  CHECK(complete_trace_id("Root=x").starts_with("Root=1-"));
}

TEST_CASE("base64 both ways, and only base64") {
  CHECK(base64_encode("") == "");
  CHECK(base64_encode("f") == "Zg==");
  CHECK(base64_encode("fo") == "Zm8=");
  CHECK(base64_encode("foo") == "Zm9v");
  CHECK(base64_decode("Zm8=") == "fo");
  CHECK(base64_decode("/+8=") == "\xff\xef");
  for (const char* wrong : {"Zg", "Zg=a", "=", "Zm 8", "Z===", "====a"}) {
    INFO(std::string(wrong));
    CHECK_FALSE(base64_decode(wrong).has_value());
  }
}

TEST_CASE("identifiers are UUIDs of version 4, each another") {
  auto a = new_uuid(), b = new_uuid();
  CHECK(is_uuid(a));
  CHECK(a[14] == '4');
  CHECK(a != b);
  CHECK_FALSE(is_uuid(""));
  CHECK_FALSE(is_uuid("11111111-1111-4111-8111-11111111111g"));
  CHECK_FALSE(is_uuid("111111111-111-4111-8111-111111111111"));
}

TEST_CASE("a JSON line without a timestamp gets one") {
  CHECK(read_log_line(R"({"level":"ERROR"})").lacks_timestamp);
  CHECK(read_log_line(R"({"a":{"timestamp":"2026-11-21T10:00:00Z"}})").lacks_timestamp);
  for (const char* other : {R"({"timestamp":"2026-11-21T10:00:00Z"})", R"({"timestamp":1})", "plain", "[1]", "{"}) {
    CHECK_FALSE(read_log_line(other).lacks_timestamp);
  }
  CHECK(with_timestamp(R"( { "a":"{" } )", "now") == R"({"timestamp":"now","a":"{" } )");
  CHECK(with_timestamp("{ }", "now") == R"({"timestamp":"now"})");
}

TEST_CASE("a line's level is what it says, when it says when") {
  constexpr std::string_view kTime = R"("timestamp":"2026-11-21T10:00:00.123+01:00")";
  auto line = [&](std::string_view members) { return "{" + std::string(members) + "}"; };
  auto timed = [&](std::string_view level) { return line(std::string(kTime) + ",\"level\":" + std::string(level)); };
  CHECK(read_log_line(timed("\"TRACE\"")).level == LogLevel::trace);
  CHECK(read_log_line(timed("\"debug\"")).level == LogLevel::debug);
  CHECK(read_log_line(timed("\"Warn\"")).level == LogLevel::warn);
  CHECK(read_log_line(timed("\"FATAL\"") + " ").level == LogLevel::fatal);
  for (const auto& other : {timed("\"LOUD\""), timed("30"), line(kTime), line(R"("level":"DEBUG")"),
                            line(R"("level":"DEBUG","timestamp":"yesterday")"), std::string("DEBUG plain"),
                            timed("\"DEBUG\"") + "x", std::string()}) {
    INFO(other);
    CHECK(read_log_line(other).level == LogLevel::info);
  }
  for (auto level : {LogLevel::trace, LogLevel::info, LogLevel::fatal}) CHECK(parse_log_level(name_of(level)) == level);
  CHECK_FALSE(parse_log_level("INF").has_value());
}

TEST_CASE("JSON is checked to its end") {
  for (const char* good : {"1", "-1.5e300", "\"a\"", "null", "true", "[]", " {\"a\":[1,{\"b\":null}]} "}) {
    INFO(std::string(good));
    CHECK(json_problem(good).empty());
  }
  for (const char* bad :
       {"", " ", "nul", "tru", "[1,]", "{\"a\":tru}", "{\"a\":1}}", "1 2", "[1] x", "{\"a\"}", "'a'", "\xff", "[1"}) {
    INFO(std::string(bad));
    CHECK_FALSE(json_problem(bad).empty());
  }
  CHECK(json_problem(std::string(1'000, '[') + std::string(1'000, ']')).empty());
  CHECK_FALSE(json_problem(std::string(1'001, '[') + std::string(1'001, ']')).empty());
  CHECK_FALSE(json_problem(std::string(1'000'000, '[')).empty());
  CHECK(is_json_object(" {\"a\":1}"));
  CHECK_FALSE(is_json_object("[1]"));
  CHECK_FALSE(is_json_object("{1}"));
}

TEST_CASE("errors of the APIs escape what HTML would read") {
  CHECK(api_error_json("T", "a<b>&\"") == "{\"errorMessage\":\"a\\u003cb\\u003e\\u0026\\\"\",\"errorType\":\"T\"}\n");
  CHECK(without_error_cause("nonsense") == "\"Invalid error body\"");
  CHECK(without_error_cause(R"({"errorCause":1})") == R"({"errorMessage":"","errorType":""})");
}

TEST_CASE("only known forms of error types are kept") {
  CHECK(known_error_type("Runtime.NoConfig") == "Runtime.NoConfig");
  CHECK(known_error_type("xFunction.Bad") == "xFunction.Bad");
  CHECK(known_error_type("Function.bad") == "Function.Unknown");
  CHECK(known_error_type("Orders.Unknown") == "Runtime.Unknown");
  CHECK(known_error_type("") == "Runtime.Unknown");
}

TEST_CASE("exits are worded as Lambda does") {
  CHECK(exit_text(0).empty());
  CHECK(exit_text(127 << 8) == "exit status 127");
  CHECK(exit_text(SIGKILL) == "signal: killed");
  CHECK(exit_text(SIGSEGV | 0x80) == "signal: segmentation fault");
  CHECK(exit_text(SIGRTMIN) == "signal: signal " + std::to_string(SIGRTMIN));
}

TEST_CASE("reserved variables are known, changeable ones are not reserved") {
  for (const char* name : {"_HANDLER", "AWS_REGION", "AWS_SESSION_TOKEN", "LAMBDA_TASK_ROOT"})
    CHECK(is_reserved_variable(name));
  for (const char* name : {"PATH", "TZ", "LANG", "AWS_XRAY_CONTEXT_MISSING", "TABLE"})
    CHECK_FALSE(is_reserved_variable(name));
  CHECK(reserved_variables_message("AWS_REGION").ends_with("Reserved keys used in this request: AWS_REGION"));
}
