// The function's URL over sockets, with a real function behind it.

#include <doctest/doctest.h>

#include "tests/emulator/running_service.h"

using namespace mayfly::emulator;
using namespace mayfly::emulator::test;
using Kind = Observation::Kind;

namespace {

// A function that answers with what `expression` makes of its event.
struct UrlService : RunningService {
  explicit UrlService(const std::string& expression = "event") {
    settings.url.emplace();
    settings.url->listen = {"127.0.0.1", 0};
    settings.environment.emplace_back("INIT", R"({"answer":")" + expression + "\"}");
  }
  Reply get(const std::string& target, const std::vector<std::pair<std::string, std::string>>& fields = {}) {
    return request(url_origin(), "GET", target, "", fields);
  }
};

}  // namespace

TEST_CASE("a request on the URL is an invocation, its id that of the event") {
  UrlService service;
  service.start();
  auto reply = service.get("/a/b?c=d", {{"X-Amzn-Trace-Id", "Root=1-67f2a1b3-6e5c0f7b2d8a4c1e9f3b5d70"}});
  CHECK(reply.status == 200);
  CHECK(reply.field("content-type") == "application/json");
  CHECK(reply.field("x-amzn-trace-id").starts_with("Root=1-67f2a1b3-6e5c0f7b2d8a4c1e9f3b5d70;"));
  CHECK(member(reply.body, "rawPath") == "/a/b");
  CHECK(member(reply.body, "requestId") == reply.field("x-amzn-requestid"));
  CHECK(member(reply.body, "x-forwarded-port") == std::to_string(service.url_origin().port));
  CHECK(member(reply.body, "sourceIp") == "127.0.0.1");
  CHECK(service.wait_for(Kind::invocation_ended).report.request_id == reply.field("x-amzn-requestid"));
}

TEST_CASE("paths of the Invoke API are the function's on the URL, and the URL's nobody's on the API") {
  UrlService service;
  service.start();
  CHECK(member(service.get("/2015-03-31/functions/f/invocations").body, "version") == "2.0");
  CHECK(request(service.origin(), "GET", "/", "").status == 404);
}

TEST_CASE("a page may call the URL, but not the API") {
  UrlService service;
  service.start();
  CHECK(service.get("/", {{"Origin", "http://evil.example"}}).status == 200);
  CHECK(request(service.origin(), "GET", "/", "", {{"Origin", "http://evil.example"}}).status == 403);
}

TEST_CASE("errors and nonsense are a page with 502") {
  for (const char* expression : {"{'statusCode': 'x'}", "1/0"}) {
    UrlService service(expression);
    service.start();
    auto reply = service.get("/");
    CHECK(reply.status == 502);
    CHECK(reply.body == "Internal Server Error");
  }
}

TEST_CASE("a request of more than 6 MiB, or that makes an event of more, is refused with 413") {
  UrlService service;
  service.start();
  for (std::size_t size : {5u << 20, (6u << 20) + 1}) {
    auto reply = request(service.url_origin(), "POST", "/", std::string(size, 'x'));
    CHECK(reply.status == 413);
    CHECK(reply.body == R"({"Message":"Request must be smaller than 6291456 bytes for the InvokeFunction operation"})");
  }
  auto fits = request(service.url_origin(), "POST", "/", std::string(4u << 20, 'x'));
  CHECK(fits.status == 200);
}

TEST_CASE("a preflight never reaches a function whose URL has a CORS configuration") {
  UrlService service("{'statusCode': 200, 'headers': {'Access-Control-Allow-Origin': 'http://function'}}");
  service.settings.url->cors.emplace();
  service.settings.url->cors->allow_origins = {"http://page"};
  service.settings.url->cors->allow_methods = {"PUT"};
  service.start();
  auto preflight = request(service.url_origin(), "OPTIONS", "/", "",
                           {{"Origin", "http://page"}, {"Access-Control-Request-Method", "PUT"}});
  CHECK(preflight.status == 200);
  CHECK(preflight.field("access-control-allow-methods") == "PUT");
  CHECK(service.observations().empty());
  CHECK(service.get("/", {{"Origin", "http://page"}}).field("access-control-allow-origin") == "http://page");
  CHECK(service.get("/").field("access-control-allow-origin") == "http://function");
}

TEST_CASE("without a configuration, a preflight is the function's") {
  UrlService service("{'statusCode': 204}");
  service.start();
  CHECK(request(service.url_origin(), "OPTIONS", "/", "",
                {{"Origin", "http://page"}, {"Access-Control-Request-Method", "PUT"}})
            .status == 204);
}

TEST_CASE("a URL with AWS_IAM and an API that verifies refuse what is not signed") {
  UrlService service;
  service.settings.url->signed_only = true;
  service.settings.verify_signatures = true;
  service.settings.callers = {"AKIDEXAMPLE", "secret", ""};
  service.start();
  auto reply = service.get("/");
  CHECK(reply.status == 403);
  CHECK(reply.field("x-amzn-errortype") == "AccessDeniedException");
  CHECK(reply.body == R"({"Message":"Forbidden"})");
  CHECK(service.get("/", {{"Authorization", "Bearer x"}}).field("x-amzn-errortype") == "IncompleteSignatureException");
  auto call = service.invoke("{}");
  CHECK(call.status == 403);
  CHECK(call.field("x-amzn-errortype") == "MissingAuthenticationTokenException");
  CHECK(call.body == R"({"message":"Missing Authentication Token"})");
  CHECK(service.observations().empty());
}

TEST_CASE("URL and API can share an address") {
  UrlService service;
  // Any free port of this moment.
  {
    RunningService probe;
    probe.start();
    service.settings.listen.port = probe.origin().port;
  }
  service.settings.url->listen = service.settings.listen;
  service.start();
  CHECK(member(service.get("/page", {{"Origin", "http://any"}}).body, "rawPath") == "/page");
  CHECK(service.invoke("{}").status == 200);
  CHECK(request(service.origin(), "POST", "/2015-03-31/functions/f/invocations", "{}", {{"Origin", "http://any"}})
            .status == 403);
}
