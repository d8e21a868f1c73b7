#include <mayfly/http/routes.h>

#include <doctest/doctest.h>

#include <string>

#include "tests/runtime/captured_output.h"
#include "tests/runtime/recording_sink.h"

using namespace mayfly;
using http::Request;

namespace {

std::string event(std::string_view method, std::string_view path) {
  return R"({"rawPath":")" + std::string(path) +
         R"(","requestContext":{"domainName":"a.lambda-url.x","http":{"method":")" + std::string(method) + R"("}}})";
}

struct Answer {
  int status;
  std::string body, error_type, raw;
};

Answer ask(http::Routes& routes, std::string_view given) {
  test::CapturedStandardError log;
  auto sink = test::invoke(runtime::source_of(routes), given);
  Answer answer{0, "", sink.error_type, sink.response};
  auto from = [&](std::string_view name) {
    auto at = sink.response.find(name);
    return at == std::string::npos ? std::string() : sink.response.substr(at + name.size());
  };
  if (!sink.response.empty()) answer.status = std::stoi(from("\"statusCode\":"));
  answer.body = from("\"body\":\"");
  answer.body.resize(std::min(answer.body.find("\",\"isBase64"), answer.body.size()));
  return answer;
}

auto say(std::string text) {
  return
      [text](const Request& r) { return text + ":" + std::string(r.param("id")) + ":" + std::string(r.param("rest")); };
}

}  // namespace

TEST_CASE("method and path choose the handler, and the most literal pattern is taken") {
  auto routes = http::routes(http::any("/{rest+}", say("rest")), http::get("/notes/{id}", say("one")),
                             http::get("/notes/new", say("new")), http::get("/notes", say("all")),
                             http::post("/notes", say("add")), http::get("/notes/{id}/tags/{rest+}", say("tags")),
                             http::get("/", say("root")));
  CHECK(ask(routes, event("GET", "/notes")).body == "all::");
  CHECK(ask(routes, event("GET", "/notes/")).body == "all::");
  CHECK(ask(routes, event("POST", "/notes")).body == "add::");
  CHECK(ask(routes, event("GET", "/notes/7")).body == "one:7:");
  CHECK(ask(routes, event("GET", "/notes/new")).body == "new::");
  CHECK(ask(routes, event("GET", "/notes/7/tags/a/b")).body == "tags:7:a/b");
  CHECK(ask(routes, event("GET", "/notes/7/tags")).body == "rest::notes/7/tags");
  CHECK(ask(routes, event("DELETE", "/x")).body == "rest::x");
  CHECK(ask(routes, event("GET", "/")).body == "root::");
  CHECK(ask(routes, event("GET", "")).body == "root::");
}

TEST_CASE("parts are decoded after the path was taken apart") {
  auto routes = http::routes(http::get("/a b/{id}", say("x")));
  CHECK(ask(routes, event("GET", "/a%20b/c%2Fd%25")).body == "x:c/d%:");
  CHECK(ask(routes, event("GET", "/a%20b/100%")).body == "x:100%:");
  CHECK(ask(routes, event("GET", "/a%20b//")).status == 404);
  // An HTTP API has decoded it before.
  CHECK(ask(routes, R"({"rawPath":"/a b/%41","requestContext":{"http":{"method":"GET"}}})").body == "x:%41:");
}

TEST_CASE("no route is 404, another method 405 with what is allowed") {
  auto routes = http::routes(http::get("/a", say("x")), http::put("/a", say("x")), http::del("/b", say("x")));
  auto none = ask(routes, event("GET", "/c"));
  CHECK(none.status == 404);
  CHECK(none.body == R"({\"message\":\"Not Found\"})");
  auto other = ask(routes, event("POST", "/a"));
  CHECK(other.status == 405);
  CHECK(other.raw.find(R"("allow":"GET, PUT")") != std::string::npos);
  CHECK(ask(routes, event("HEAD", "/a")).status == 200);
  CHECK(ask(routes, event("HEAD", "/b")).status == 405);
  auto empty = http::routes();
  CHECK(ask(empty, event("GET", "/")).status == 404);
}

TEST_CASE("a handler may give text, a type, nothing, a response or a Result") {
  struct Note {
    int id;
  };
  auto routes = http::routes(
      http::get("/text", [] { return "t"; }), http::get("/type", [] { return Note{7}; }), http::get("/void", [] {}),
      http::get("/response", [](const Request&, Context&) { return http::Response{.status = 418}; }),
      http::get("/result", []() -> Result<http::Response> { return http::text("r"); }),
      http::get("/error", []() -> Result<http::Response> { return unexpected(Error("Note.Gone", "x")); }),
      http::get("/throw", []() -> int { throw Error("Note.Thrown", "x"); }));
  CHECK(ask(routes, event("GET", "/text")).body == "t");
  CHECK(ask(routes, event("GET", "/type")).body == R"({\"id\":7})");
  CHECK(ask(routes, event("GET", "/void")).status == 204);
  CHECK(ask(routes, event("GET", "/response")).status == 418);
  CHECK(ask(routes, event("GET", "/result")).body == "r");
  CHECK(ask(routes, event("GET", "/error")).error_type == "Note.Gone");
  CHECK_THROWS_AS(ask(routes, event("GET", "/throw")), Error);
}

TEST_CASE("an App has routes to its own members") {
  struct App {
    int calls = 0;
    http::Routes routes{http::get("/", [this] { return ++calls; })};
    Result<http::Response> operator()(const Request& r, Context& c) { return routes(r, c); }
  };
  auto source = runtime::source_of_app<App>();
  auto made = source.make(source.from);
  Context context({});
  test::RecordingSink sink;
  auto get = event("GET", "/");
  made.invoke(made.state, {get, get.size(), context}, sink);
  made.invoke(made.state, {get, get.size(), context}, sink);
  made.destroy(made.state);
  CHECK(sink.response.find(R"("body":"2")") != std::string::npos);
}

TEST_CASE("a WebSocket's route keys are routes") {
  auto routes = http::routes(http::any("$connect", say("hello")), http::any("$default", say("message")));
  CHECK(ask(routes, R"({"requestContext":{"routeKey":"$default","eventType":"MESSAGE","connectionId":"c"}})").body ==
        "message::");
  CHECK(ask(routes, R"({"requestContext":{"routeKey":"$disconnect","eventType":"DISCONNECT","connectionId":"c"}})")
            .status == 404);
}
