// The form of an answer for each source.

#include <mayfly/http/response.h>

#include <doctest/doctest.h>

#include <limits>
#include <string>

#include <mayfly/http/request.h>

#include "tests/runtime/captured_output.h"
#include "tests/runtime/recording_sink.h"

using namespace mayfly;
using http::Request;
using http::Response;

namespace {

constexpr std::string_view kRest = R"({"resource":"/","path":"/","httpMethod":"GET","requestContext":{}})";
constexpr std::string_view kUrl = R"({"rawPath":"/","requestContext":{"http":{"method":"GET"}}})";
constexpr std::string_view kSocket = R"({"requestContext":{"connectionId":"c","eventType":"MESSAGE"}})";
constexpr std::string_view kAlb = R"({"requestContext":{"elb":{}},"httpMethod":"GET","path":"/","headers":{"a":"b"}})";
constexpr std::string_view kAlbMulti =
    R"({"requestContext":{"elb":{}},"httpMethod":"GET","path":"/","multiValueHeaders":{"a":["b"]}})";
constexpr std::string_view kLattice = R"({"raw_path":"/","method":"GET"})";
constexpr std::string_view kLattice2 = R"({"version":"2.0","path":"/","method":"GET"})";

test::RecordingSink answer(const Response& response, std::string_view event) {
  auto handler = [&](const Request&) { return response; };
  test::CapturedStandardError log;
  return test::invoke(runtime::source_of(handler), event);
}

const Response kPage{.status = 404,
                     .headers = {{"Content-Type", "text/html"}, {"vary", "a"}, {"Vary", "b"}, {"set-cookie", "x=1"}},
                     .body = "<p>",
                     .cookies = {"y=2; Secure"}};

}  // namespace

TEST_CASE("each source is answered in its own form") {
  CHECK(answer(kPage, kUrl).response ==
        R"({"statusCode":404,"headers":{"Content-Type":"text/html","vary":"a,b"},"cookies":["x=1","y=2; Secure"],)"
        R"("body":"<p>","isBase64Encoded":false})");
  CHECK(answer(kPage, kRest).response ==
        R"({"statusCode":404,"multiValueHeaders":{"Content-Type":["text/html"],"vary":["a","b"],)"
        R"("set-cookie":["x=1","y=2; Secure"]},"body":"<p>","isBase64Encoded":false})");
  CHECK(answer(kPage, kAlbMulti).response ==
        R"({"statusCode":404,"statusDescription":"404 Not Found","multiValueHeaders":{"Content-Type":["text/html"],)"
        R"("vary":["a","b"],"set-cookie":["x=1","y=2; Secure"]},"body":"<p>","isBase64Encoded":false})");
  const std::string single =
      R"("headers":{"Content-Type":"text/html","vary":"a,b","set-cookie":"x=1","Set-cookie":"y=2; Secure"},)"
      R"("body":"<p>","isBase64Encoded":false})";
  for (auto event : {kAlb, kLattice, kLattice2}) {
    CHECK(answer(kPage, event).response == R"({"statusCode":404,"statusDescription":"404 Not Found",)" + single);
  }
  CHECK(answer(kPage, kSocket).response == R"({"statusCode":404,)" + single);
}

TEST_CASE("an empty response has an empty map of headers") {
  CHECK(answer({}, kUrl).response == R"({"statusCode":200,"headers":{},"body":"","isBase64Encoded":false})");
  CHECK(answer({}, kRest).response == R"({"statusCode":200,"multiValueHeaders":{},"body":"","isBase64Encoded":false})");
  CHECK(answer({.status = 299}, kAlb).response.find(R"("statusDescription":"299")") != std::string::npos);
}

TEST_CASE("a handler without an HTTP event answers as an HTTP API wants it") {
  auto handler = [] { return http::text("hi"); };
  CHECK(
      test::invoke(runtime::source_of(handler), "{}").response ==
      R"({"statusCode":200,"headers":{"content-type":"text/plain; charset=utf-8"},"body":"hi","isBase64Encoded":false})");
}

TEST_CASE("a body without a content type gets one") {
  CHECK(answer({.body = "é"}, kUrl).response.find(R"("content-type":"text/plain; charset=utf-8")") !=
        std::string::npos);
  CHECK(answer({.body = "\xff"}, kRest).response.find(R"("content-type":["application/octet-stream"])") !=
        std::string::npos);
  CHECK(answer({.headers = {{"CONTENT-TYPE", "a/b"}}, .body = "é"}, kUrl).response.find("text/plain") ==
        std::string::npos);
}

TEST_CASE("what is not UTF-8 or is encoded goes as base64, whatever its type says") {
  CHECK(answer({.headers = {{"content-type", "text/html"}}, .body = "\xff\xfe"}, kUrl)
            .response.ends_with(R"("body":"//4=","isBase64Encoded":true})"));
  CHECK(answer({.headers = {{"Content-Encoding", "gzip"}}, .body = "abc"}, kAlb)
            .response.ends_with(R"("body":"YWJj","isBase64Encoded":true})"));
  CHECK(answer({.headers = {{"content-encoding", "identity"}}, .body = "abc"}, kAlb)
            .response.ends_with(R"("body":"abc","isBase64Encoded":false})"));
  CHECK(answer({.headers = {{"content-type", "image/svg+xml"}}, .body = "<svg/>"}, kUrl)
            .response.ends_with(R"("body":"<svg/>","isBase64Encoded":false})"));
  std::string nul("a\0b", 3);
  CHECK(answer({.body = nul}, kUrl).response.ends_with(R"("body":"a\u0000b","isBase64Encoded":false})"));
}

TEST_CASE("the size is that behind base64") {
  // 4,718,592 bytes are 6,291,456 in base64, which with their envelope are too many for some sources only.
  auto fits = answer({.headers = {{"content-type", "a"}}, .body = std::string(4'600'000, '\xff')}, kUrl);
  CHECK(fits.response.size() > 6'133'000);
  auto too_large = answer({.body = std::string(4'718'700, '\xff')}, kUrl);
  CHECK(too_large.error_type == "Function.ResponseSizeTooLarge");
  CHECK(too_large.error_json.find("a body of 4718700 bytes, in base64 6291600, exceeds the 6291556 bytes") !=
        std::string::npos);
  CHECK(answer({.body = std::string(6'291'557, 'a')}, kUrl).error_type == "Function.ResponseSizeTooLarge");
}

TEST_CASE("nothing that a handler answers can break the head of the reply") {
  auto error = [](const Response& response) {
    auto sink = answer(response, kUrl);
    CHECK(sink.error_type == "Runtime.MarshalError");
    return sink.error_json.substr(0, sink.error_json.find("\",\"errorType"));
  };
  CHECK(error({.status = 99}) == R"({"errorMessage":"$.status: 99 is outside 100..599)");
  CHECK(error({.status = 600}) == R"({"errorMessage":"$.status: 600 is outside 100..599)");
  CHECK(error({.headers = {{"a b", "c"}}}) == R"({"errorMessage":"$.headers: 'a b' is no name of a header)");
  CHECK(error({.headers = {{"", "c"}}}) == R"({"errorMessage":"$.headers: '' is no name of a header)");
  CHECK(error({.headers = {{"a", "b\r\nset-cookie: c"}}}) == R"({"errorMessage":"$.headers.a: a control character)");
  CHECK(error({.headers = {{"a", "\xff"}}}) == R"({"errorMessage":"$.headers.a: a string that is not UTF-8)");
  CHECK(error({.cookies = {"a", "b\n"}}) == R"({"errorMessage":"$.cookies[1]: a control character, or not UTF-8)");
}

TEST_CASE("json() writes types, and throws for what JSON cannot say") {
  struct Note {
    int id;
  };
  auto response = http::json(Note{7}, 201);
  CHECK(response.status == 201);
  CHECK(response.body == R"({"id":7})");
  CHECK_THROWS_AS(http::json(std::numeric_limits<double>::infinity()), Error);
}

TEST_CASE("the prelude of a streamed response is its head as JSON") {
  std::string out;
  REQUIRE(http::append_prelude(out, kPage));
  CHECK(out ==
        R"({"statusCode":404,"headers":{"Content-Type":"text/html","vary":"a,b"},"cookies":["x=1","y=2; Secure"]})");
  out.clear();
  REQUIRE(http::append_prelude(out, {.headers = {{"a", "\xc2\x80"}}}));
  CHECK(out.find('\0') == out.npos);
  CHECK_FALSE(http::append_prelude(out, {.status = 0}));
}
