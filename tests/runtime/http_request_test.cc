// What a handler sees of the events of each source.

#include <mayfly/http/request.h>

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <mayfly/http/response.h>

#include "tests/runtime/captured_output.h"
#include "tests/runtime/recording_sink.h"

using namespace mayfly;
using http::Request;
using http::Source;

namespace {

// Calls `look` with the request of an event.
template <class F>
void with(std::string_view event, F look) {
  bool called = false;
  auto handler = [&](const Request& request) {
    called = true;
    look(request);
  };
  test::CapturedStandardError log;
  auto sink = test::invoke(runtime::source_of(handler), event);
  CHECK_MESSAGE(called, sink.error_json);
}

std::string fault(std::string_view event) {
  auto handler = [](const Request&) {};
  test::CapturedStandardError log;
  auto sink = test::invoke(runtime::source_of(handler), event);
  return sink.error_type + " " + sink.error_json.substr(0, sink.error_json.find("\",\"errorType"));
}

std::string listed(std::span<const http::Field> fields) {
  std::string out;
  for (auto [name, value] : fields) out.append(name).append("=").append(value).append(";");
  return out;
}

std::string url_event(std::string_view path, std::string_view query, std::string_view more = "") {
  return R"({"version":"2.0","routeKey":"$default","rawPath":")" + std::string(path) + R"(","rawQueryString":")" +
         std::string(query) +
         R"(","headers":{"host":"x","cookie":"c=d"},"requestContext":{"domainName":"a.lambda-url.eu-west-1.on.aws",)"
         R"("http":{"method":"GET","path":"/","sourceIp":"1.2.3.4"},"stage":"$default"})" +
         std::string(more) + R"(,"isBase64Encoded":false})";
}

}  // namespace

TEST_CASE("a function URL's request has its raw path and its query decoded") {
  with(url_event("/a%20b", "x=1&x=2&y=a+b%21&flag&=v&%zz=%4", R"(,"cookies":["c=d"])"), [](const Request& r) {
    CHECK(r.source() == Source::function_url);
    CHECK(r.method() == "GET");
    CHECK(r.path() == "/a%20b");
    CHECK(listed(r.query()) == "x=1;x=2;y=a b!;flag=;=v;%zz=%4;");
    CHECK(r.query("x") == "1");
    CHECK(r.query("flag") == "");
    CHECK_FALSE(r.query("none"));
    CHECK(r.source_ip() == "1.2.3.4");
    CHECK(r.stage() == "$default");
    CHECK(r.body().empty());
    // In headers and in cookies: once.
    CHECK(listed(r.headers()) == "host=x;cookie=c=d;");
  });
}

TEST_CASE("the cookies of an HTTP API are a header again, and its stage is no part of the path") {
  with(R"({"version":"2.0","routeKey":"GET /notes/{id}","rawPath":"/prod/notes/7","rawQueryString":"",
           "cookies":["a=1","b=2; c=3"],"headers":{"X-A":"1,2"},"pathParameters":{"id":"7"},
           "requestContext":{"domainName":"x.execute-api.eu-west-1.amazonaws.com","stage":"prod",
           "routeKey":"GET /notes/{id}","http":{"method":"GET"}},"body":"aGk=","isBase64Encoded":true})",
       [](const Request& r) {
         CHECK(r.source() == Source::http_api);
         CHECK(r.path() == "/notes/7");
         CHECK(r.stage() == "prod");
         CHECK(r.route() == "GET /notes/{id}");
         CHECK(r.header("x-a") == "1,2");
         CHECK(r.header("Cookie") == "a=1; b=2; c=3");
         CHECK(r.cookie("a") == "1");
         CHECK(r.cookie("c") == "3");
         CHECK_FALSE(r.cookie("A"));
         CHECK(r.param("id") == "7");
         CHECK(r.param("none").empty());
         CHECK(r.body() == "hi");
       });
  auto path = [](std::string_view raw) {
    std::string seen;
    with(R"({"version":"2.0","rawPath":")" + std::string(raw) +
             R"(","requestContext":{"stage":"prod","http":{"method":"GET"}}})",
         [&](const Request& r) { seen = r.path(); });
    return seen;
  };
  CHECK(path("/prod") == "/");
  CHECK(path("/prod/") == "/");
  CHECK(path("/products/prod") == "/products/prod");
  CHECK(path("/prod/prod/x") == "/prod/x");
}

TEST_CASE("an HTTP API with payload format 1.0 has its stage in the path too") {
  with(
      R"({"version":"1.0","resource":"/notes","path":"/prod/notes","httpMethod":"GET","requestContext":{"stage":"prod"}})",
      [](const Request& r) {
        CHECK(r.source() == Source::rest_api);
        CHECK(r.path() == "/notes");
      });
  with(R"({"resource":"/notes","path":"/prod/notes","httpMethod":"GET","requestContext":{"stage":"prod"}})",
       [](const Request& r) { CHECK(r.path() == "/prod/notes"); });
}

TEST_CASE("a REST API's repeats are kept, and its query is not decoded twice") {
  with(R"({"resource":"/{proxy+}","path":"/a%2Fb","httpMethod":"PUT","headers":{"X-A":"2"},
           "multiValueHeaders":{"X-A":["1","2"],"Host":["h"]},"queryStringParameters":{"q":"2"},
           "multiValueQueryStringParameters":{"q":["a%20b","2"]},"pathParameters":null,"stageVariables":null,
           "requestContext":{"stage":"s","identity":{"sourceIp":"9.9.9.9"}},"body":null,"isBase64Encoded":false})",
       [](const Request& r) {
         CHECK(r.source() == Source::rest_api);
         CHECK(r.method() == "PUT");
         CHECK(r.path() == "/a%2Fb");
         CHECK(listed(r.headers()) == "X-A=1;X-A=2;Host=h;");
         CHECK(listed(r.query()) == "q=a%20b;q=2;");
         CHECK(r.route() == "/{proxy+}");
         CHECK(r.source_ip() == "9.9.9.9");
       });
}

TEST_CASE("a load balancer's query comes undecoded, in one map or in the other") {
  with(R"({"requestContext":{"elb":{"targetGroupArn":"arn"}},"httpMethod":"GET","path":"/","queryStringParameters":
           {"a%5B%5D":"x+y%26"},"headers":{"x-forwarded-for":"6.6.6.6, 5.5.5.5"},"body":"","isBase64Encoded":false})",
       [](const Request& r) {
         CHECK(r.source() == Source::alb);
         CHECK(listed(r.query()) == "a[]=x y&;");
         CHECK(r.source_ip() == "5.5.5.5");  // the last: a client can send others itself
       });
  with(R"({"requestContext":{"elb":{}},"httpMethod":"GET","path":"/","multiValueQueryStringParameters":
           {"a":["1","%32"]},"multiValueHeaders":{"cookie":["a=1","b=2"]},"body":"","isBase64Encoded":false})",
       [](const Request& r) {
         CHECK(r.source() == Source::alb_multi_value);
         CHECK(listed(r.query()) == "a=1;a=2;");
         CHECK(r.cookie("b") == "2");
       });
}

TEST_CASE("VPC Lattice is read in both its versions") {
  with(R"({"raw_path":"/a/b?c=d","method":"POST","headers":{"host":"h","x-forwarded-for":"10.0.0.1"},
           "query_string_parameters":{"c":"d"},"body":"YQ==","is_base64_encoded":true})",
       [](const Request& r) {
         CHECK(r.source() == Source::lattice);
         CHECK(r.method() == "POST");
         CHECK(r.path() == "/a/b");
         CHECK(r.query("c") == "d");
         CHECK(r.body() == "a");
         CHECK(r.source_ip() == "10.0.0.1");
       });
  with(R"({"version":"2.0","path":"/a","method":"GET","headers":{"x":["1","2"],"y":"3"},
           "queryStringParameters":{"c":["d","e"]},"requestContext":{"serviceNetworkArn":"n","targetGroupArn":"t",
           "identity":{"sourceVpcArn":"v"},"timeEpoch":"1"},"isBase64Encoded":false})",
       [](const Request& r) {
         CHECK(r.source() == Source::lattice_v2);
         CHECK(listed(r.headers()) == "x=1;x=2;y=3;");
         CHECK(listed(r.query()) == "c=d;c=e;");
       });
}

TEST_CASE("a WebSocket's route key is its path, what happens its method") {
  with(R"({"requestContext":{"routeKey":"$default","eventType":"MESSAGE","connectionId":"c1","stage":"dev",
           "messageId":null,"identity":{"sourceIp":"1.1.1.1"}},"body":"hi","isBase64Encoded":false})",
       [](const Request& r) {
         CHECK(r.source() == Source::websocket);
         CHECK(r.method() == "MESSAGE");
         CHECK(r.path() == "$default");
         CHECK(r.connection_id() == "c1");
         CHECK(r.body() == "hi");
       });
}

TEST_CASE("the body is read as a type, or refused with what is wrong") {
  struct Note {
    std::string_view text;
    std::optional<int> stars;
  };
  with(url_event("/", "", R"(,"body":"{\"text\":\"a\\\"b\"}")"), [](const Request& r) {
    auto note = r.json<Note>();
    REQUIRE(note);
    CHECK(note->text == "a\"b");
  });
  with(url_event("/", "", R"(,"body":"{\"text\":\"a\",\"stars\":\"5\"}")"), [](const Request& r) {
    auto note = r.json<Note>();
    REQUIRE_FALSE(note);
    CHECK(note.error().status == 400);
    CHECK(note.error().body == R"({"message":"$.stars: expected a number, found string"})");
  });
}

TEST_CASE("what only some sources have is read out of the whole event") {
  struct Claims {
    std::string_view sub;
  };
  struct Jwt {
    Claims claims;
  };
  struct Authorizer {
    Jwt jwt;
  };
  struct Context {
    Authorizer authorizer;
  };
  struct Event {
    Context requestContext;
  };
  with(R"({"rawPath":"/","requestContext":{"http":{"method":"GET"},"authorizer":{"jwt":{"claims":{"sub":"u1"}}}}})",
       [](const Request& r) {
         auto event = r.event<Event>();
         REQUIRE(event);
         CHECK(event->requestContext.authorizer.jwt.claims.sub == "u1");
         CHECK_FALSE(r.event<std::vector<int>>());
       });
}

TEST_CASE("a request that is read anew has nothing of the one before") {
  std::vector<std::string> seen;
  auto handler = [&](const Request& r) {
    seen.push_back(listed(r.headers()) + "|" + listed(r.query()) + "|" + std::string(r.body()) + "|" +
                   std::string(r.param("id")));
  };
  auto source = runtime::source_of(handler);
  auto made = source.make(source.from);
  Context context({});
  test::RecordingSink sink;
  for (std::string event :
       {url_event("/", "a=%31", R"(,"body":"x","pathParameters":{"id":"7"})"),
        std::string(R"({"requestContext":{"elb":{}},"httpMethod":"GET","path":"/"})"), url_event("/", "b=2")}) {
    made.invoke(made.state, {event, event.size(), context}, sink);
  }
  made.destroy(made.state);
  CHECK(seen == std::vector<std::string>{"host=x;cookie=c=d;|a=1;|x|7", "|||", "host=x;cookie=c=d;|b=2;||"});
}

TEST_CASE("an event that is no HTTP request is an error that says where and what") {
  CHECK(fault(R"({"Records":[]})").find("UnmarshalError {\"errorMessage\":\"$: expected an HTTP event") !=
        std::string::npos);
  CHECK(fault(R"({"headers":[]})").find("$.headers: expected an object, found array") != std::string::npos);
  CHECK(fault(R"({"headers":{"a":1}})").find("$.headers.a: expected a string, found number") != std::string::npos);
  CHECK(fault(R"({"multiValueHeaders":{"a":["1",2]}})")
            .find("$.multiValueHeaders.a[1]: expected a string, found number") != std::string::npos);
  CHECK(fault(R"({"requestContext":{"http":{"method":7}}})")
            .find("$.requestContext.http.method: expected a string, found number") != std::string::npos);
  CHECK(fault(R"({"rawPath":"/","requestContext":{"http":{}},"body":"a=","isBase64Encoded":true})")
            .find("$.body: expected base64") != std::string::npos);
  for (std::string_view event : {"", "{", "[]", "null", "\"GET /\"", "{\"headers\":{\"a\":"}) {
    CAPTURE(event);
    CHECK(fault(event).starts_with("Runtime.UnmarshalError"));
  }
}
