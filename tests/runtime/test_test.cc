// mayfly::test::invoke() over each shape of handler.

#include <mayfly/test.h>

#include <doctest/doctest.h>

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <mayfly/batch.h>
#include <mayfly/events/sqs.h>
#include <mayfly/http.h>
#include <mayfly/runtime.h>
#include <mayfly/stream.h>

#include "tests/runtime/captured_output.h"

using namespace mayfly;

namespace {

struct Order {
  std::string_view id;
  int quantity;
};
struct Receipt {
  std::string_view order;
  double total;
};

Receipt price(const Order& order) {
  if (order.quantity < 1) throw Error("Order.Invalid", "quantity must be positive");
  mayfly::log.info("pricing", {{"order", order.id}, {"quantity", order.quantity}});
  return {order.id, 9.5 * order.quantity};
}

}  // namespace

TEST_CASE("a typed handler takes a value or JSON, and gives a value or JSON") {
  auto answer = test::invoke(price, Order{"a1", 2});
  REQUIRE(answer);
  CHECK(answer.response == R"({"order":"a1","total":19})");
  CHECK(answer.as<Receipt>().order == "a1");
  CHECK(answer.as<Receipt>().total == 19);
  CHECK(test::invoke(price, R"({"id":"a1","quantity":3})").as<Receipt>().total == 28.5);
  CHECK_THROWS_AS(answer.as<int>(), Error);
}

TEST_CASE("an error has type, message and the stack of its throw") {
  auto answer = test::invoke(price, Order{"a1", 0});
  CHECK_FALSE(answer);
  REQUIRE(answer.error);
  CHECK(answer.error->type == "Order.Invalid");
  CHECK(answer.error->message == "quantity must be positive");
  REQUIRE_FALSE(answer.error->stack_trace.empty());
  CHECK(answer.error->stack_trace[0].find("price(") != std::string::npos);
  CHECK(answer.error->json.starts_with(R"({"errorMessage":"quantity must be positive",)"));
  CHECK_THROWS_WITH_AS(answer.as<Receipt>(), "quantity must be positive", Error);

  answer = test::invoke(price, "{}");
  CHECK(answer.error->type == "Runtime.UnmarshalError");
  answer = test::invoke([]() -> Result<int> { return unexpected(Error("A.B", "c")); });
  CHECK(answer.error->type == "A.B");
}

TEST_CASE("lines of the log are kept, and nothing is written") {
  test::CapturedStandardError log_text;
  auto answer = test::invoke(price, Order{"a1", 2});
  REQUIRE(answer.log.size() == 1);
  CHECK(answer.log[0].level == LogLevel::info);
  CHECK(answer.log[0].message == "pricing");
  CHECK(answer.log[0].field("order") == "a1");
  CHECK(answer.log[0].field("quantity") == "2");
  CHECK(answer.log[0].field("nothing").empty());

  answer = test::invoke([] {
    std::thread([] { mayfly::log.warn("helper"); }).join();
    try {
      throw std::runtime_error("gone");
    } catch (const std::exception&) {
      log_exception("cannot reach the cache", {{"node", 7}});
    }
  });
  REQUIRE(answer.log.size() == 2);
  CHECK(answer.log[0].message == "helper");
  CHECK(answer.log[1].message == "cannot reach the cache");
  CHECK(answer.log[1].field("node") == "7");
  CHECK(answer.log[1].field("errorType") == "std::runtime_error");
  CHECK(answer.log[1].field("stackTrace").starts_with("[\""));
  CHECK(log_text.text().empty());

  mayfly::log.warn("written");
  CHECK(log_text.text().ends_with("written\n"));
}

TEST_CASE("the context is what the settings say") {
  auto look = [](std::string_view event, Context& context) {
    std::string all(event);
    for (auto text : {context.request_id(), context.tenant_id(), context.trace_id(), context.function_arn(),
                      context.function_name(), context.function_version(), context.header("x-new")}) {
      all.append("|").append(text);
    }
    all.append("|").append(std::to_string(context.memory_limit_mb()));
    all.append("|").append(context.client_context() ? context.client_context()->custom["a"] : "none");
    all.append("|").append(context.remaining() <= std::chrono::milliseconds(500) ? "soon" : "late");
    return all;
  };
  setenv("AWS_LAMBDA_FUNCTION_NAME", "before", 1);
  unsetenv("AWS_LAMBDA_FUNCTION_VERSION");
  CHECK(test::invoke(look, "e",
                     {.request_id = "r",
                      .timeout = std::chrono::milliseconds(500),
                      .tenant_id = "t",
                      .trace_id = "x",
                      .function_arn = "arn",
                      .client_context = R"({"custom":{"a":"b"}})",
                      .headers = {{"X-New", "n"}},
                      .function_name = "orders",
                      .function_version = "7",
                      .memory_limit_mb = 256})
            .response == "e|r|t|x|arn|orders|7|n|256|b|soon");
  CHECK(std::getenv("AWS_LAMBDA_FUNCTION_NAME") == std::string("before"));
  CHECK(std::getenv("AWS_LAMBDA_FUNCTION_VERSION") == nullptr);
  unsetenv("AWS_LAMBDA_FUNCTION_NAME");
  CHECK(test::invoke(look).response.ends_with("|arn:aws:lambda:eu-west-1:123456789012:function:test||||0|none|late"));
}

TEST_CASE("bytes, nothing and objects with state are handlers, too") {
  CHECK(test::invoke([](std::string_view event) { return event; }, std::string("\0\xff", 2)).response ==
        std::string("\0\xff", 2));
  CHECK(test::invoke([] {}).response == "null");
  struct Counter {
    int calls = 0;
    int operator()() { return ++calls; }
  };
  Counter counter;
  test::invoke(counter);
  CHECK(test::invoke(counter).response == "2");
  CHECK(test::invoke([] { return std::string(6'291'557, 'x'); }).error->type == "Function.ResponseSizeTooLarge");
}

TEST_CASE("a streamed response has its parts, and an error behind them") {
  auto write = [](std::string_view event, Writer& out) {
    out.content_type("text/csv");
    for (char c : event) {
      if (c == '!') throw Error("Letters.Loud", "no shouting");
      if (auto written = out.write({&c, 1}); !written) throw written.error();
    }
  };
  auto answer = test::invoke(write, "abc");
  REQUIRE(answer);
  CHECK(answer.streamed);
  CHECK(answer.content_type == "text/csv");
  CHECK(answer.response == "abc");
  CHECK(answer.parts == std::vector<std::string>{"a", "b", "c"});
  answer = test::invoke(write, "ab!");
  CHECK(answer.response == "ab");
  CHECK(answer.error->type == "Letters.Loud");
  answer = test::invoke(write, "abc", {.reader_takes = 1});
  CHECK(answer.response == "a");
  CHECK(answer.error->type == "Runtime.ResponseStreamClosed");
}

TEST_CASE("HTTP functions take requests and give responses") {
  auto app =
      http::routes(http::get("/hello/{name}",
                             [](const http::Request& r) {
                               return http::text("hello " + std::string(r.param("name")) +
                                                 std::string(r.query("mark").value_or("")));
                             }),
                   http::post("/bytes", [](const http::Request& r) {
                     return http::Response{.status = 201,
                                           .headers = {{"X-Type", std::string(r.header("content-type").value_or(""))}},
                                           .body = std::string(r.body()),
                                           .cookies = {"id=" + std::string(r.cookie("id").value_or("none"))}};
                   }));
  auto hello = test::invoke(app, test::Request{.path = "/hello/bee?mark=!"}).http();
  CHECK(hello.status == 200);
  CHECK(hello.body == "hello bee!");
  auto bytes = test::invoke(app, test::Request{.method = "POST",
                                               .path = "/bytes",
                                               .headers = {{"Content-Type", "image/x"}, {"Cookie", "id=7"}},
                                               .body = std::string("\0\xff", 2)})
                   .http();
  CHECK(bytes.status == 201);
  CHECK(bytes.body == std::string("\0\xff", 2));
  CHECK(bytes.cookies == std::vector<std::string>{"id=7"});
  REQUIRE(bytes.headers.size() == 2);
  CHECK(bytes.headers[1].name == "x-type");
  CHECK(bytes.headers[1].value == "image/x");
  CHECK(test::invoke(app, test::Request{.path = "/nowhere"}).http().status == 404);

  auto page = [](http::Writer& out) {
    out.head({.status = 203, .headers = {{"content-type", "text/html"}}});
    out << "<p>";
  };
  auto streamed = test::invoke(page, test::Request{}).http();
  CHECK(streamed.status == 203);
  CHECK(streamed.body == "<p>");
}

TEST_CASE("batches are handlers like any other") {
  auto batch = each([](const sqs::Message& message) {
    if (message.body == "bad") throw std::runtime_error("no such order");
  });
  auto answer = test::invoke(batch, R"({"Records":[{"messageId":"1","body":"good"},{"messageId":"2","body":"bad"}]})");
  CHECK(answer.response == R"({"batchItemFailures":[{"itemIdentifier":"2"}]})");
  CHECK(answer.log.at(0).field("itemIdentifier") == "2");
}

TEST_CASE("mayfly::fatal ends the call and not the test") {
  bool went_on = false;
  auto answer = test::invoke([&] {
    try {
      fatal({"Prices.Corrupt", "damaged"});
    } catch (const std::exception&) {
    }
    went_on = true;
  });
  CHECK(answer.fatal);
  CHECK_FALSE(went_on);
  CHECK(answer.error->type == "Prices.Corrupt");
  CHECK(answer.log.at(0).level == LogLevel::fatal);
}
