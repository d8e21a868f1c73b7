// The Invoke API as clients of the service see it.

#include <doctest/doctest.h>

#include "emulator/identifiers.h"
#include "tests/emulator/running_service.h"

using namespace mayfly::emulator;
using namespace mayfly::emulator::test;
using Kind = Observation::Kind;

namespace {

const std::string kPath = "/2015-03-31/functions/";

}  // namespace

TEST_CASE("an answer carries version, request id and trace, and no error field") {
  RunningService service;
  service.start();
  auto reply = service.invoke(R"({"a":[1,2]})");
  CHECK(reply.status == 200);
  CHECK(reply.body == R"({"a":[1,2]})");
  CHECK(reply.field("content-type") == "application/json");
  CHECK(reply.field("x-amz-executed-version") == "$LATEST");
  CHECK(is_uuid(reply.field("x-amzn-requestid")));
  CHECK(reply.field("x-amzn-trace-id").starts_with("Root=1-"));
  CHECK(reply.fields.count("x-amz-function-error") == 0);
  CHECK(reply.fields.count("x-amz-log-result") == 0);
}

TEST_CASE("the log tail holds START to REPORT, in order") {
  RunningService service;
  service.start();
  auto reply = service.invoke(R"({"print":"from the function"})", {{"X-Amz-Log-Type", "Tail"}});
  auto tail = base64_decode(reply.field("x-amz-log-result"));
  REQUIRE(tail.has_value());
  auto id = reply.field("x-amzn-requestid");
  CHECK(tail->starts_with("START RequestId: " + id + " Version: $LATEST\nfrom the function\nEND RequestId: " + id +
                          "\nREPORT RequestId: " + id + "\tDuration: "));
  CHECK(tail->ends_with(" ms\t\n"));
  CHECK(tail->find("\tInit Duration: ") != tail->npos);
  CHECK(tail->find("\tMemory Size: 128 MB\tMax Memory Used: ") != tail->npos);
}

TEST_CASE("the log tail is at most 4,096 bytes") {
  RunningService service;
  service.start();
  auto reply = service.invoke(R"({"print":")" + std::string(10'000, 'x') + "\"}", {{"X-Amz-Log-Type", "Tail"}});
  auto tail = base64_decode(reply.field("x-amz-log-result"));
  CHECK(tail->size() == 4'096);
  CHECK(tail->starts_with("xxxx"));
}

TEST_CASE("a call without payload reaches the function as an empty object") {
  RunningService service;
  service.start();
  CHECK(service.invoke("").body == "{}");
}

TEST_CASE("the runtime gets the caller's contexts, ids and the ARN as the function was named") {
  RunningService service;
  service.start();
  const std::string id = "11111111-2222-4333-8444-555555555555", root = "1-67f2a1b3-6e5c0f7b2d8a4c1e9f3b5d70";
  auto reply =
      request(service.origin(), "POST",
              kPath + "arn%3Aaws%3Alambda%3Aeu-west-1%3A111122223333%3Afunction%3Aorders/invocations?Qualifier=live",
              R"({"headers":1})",
              {{"x-amzn-RequestId", id},
               {"X-Amzn-Trace-Id", "Root=" + root + ";Parent=53995c3f42cd8ad8;Sampled=1"},
               {"X-Amz-Client-Context", base64_encode("{\"custom\":\n{\"k\":\"v\"}}")},
               {"X-Amz-Tenant-Id", "blue"}});
  CHECK(member(reply.body, "lambda-runtime-aws-request-id") == id);
  CHECK(reply.field("x-amzn-requestid") == id);
  CHECK(member(reply.body, "lambda-runtime-trace-id") == "Root=" + root + ";Parent=53995c3f42cd8ad8;Sampled=1");
  CHECK(member(reply.body, "lambda-runtime-invoked-function-arn") ==
        "arn:aws:lambda:eu-west-1:111122223333:function:orders:live");
  CHECK(reply.body.find(R"({\"custom\": {\"k\":\"v\"}})") != std::string::npos);
  CHECK(member(reply.body, "lambda-runtime-aws-tenant-id") == "blue");
  CHECK(is_uuid(member(reply.body, "lambda-runtime-invocation-id")));
  CHECK(member(reply.body, "lambda-runtime-deadline-ms").size() == 13);
  service.wait_for(Kind::invocation_ended);
  CHECK(service.has_line("XRAY TraceId: " + root + "\tSegmentId: 53995c3f42cd8ad8\tSampled: true"));
}

TEST_CASE("a trace is made up, not sampled, when the caller sends none or a broken one") {
  RunningService service;
  service.start();
  for (const char* given : {"", "Root=1;Parent=2"}) {
    auto trace =
        member(service.invoke(R"({"headers":1})", {{"X-Amzn-Trace-Id", given}}).body, "lambda-runtime-trace-id");
    CHECK(trace.size() == 5 + 35 + 8 + 16 + 10);
    CHECK(trace.starts_with("Root=1-"));
    CHECK(trace.ends_with(";Sampled=0"));
  }
}

TEST_CASE("requests that the service refuses have its status, type and text") {
  RunningService service;
  service.settings.function_name = "orders";
  service.settings.any_function_name = false;
  service.start();
  struct Row {
    std::string what, target, payload;
    std::vector<std::pair<std::string, std::string>> fields;
    int status;
    std::string type, text;
  };
  const std::string ok = kPath + "orders/invocations";
  const std::vector<Row> rows{
      {"unknown function",
       kPath + "other/invocations",
       "{}",
       {},
       404,
       "ResourceNotFoundException",
       R"({"Type":"User","Message":"Function not found: arn:aws:lambda:us-east-1:123456789012:function:other"})"},
      {"unknown qualifier",
       ok + "?Qualifier=live",
       "{}",
       {},
       404,
       "ResourceNotFoundException",
       R"({"Type":"User","Message":"Function not found: arn:aws:lambda:us-east-1:123456789012:function:orders:live"})"},
      {"two qualifiers",
       kPath + "orders:1/invocations?Qualifier=2",
       "{}",
       {},
       400,
       "InvalidParameterValueException",
       R"({"Type":"User","message":"The derived qualifier from the function name does not match the specified qualifier."})"},
      {"not JSON",
       ok,
       "{\"a\":tru}",
       {},
       400,
       "InvalidRequestContentException",
       R"({"Type":"User","message":"Could not parse request body into json: Could not parse payload into json: )"},
      {"more than one value",
       ok,
       "1 2",
       {},
       400,
       "InvalidRequestContentException",
       R"({"Type":"User","message":"Could not parse request body into json: )"},
      {"payload over 6 MB",
       ok,
       "\"" + std::string(6'291'455, 'x') + "\"",
       {},
       413,
       "RequestEntityTooLargeException",
       R"x({"message":"6291457 byte payload is too large for the RequestResponse invocation type (limit 6291456 bytes)"})x"},
      {"event over 1 MB",
       ok,
       "\"" + std::string(1'048'575, 'x') + "\"",
       {{"X-Amz-Invocation-Type", "Event"}},
       413,
       "RequestEntityTooLargeException",
       R"x({"message":"1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)"})x"},
      {"client context",
       ok,
       "{}",
       {{"X-Amz-Client-Context", "!"}},
       400,
       "InvalidRequestContentException",
       R"({"Type":"User","message":"Client context must be a valid Base64-encoded JSON object."})"},
      {"invocation type",
       ok,
       "{}",
       {{"X-Amz-Invocation-Type", "Now"}},
       400,
       "ValidationException",
       R"({"message":"1 validation error detected: Value 'Now' at 'invocationType' failed to satisfy constraint: )"},
      {"request id",
       ok,
       "{}",
       {{"x-amzn-RequestId", "7"}},
       400,
       "InvalidRequestContentException",
       R"({"Type":"User",)"},
      {"tenant id",
       ok,
       "{}",
       {{"X-Amz-Tenant-Id", "a*b"}},
       400,
       "InvalidParameterValueException",
       R"({"Type":"User",)"},
      {"name of 65 characters",
       kPath + std::string(65, 'n') + "/invocations",
       "{}",
       {},
       400,
       "InvalidParameterValueException",
       R"({"Type":"User","message":"1 validation error detected: Value ')"},
      {"what is no name",
       kPath + "a%20b/invocations",
       "{}",
       {},
       400,
       "ValidationException",
       R"({"message":"1 validation error detected: Value 'a b' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern: (arn:)"},
      {"ARN of 257 characters",
       kPath + "123456789012:function:orders:" + std::string(228, 'q') + "/invocations",
       "{}",
       {},
       400,
       "ValidationException",
       R"({"message":"1 validation error detected: Value '123456789012:function:orders:qq)"},
      {"another region",
       kPath + "arn:aws:lambda:eu-west-1:123456789012:function:orders/invocations",
       "{}",
       {},
       404,
       "ResourceNotFoundException",
       R"x({"Type":"User","Message":"Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"})x"},
      {"another account",
       kPath + "111111111111:function:orders/invocations",
       "{}",
       {},
       404,
       "ResourceNotFoundException",
       R"({"Type":"User","Message":"Function not found: arn:aws:lambda:us-east-1:111111111111:function:orders"})"},
      {"what is no qualifier",
       ok + "?Qualifier=a%20b",
       "{}",
       {},
       400,
       "ValidationException",
       R"x({"message":"1 validation error detected: Value 'a b' at 'qualifier' failed to satisfy constraint: Member must satisfy regular expression pattern: (|[a-zA-Z0-9$_-]+)"})x"},
      {"log type",
       ok,
       "{}",
       {{"X-Amz-Log-Type", "Head"}},
       400,
       "ValidationException",
       R"({"message":"1 validation error detected: Value 'Head' at 'logType' failed to satisfy constraint: Member must satisfy enum value set: [Tail, None]"})"},
      {"content type",
       ok,
       "{}",
       {{"Content-Type", "text/xml; charset=utf-8"}},
       415,
       "UnsupportedMediaTypeException",
       R"({"Type":"User","message":"The content type of the Invoke request body is not JSON."})"},
      {"client context over 3,583 bytes",
       ok,
       "{}",
       {{"X-Amz-Client-Context", base64_encode("{\"a\":\"" + std::string(2'680, 'x') + "\"}")}},
       400,
       "InvalidRequestContentException",
       R"({"Type":"User","message":"Client context must be no more than 3583 bytes of Base64, it is 3584."})"},
      {"durable execution",
       ok,
       "{}",
       {{"X-Amz-Durable-Execution-Name", "a"}},
       400,
       "InvalidParameterValueException",
       R"({"Type":"User","message":"A durable execution name is for)"},
      {"InvokeAsync over 256 KB",
       "/2014-11-13/functions/orders/invoke-async/",
       "\"" + std::string(262'143, 'x') + "\"",
       {},
       413,
       "RequestEntityTooLargeException",
       R"x({"message":"262145 byte payload is too large for the Event invocation type (limit 262144 bytes)"})x"},
      {"broken escape",
       kPath + "or%zzders/invocations",
       "{}",
       {},
       400,
       "InvalidParameterValueException",
       R"({"Type":"User",)"},
      {"unknown operation",
       "/2015-03-31/functions/orders",
       "{}",
       {},
       404,
       "UnknownOperationException",
       R"({"Type":"User","Message":"POST /2015-03-31/functions/orders is not served here: Invoke, )"},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    auto reply = request(service.origin(), "POST", row.target, row.payload, row.fields);
    CHECK(reply.status == row.status);
    CHECK(reply.field("x-amzn-errortype") == row.type);
    CHECK(reply.body.substr(0, row.text.size()) == row.text);
    CHECK(is_uuid(reply.field("x-amzn-requestid")));
  }
  CHECK(request(service.origin(), "GET", ok).status == 405);
  CHECK(service.details(Kind::invocation_accepted).empty());
  CHECK(request(service.origin(), "POST", ok, "1").body == "1");
  CHECK(request(service.origin(), "POST", kPath + "123456789012:function:orders:$LATEST/invocations", "2").body == "2");
}

TEST_CASE("a payload of exactly 6,291,456 bytes passes") {
  RunningService service;
  service.start();
  std::string payload = "\"" + std::string(6'291'454, 'x') + "\"";
  CHECK(service.invoke(payload).body == payload);
}

TEST_CASE("a web page's request is refused") {
  RunningService service;
  service.start();
  CHECK(service.invoke("{}", {{"Origin", "http://example.com"}}).status == 403);
  CHECK(request(service.origin(), "POST", kPath + "f/invocations", "{}", {{"Host", "example.com"}}).status == 400);
}

TEST_CASE("Event is accepted and run once, DryRun is not run at all") {
  RunningService service;
  service.start();
  CHECK(service.invoke("{}", {{"X-Amz-Invocation-Type", "DryRun"}}).status == 204);
  auto reply = service.invoke(R"({"print":"first"})", {{"X-Amz-Invocation-Type", "Event"}});
  CHECK(reply.status == 202);
  CHECK(reply.body.empty());
  CHECK(reply.fields.count("x-amz-executed-version") == 0);
  service.wait_for(Kind::invocation_ended);
  CHECK(service.details(Kind::invocation_accepted).size() == 1);
  CHECK(service.details(Kind::log_line) == std::vector<std::string>{"first"});
}

TEST_CASE("content types that SDKs, curl and fetch put on JSON pass") {
  RunningService service;
  service.start();
  for (const char* type : {"application/json", "application/json; charset=utf-8", "application/octet-stream",
                           "binary/octet-stream", "application/x-www-form-urlencoded", "text/plain;charset=UTF-8",
                           "application/x-amz-json-1.1", "application/cloudevents+json", "Application/JSON"}) {
    INFO(type);
    CHECK(service.invoke("1", {{"Content-Type", type}}).body == "1");
  }
}

TEST_CASE("InvokeAsync, which is deprecated, is an event with an answer of its own") {
  RunningService service;
  service.start();
  for (const char* slash : {"", "/"}) {
    auto reply = request(service.origin(), "POST", std::string("/2014-11-13/functions/orders/invoke-async") + slash,
                         R"({"print":"later"})");
    CHECK(reply.status == 202);
    CHECK(reply.body == R"({"Status":202})");
    CHECK(is_uuid(reply.field("x-amzn-requestid")));
  }
  for (std::uint32_t call : {1u, 2u})
    service.wait_for([=](const Observation& o) { return o.kind == Kind::invocation_ended && o.number == call; });
  CHECK(service.details(Kind::log_line) == std::vector<std::string>{"later", "later"});
}

TEST_CASE("with JSON logs the tail is made of platform events") {
  RunningService service;
  service.settings.log_format = LogFormat::json;
  service.start();
  auto reply = service.invoke("{}", {{"X-Amz-Log-Type", "Tail"}});
  auto tail = *base64_decode(reply.field("x-amz-log-result"));
  CHECK(tail.starts_with("{\"time\":\""));
  CHECK(tail.find("\"type\":\"platform.start\",\"record\":{\"requestId\":\"" + reply.field("x-amzn-requestid")) !=
        tail.npos);
  CHECK(tail.find("\"type\":\"platform.report\"") != tail.npos);
  CHECK(tail.find("platform.runtimeDone") == tail.npos);  // DEBUG
}
