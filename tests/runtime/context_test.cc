#include <mayfly/context.h>

#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <string>

#include "tests/runtime/recording_sink.h"

using namespace mayfly;
using namespace std::chrono_literals;

namespace {

struct Given {
  Given(std::string_view name, std::string_view value)
      : all(test::fields({{"Content-Type", "application/json"}, {name, value}})), context(all) {}
  std::vector<mayfly_field> all;
  Context context;
};

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

TEST_CASE("each field of the answer to next has its place in the context") {
  CHECK(Given("Lambda-Runtime-Aws-Request-Id", "r1").context.request_id() == "r1");
  CHECK(Given("Lambda-Runtime-Invocation-Id", "i1").context.invocation_id() == "i1");
  CHECK(Given("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:x").context.function_arn() == "arn:aws:lambda:x");
  CHECK(Given("Lambda-Runtime-Trace-Id", "Root=1").context.trace_id() == "Root=1");
  CHECK(Given("Lambda-Runtime-Aws-Tenant-Id", "t1").context.tenant_id() == "t1");
  CHECK(Given("x-something-new", "v").context.header("X-Something-New") == "v");
}

TEST_CASE("what Lambda did not send is empty") {
  Context context({});
  CHECK(context.request_id() == "");
  CHECK(context.invocation_id() == "");
  CHECK(context.trace_id() == "");
  CHECK(context.tenant_id() == "");
  CHECK_FALSE(context.deadline());
  CHECK_FALSE(context.client_context());
  CHECK_FALSE(context.cognito_identity());
}

TEST_CASE("the deadline is the moment Lambda states") {
  Given given("Lambda-Runtime-Deadline-Ms", "4102444800123");
  REQUIRE(given.context.deadline());
  CHECK(given.context.deadline()->time_since_epoch() == 4102444800123ms);
}

TEST_CASE("the remaining time counts down to the deadline") {
  std::string in_a_minute = std::to_string(now_ms() + 60'000);
  Given given("Lambda-Runtime-Deadline-Ms", in_a_minute);
  CHECK(given.context.remaining() <= 60s);
  CHECK(given.context.remaining() > 0s);
}

TEST_CASE("no time remains behind the deadline") {
  CHECK(Given("Lambda-Runtime-Deadline-Ms", "1").context.remaining() == 0ms);
}

TEST_CASE("a deadline that cannot be read is no deadline") {
  for (std::string_view text :
       {"", "soon", "12x", "-5", "0", "1e12", " 1", "99999999999999999999", "9223372036854775807"}) {
    CAPTURE(text);
    Given given("Lambda-Runtime-Deadline-Ms", text);
    CHECK_FALSE(given.context.deadline());
    CHECK(given.context.remaining() == std::chrono::milliseconds::max());
  }
}

TEST_CASE("the client context is read from its JSON") {
  Given given(
      "Lambda-Runtime-Client-Context",
      R"({"client":{"installation_id":"i","app_title":"t"},"custom":{"k":"v","n":5,"o":{"a":1}},"env":{"make":"é"},"services":{}})");
  auto client = given.context.client_context();
  REQUIRE(client);
  CHECK(client->client.at("installation_id") == "i");
  CHECK(client->client.at("app_title") == "t");
  CHECK(client->custom.at("k") == "v");
  CHECK(client->custom.at("n") == "5");
  CHECK(client->custom.at("o") == R"({"a":1})");
  CHECK(client->env.at("make") == "é");
}

TEST_CASE("parts of a client context may be missing or null") {
  Given given("Lambda-Runtime-Client-Context", R"({"client":null,"env":{}})");
  REQUIRE(given.context.client_context());
  CHECK(given.context.client_context()->client.empty());
  CHECK(given.context.client_context()->custom.empty());
}

TEST_CASE("a client context that is no JSON object is none") {
  for (std::string_view text : {"", "{", "[]", "null", "5", "{}x", R"({"custom":5})", R"({"custom":{"k":)", "\xff"}) {
    CAPTURE(text);
    CHECK_FALSE(Given("Lambda-Runtime-Client-Context", text).context.client_context());
  }
}

TEST_CASE("the Cognito identity is read from its JSON") {
  Given given("Lambda-Runtime-Cognito-Identity", R"({"cognitoIdentityId":"id","cognitoIdentityPoolId":"pool"})");
  auto identity = given.context.cognito_identity();
  REQUIRE(identity);
  CHECK(identity->identity_id == "id");
  CHECK(identity->identity_pool_id == "pool");
  CHECK_FALSE(Given("Lambda-Runtime-Cognito-Identity", "{\"cogn").context.cognito_identity());
}

TEST_CASE("the function's own attributes come from the environment") {
  setenv("AWS_LAMBDA_FUNCTION_NAME", "f", 1);
  setenv("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST", 1);
  setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512", 1);
  setenv("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/f", 1);
  setenv("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/21[$LATEST]1", 1);
  Context context({});
  CHECK(context.function_name() == "f");
  CHECK(context.function_version() == "$LATEST");
  CHECK(context.memory_limit_mb() == 512);
  CHECK(context.log_group() == "/aws/lambda/f");
  CHECK(context.log_stream() == "2026/11/21[$LATEST]1");
  setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "lots", 1);
  CHECK(context.memory_limit_mb() == 0);
  for (auto* name : {"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
                     "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"}) {
    unsetenv(name);
  }
  CHECK(context.function_name() == "");
}
