// What clients ask before they call. That real ones are content is held by
// tests/contract/clients_test.py.

#include <doctest/doctest.h>

#include <fstream>

#include "emulator/identifiers.h"
#include "tests/emulator/running_service.h"

using namespace mayfly::emulator;
using namespace mayfly::emulator::test;

namespace {

const std::string kFunctions = "/2015-03-31/functions";
const std::string kArn = "arn:aws:lambda:us-east-1:123456789012:function:orders";

struct Orders : RunningService {
  Orders() {
    settings.function_name = "orders";
    settings.any_function_name = false;
  }
  Reply get(const std::string& target) { return request(origin(), "GET", target); }
};

}  // namespace

TEST_CASE("a function's configuration is what the settings make of it") {
  Orders service;
  std::ofstream(service.folder() / "program") << "12345";
  service.settings.command = {"./program"};
  service.settings.handler = "price";
  service.settings.timeout = std::chrono::seconds(7);
  service.settings.memory_mb = 512;
  service.settings.log_format = LogFormat::json;
  service.settings.environment = {{"TABLE", "a\"b"}};
  service.start();
  auto reply = service.get(kFunctions + "/orders/configuration");
  CHECK(reply.status == 200);
  CHECK(reply.field("content-type") == "application/json");
  CHECK(is_uuid(reply.field("x-amzn-requestid")));
  CHECK(member(reply.body, "FunctionName") == "orders");
  CHECK(member(reply.body, "FunctionArn") == kArn);
  CHECK(member(reply.body, "Runtime") == "provided.al2023");
  CHECK(member(reply.body, "Handler") == "price");
  CHECK(member(reply.body, "CodeSize") == "5");
  CHECK(member(reply.body, "CodeSha256") ==
        "WZRHGrsBESr8wYFZ9sx0tPURuZgG2lmzyvWpwXPKz8U=");  // printf 12345 | openssl dgst
  CHECK(member(reply.body, "Timeout") == "7");
  CHECK(member(reply.body, "MemorySize") == "512");
  CHECK(member(reply.body, "Version") == "$LATEST");
  CHECK(member(reply.body, "State") == "Active");
  CHECK(member(reply.body, "LastUpdateStatus") == "Successful");
  CHECK(member(reply.body, "PackageType") == "Zip");
  CHECK(is_uuid(member(reply.body, "RevisionId")));
  CHECK(member(reply.body, "LastModified").ends_with("+0000"));
  CHECK(member(reply.body, "LastModified").size() == std::string("2026-11-21T14:31:31.458+0000").size());
  CHECK(reply.body.find(R"("Environment":{"Variables":{"TABLE":"a\"b",)") != std::string::npos);
  CHECK(reply.body.find(R"("LoggingConfig":{"LogFormat":"JSON","ApplicationLogLevel":"INFO","SystemLogLevel":"INFO",)"
                        R"("LogGroup":"/aws/lambda/orders"})") != std::string::npos);
  CHECK(reply.body.find("TenancyConfig") == std::string::npos);
  CHECK(service.details(Observation::Kind::process_started).empty());
}

TEST_CASE("GetFunction answers for every way to name the function, with its qualifier in the ARN") {
  Orders service;
  service.settings.tenant_isolation = true;
  service.settings.max_environments = 3;
  service.start();
  for (const std::string name : {"orders", "123456789012:function:orders",
                                 "arn%3Aaws%3Alambda%3Aus-east-1%3A"
                                 "123456789012%3Afunction%3Aorders"}) {
    INFO(name);
    auto reply = service.get(kFunctions + "/" + name);
    CHECK(reply.status == 200);
    CHECK(reply.body.starts_with(R"({"Configuration":{"FunctionName":"orders")"));
    CHECK(member(reply.body, "FunctionArn") == kArn);
    CHECK(member(reply.body, "Location").ends_with("/runtime.py"));
    CHECK(member(reply.body, "ReservedConcurrentExecutions") == "3");
    CHECK(member(reply.body, "TenantIsolationMode") == "PER_TENANT");
  }
  CHECK(member(service.get(kFunctions + "/orders?Qualifier=%24LATEST").body, "FunctionArn") == kArn + ":$LATEST");
}

TEST_CASE("the hash is of the program as it is") {
  Orders service;
  std::ofstream(service.folder() / "program") << "12345";
  service.settings.command = {"./program"};
  service.start();
  auto hash = [&] { return member(service.get(kFunctions + "/orders/configuration").body, "CodeSha256"); };
  auto before = hash();
  CHECK(before.size() == 44);
  CHECK(hash() == before);
  std::ofstream(service.folder() / "program") << "123456";
  CHECK(hash() != before);
}

TEST_CASE("with --verify-signatures unsigned questions are refused") {
  Orders service;
  service.settings.verify_signatures = true;
  service.start();
  auto reply = service.get(kFunctions + "/orders");
  CHECK(reply.status == 403);
  CHECK(reply.body.find("orders") == std::string::npos);
}

TEST_CASE("a program that is not there is a function without code") {
  Orders service;
  service.settings.command = {"./nothing"};
  service.start();
  auto reply = service.get(kFunctions + "/orders/configuration");
  CHECK(reply.status == 200);
  CHECK(member(reply.body, "CodeSize") == "0");
}

TEST_CASE("read operations refuse in the service's words") {
  Orders service;
  service.start();
  struct Row {
    std::string target;
    int status;
    std::string type, text;
  };
  const std::vector<Row> rows{
      {kFunctions + "/other", 404, "ResourceNotFoundException",
       R"({"Type":"User","Message":"Function not found: arn:aws:lambda:us-east-1:123456789012:function:other"})"},
      {kFunctions + "/orders/configuration?Qualifier=1221", 404, "ResourceNotFoundException",
       R"({"Type":"User","Message":"Function not found: )" + kArn + ":1221\"}"},
      {kFunctions + "/orders:1?Qualifier=2", 400, "InvalidParameterValueException",
       R"({"Type":"User","message":"The derived qualifier from the function name does not match the specified )"},
      {kFunctions + "?MaxItems=0", 400, "ValidationException",
       R"({"message":"1 validation error detected: Value '0' at 'maxItems' failed to satisfy constraint: Member must )"
       R"(have value greater than or equal to 1"})"},
      {kFunctions + "?MaxItems=10001", 400, "ValidationException",
       R"({"message":"1 validation error detected: Value '10001' at 'maxItems' failed to satisfy constraint: )"
       R"(Member must have value less than or equal to 10000"})"},
      {kFunctions + "?MaxItems=1x", 400, "ValidationException", R"({"message":"1 validation error detected: )"},
      {kFunctions + "/orders/versions", 404, "UnknownOperationException", R"({"Type":"User","Message":"GET )"},
      {kFunctions + "/orders/invocations", 405, "MethodNotAllowedException", ""},
  };
  for (const auto& row : rows) {
    INFO(row.target);
    auto reply = service.get(row.target);
    CHECK(reply.status == row.status);
    CHECK(reply.field("x-amzn-errortype") == row.type);
    CHECK(reply.body.substr(0, row.text.size()) == row.text);
  }
}

TEST_CASE("the list of functions has one page with one function") {
  Orders service;
  service.start();
  for (const char* tail : {"", "/", "?MaxItems=1&FunctionVersion=ALL", "/?Marker="}) {
    INFO(tail);
    auto reply = service.get(kFunctions + tail);
    CHECK(reply.body.starts_with(R"({"Functions":[{"FunctionName":"orders")"));
    CHECK(reply.body.find("NextMarker") == std::string::npos);
  }
  CHECK(service.get(kFunctions + "?Marker=abc").body == R"({"Functions":[]})");
}

TEST_CASE("the account has Lambda's limits, less what the function has reserved") {
  Orders service;
  service.settings.max_environments = 20;
  service.start();
  for (const char* slash : {"", "/"}) {
    auto body = service.get(std::string("/2016-08-19/account-settings") + slash).body;
    CHECK(member(body, "ConcurrentExecutions") == "1000");
    CHECK(member(body, "UnreservedConcurrentExecutions") == "980");
    CHECK(member(body, "FunctionCount") == "1");
  }
}
