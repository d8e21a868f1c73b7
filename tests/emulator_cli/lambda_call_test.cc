#include "emulator/cli/lambda_call.h"

#include <doctest/doctest.h>

#include "emulator/cli/base64.h"

namespace mayfly::emulator::cli {

TEST_CASE("the request is the Invoke API's") {
  LambdaCall call;
  call.function_name = "arn:aws:lambda:us-east-1:123456789012:function:orders";
  call.qualifier = "$LATEST";
  call.client_context = "{\"a\":1}";
  call.payload = "{}";
  auto head = call.request_head({"127.0.0.1", 9000});
  CHECK(
      head.starts_with("POST /2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Aorders/"
                       "invocations?Qualifier=%24LATEST HTTP/1.1\r\n"));
  CHECK(head.find("Host: 127.0.0.1:9000\r\n") != head.npos);
  CHECK(head.find("Content-Length: 2\r\n") != head.npos);
  CHECK(head.find("X-Amz-Log-Type: Tail\r\n") != head.npos);
  CHECK(head.find("X-Amz-Client-Context: eyJhIjoxfQ==\r\n") != head.npos);
  CHECK(head.ends_with("\r\n\r\n"));
}

TEST_CASE("a hostile function name cannot add a header") {
  LambdaCall call;
  call.function_name = "a HTTP/1.1\r\nX-Evil: 1";
  auto head = call.request_head({"127.0.0.1", 9000});
  CHECK(head.find("\r\nX-Evil") == head.npos);
}

TEST_CASE("an asynchronous call asks for no log") {
  LambdaCall call;
  call.asynchronous = true;
  auto head = call.request_head({"127.0.0.1", 9000});
  CHECK(head.find("X-Amz-Invocation-Type: Event\r\n") != head.npos);
  CHECK(head.find("Log-Type") == head.npos);
}

TEST_CASE("figures are read from the last REPORT line") {
  auto report = find_report(
      "START RequestId: 1 Version: $LATEST\nREPORT of the function\nEND RequestId: 1\nREPORT RequestId: 1\tDuration: "
      "9.69 ms\t"
      "Billed Duration: 90 ms\tMemory Size: 128 MB\tMax Memory Used: 31 MB\tInit Duration: 80.00 ms\t\n");
  REQUIRE(report);
  CHECK(report->duration_ms == 9.69);
  CHECK(report->billed_ms == 90);
  CHECK(report->memory_mb == 128);
  CHECK(report->max_memory_mb == 31);
  CHECK(report->init_ms == 80.0);
  auto warm = find_report(
      "REPORT RequestId: 1\tDuration: 2.00 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 31 MB\t");
  REQUIRE(warm);
  CHECK_FALSE(warm->init_ms);
}

TEST_CASE("figures are read from JSON logs too") {
  auto report = find_report(
      R"({"time":"2026-01-01T00:00:00.000Z","type":"platform.report","record":{"requestId":"1","metrics":{"durationMs":9.69,)"
      R"("billedDurationMs":10,"memorySizeMB":128,"maxMemoryUsedMB":31},"status":"success"}})"
      "\n");
  REQUIRE(report);
  CHECK(report->billed_ms == 10);
  CHECK_FALSE(report->init_ms);
}

TEST_CASE("a log without a REPORT line gives no figures") {
  CHECK_FALSE(find_report(""));
  CHECK_FALSE(find_report("\n\n"));
  CHECK_FALSE(find_report("REPORT nothing"));
  CHECK_FALSE(find_report("{\"type\":\"platform.report\""));
}

TEST_CASE("base64 there and back") {
  for (const char* text : {"", "a", "ab", "abc", "abcd"}) CHECK(base64_decode(base64_encode(text)) == text);
  CHECK(base64_encode("ab") == "YWI=");
  CHECK_FALSE(base64_decode("YWI"));
  CHECK_FALSE(base64_decode("YW!="));
}

}  // namespace mayfly::emulator::cli
