// From a request to its event and from an answer to its reply.

#include "emulator/invoke/function_url.h"

#include <doctest/doctest.h>

#include "emulator/invoke/cors.h"
#include "emulator/invoke/url_front.h"
#include "emulator/json_check.h"

using namespace mayfly;
using namespace mayfly::emulator;

namespace {

UrlContext context() {
  UrlContext out;
  out.source_ip = "127.0.0.1";
  out.port = 8080;
  out.url_id = "orders";
  out.request_id = "11111111-2222-4333-8444-555555555555";
  out.trace_id = "Root=1-2";
  REQUIRE(core::parse_rfc3339("2020-03-12T19:03:58.390Z", out.time));
  return out;
}

std::string event_of(const RawRequest& request) {
  auto event = url_event(request, context());
  INFO(event);
  CHECK(json_problem(event) == "");
  return event;
}

void contains(const std::string& text, const std::string& part) {
  INFO(text);
  CHECK(text.find(part) != text.npos);
}

std::string reply_text(const std::optional<UrlAnswer>& answer) {
  if (!answer) return "malformed";
  std::string out = std::to_string(answer->status);
  for (const auto& [name, value] : answer->fields) out += " " + name + "=" + value;
  return out + " | " + answer->body;
}

std::string reply_to(std::string_view payload) { return reply_text(url_answer(payload)); }

const std::string kJson = "200 content-type=application/json | ";

}  // namespace

TEST_CASE("a request becomes an event of format 2.0") {
  CHECK(event_of({"GET",
                  "/my/p%61th",
                  "parameter1=value1&parameter1=value2&parameter2=a+b%21",
                  {{"Host", "127.0.0.1:8080"}, {"User-Agent", "agent"}, {"X-A", "1"}, {"x-a", "2"}},
                  {}}) ==
        R"({"version":"2.0","routeKey":"$default","rawPath":"/my/p%61th",)"
        R"("rawQueryString":"parameter1=value1&parameter1=value2&parameter2=a+b%21",)"
        R"("headers":{"host":"127.0.0.1:8080","user-agent":"agent","x-a":"1,2","x-amzn-trace-id":"Root=1-2",)"
        R"("x-forwarded-for":"127.0.0.1","x-forwarded-port":"8080","x-forwarded-proto":"http"},)"
        R"("queryStringParameters":{"parameter1":"value1,value2","parameter2":"a b!"},)"
        R"("requestContext":{"accountId":"anonymous","apiId":"orders","domainName":"127.0.0.1:8080",)"
        R"("domainPrefix":"orders","http":{"method":"GET","path":"/my/p%61th","protocol":"HTTP/1.1",)"
        R"("sourceIp":"127.0.0.1","userAgent":"agent"},"requestId":"11111111-2222-4333-8444-555555555555",)"
        R"("routeKey":"$default","stage":"$default","time":"12/Mar/2020:19:03:58 +0000","timeEpoch":1584039838390},)"
        R"("isBase64Encoded":false})");
}

TEST_CASE("cookies are listed, and stay in the headers") {
  auto event = event_of({"GET", "/", "", {{"Cookie", "a=1; b=2;c"}}, {}});
  contains(event, R"("cookies":["a=1","b=2","c"])");
  contains(event, R"("cookie":"a=1; b=2;c")");
}

TEST_CASE("fields that the URL writes cannot be forged, those of the connection do not pass") {
  auto event = event_of({"GET",
                         "/",
                         "",
                         {{"X-Forwarded-For", "6.6.6.6"},
                          {"x-forwarded-proto", "gopher"},
                          {"Connection", "close"},
                          {"Transfer-Encoding", "chunked"}},
                         {}});
  contains(event, R"("headers":{"x-amzn-trace-id":"Root=1-2","x-forwarded-for":"127.0.0.1","x-forwarded-port":"8080",)"
                  R"("x-forwarded-proto":"http"})");
}

TEST_CASE("a body is text when its type and its bytes say so, else base64") {
  struct Row {
    const char *type, *body, *end;
  };
  for (const auto& row : {Row{"text/plain", "h\xC3\xA9", R"("body":"hé","isBase64Encoded":false})"},
                          Row{"application/json; charset=utf-8", "{}", R"("body":"{}","isBase64Encoded":false})"},
                          Row{"application/problem+json", "{}", R"("body":"{}","isBase64Encoded":false})"},
                          Row{"image/svg+xml", "<x/>", R"("body":"<x/>","isBase64Encoded":false})"},
                          Row{"text/plain", "h\xE9", R"("body":"aOk=","isBase64Encoded":true})"},
                          Row{"application/octet-stream", "hi", R"("body":"aGk=","isBase64Encoded":true})"},
                          Row{"application/x-www-form-urlencoded", "a=1", R"("body":"YT0x","isBase64Encoded":true})"},
                          Row{"multipart/form-data; boundary=text", "a", R"("body":"YQ==","isBase64Encoded":true})"},
                          Row{"", "hi", R"("body":"aGk=","isBase64Encoded":true})"},
                          Row{"application/octet-stream", "", R"(},"isBase64Encoded":false})"}}) {
    auto event = event_of({"POST", "/", "", {{"Content-Type", row.type}}, row.body});
    INFO(event);
    CHECK(event.ends_with(row.end));
  }
}

TEST_CASE("who has signed is in the context") {
  auto known = context();
  known.access_key_id = "AKIDEXAMPLE";
  known.account_id = "123456789012";
  auto event = url_event({"GET", "/", "", {}, {}}, known);
  CHECK(json_problem(event) == "");
  contains(event, R"("requestContext":{"accountId":"123456789012")");
  contains(event, R"("authorizer":{"iam":{"accessKey":"AKIDEXAMPLE","accountId":"123456789012",)");
}

TEST_CASE("bytes that are no UTF-8 or no escape never break the event") {
  event_of({"G\xFFT", "/\xFF%zz", "%=%&a=%ff&%zz=\"&=", {{"X-\xFF", "\xFE\""}, {"cookie", ";;="}}, "\xFF"});
}

TEST_CASE("an answer without statusCode is the body of a 200") {
  CHECK(reply_to(R"({ "hello" : "wor ld\"" , "a":[1, 2] })") == kJson + R"({"hello":"wor ld\"","a":[1,2]})");
  CHECK(reply_to(R"("hello")") == kJson + "hello");
  CHECK(reply_to(R"("é\n")") == kJson + "é\n");
  CHECK(reply_to(R"(["hello", 3, true])") == kJson + R"(["hello",3,true])");
  CHECK(reply_to("3") == kJson + "3");
  CHECK(reply_to("3.1") == kJson + "3.1");
  CHECK(reply_to(" true ") == kJson + "true");
  CHECK(reply_to("null") == kJson + "null");
  CHECK(reply_to(R"({"body":"x","headers":{"a":"b"}})") == kJson + R"({"body":"x","headers":{"a":"b"}})");
}

TEST_CASE("what is no JSON is the body as it is, a prelude too") {
  for (std::string payload :
       {std::string(), std::string("hello"), std::string("{}x"), std::string("\"\xFF\""), std::string("{}\0\0", 4)}) {
    CHECK(reply_to(payload) == kJson + payload);
  }
}

TEST_CASE("an answer with statusCode says all of the reply") {
  CHECK(reply_to(R"({"statusCode":200,"body":"body123"})") == kJson + "body123");
  CHECK(reply_to(R"({"statusCode":"404"})") == "404 content-type=application/json | ");
  CHECK(
      reply_to(R"({"body":"{\"a\":1}","statusCode":201,"headers":{"Content-Type":"text/plain","X-N":7,"X-B":true}})") ==
      R"(201 Content-Type=text/plain X-N=7 X-B=true | {"a":1})");
  CHECK(reply_to(R"({"statusCode":200,"body":{"a": [1, "b c"]}})") == kJson + R"({"a":[1,"b c"]})");
  CHECK(reply_to(R"({"statusCode":200,"body":null,"headers":null,"cookies":null,"isBase64Encoded":null})") == kJson);
  CHECK(reply_to(R"({"statusCode":200,"body":"aGk=","isBase64Encoded":true})") == kJson + "hi");
  CHECK(reply_to(R"({"isBase64Encoded":false,"statusCode":200,"body":"aGk="})") == kJson + "aGk=");
  CHECK(reply_to(R"({"statusCode":302,"headers":{"location":"/"},"cookies":["a=1; Path=/","b=2"]})") ==
        "302 location=/ set-cookie=a=1; Path=/ set-cookie=b=2 content-type=application/json | ");
  CHECK(reply_to(R"({"statusCode":200,"headers":{"A":"1","a":"2"}})") == "200 a=2 content-type=application/json | ");
}

TEST_CASE("the framing of the reply is not the function's") {
  CHECK(reply_to(R"({"statusCode":200,"body":"b","headers":{"Content-Length":"99","Transfer-Encoding":"chunked",)"
                 R"("connection":"close"}})") == kJson + "b");
}

TEST_CASE("what cannot be a reply is malformed") {
  for (const char* payload :
       {R"({"statusCode":"x"})", R"({"statusCode":99})", R"({"statusCode":101})", R"({"statusCode":600})",
        R"({"statusCode":200.5})", R"({"statusCode":-200})", R"({"statusCode":null})",
        R"({"statusCode":200,"headers":[]})", R"({"statusCode":200,"headers":{"a b":"c"}})",
        R"({"statusCode":200,"headers":{"":"c"}})", R"({"statusCode":200,"headers":{"a\r\nb":"c"}})",
        R"({"statusCode":200,"headers":{"a":["c"]}})", R"({"statusCode":200,"headers":{"a":{}}})",
        R"({"statusCode":200,"cookies":"a"})", R"({"statusCode":200,"cookies":[[]]})",
        R"({"statusCode":200,"body":"!","isBase64Encoded":true})", R"({"statusCode":200,"isBase64Encoded":"yes"})"}) {
    INFO(payload);
    CHECK(reply_to(payload) == "malformed");
  }
}

TEST_CASE("the prelude of a streamed response is an answer without a body") {
  CHECK(reply_text(url_prelude(R"({"statusCode":201,"headers":{"content-type":"text/html"},"cookies":["a=1"]})")) ==
        "201 content-type=text/html set-cookie=a=1 | ");
  CHECK(reply_text(url_prelude(R"({"headers":{"a":"1"},"multiValueHeaders":{"A":["2","3"]}})")) ==
        "200 A=2 A=3 content-type=application/json | ");
  CHECK(reply_text(url_prelude("{}")) == kJson);
  for (const char* json : {"", "[]", "{", R"({"statusCode":0})", R"({"multiValueHeaders":{"a":"b"}})"}) {
    CHECK(reply_text(url_prelude(json)) == "malformed");
  }
}

TEST_CASE("preflights and answers get the fields of the CORS configuration") {
  auto text = [](const ReplyFields& fields) {
    std::string out;
    for (const auto& [name, value] : fields) out += name + "=" + value + " ";
    return out;
  };
  Cors any{{"*"}, {"*"}, {"*"}, {}};
  CHECK(text(preflight_fields(any, "http://a", "PUT", "x-a,x-b")) ==
        "vary=Origin access-control-allow-origin=* access-control-allow-methods=PUT "
        "access-control-allow-headers=x-a,x-b ");
  CHECK(text(cross_origin_fields(any, "http://a")) == "vary=Origin access-control-allow-origin=* ");
  Cors some{{"http://a", "http://b"}, {"GET", "POST"}, {"x-a"}, {"x-e", "x-f"}, true, 60};
  CHECK(text(preflight_fields(some, "http://b", "PUT", "x-z")) ==
        "vary=Origin access-control-allow-origin=http://b access-control-allow-credentials=true "
        "access-control-allow-methods=GET,POST access-control-allow-headers=x-a access-control-max-age=60 ");
  CHECK(text(cross_origin_fields(some, "http://b")) ==
        "vary=Origin access-control-allow-origin=http://b access-control-allow-credentials=true "
        "access-control-expose-headers=x-e,x-f ");
  CHECK(text(preflight_fields(some, "http://c", "GET", "")) == "vary=Origin ");
  CHECK(text(cross_origin_fields(some, "http://c")) == "vary=Origin ");
}

TEST_CASE("on a shared address, what begins with a date is the API's") {
  CHECK(is_api_path("/2015-03-31/functions/f/invocations"));
  CHECK(is_api_path("/2015-03-31/"));
  for (const char* path : {"/", "", "/2015-03-31", "/2015-3-31/x", "/x/2015-03-31/", "/2015_03-31/x"}) {
    CHECK_FALSE(is_api_path(path));
  }
}
