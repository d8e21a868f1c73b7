// What an HTTP function answers. The event that asked decides its form: a
// handler does not know, and need not, whether API Gateway, a load balancer, VPC
// Lattice or a function URL stands in front of it.

#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <mayfly/error.h>
#include <mayfly/json/typed.h>
#include <mayfly/result.h>
#include <mayfly/runtime/handler.h>

namespace mayfly::http {

class Request;

struct Header {
  std::string name;
  std::string value;
};

//   return {.status = 201, .headers = {{"location", "/notes/7"}}, .body = "made"};
//
// Sent as it is, but for a content-type where there is a body and none is given:
// text/plain; charset=utf-8, or application/octet-stream for what is not UTF-8.
// Headers of equal names are all sent. A body that is not UTF-8, or has a
// content-encoding, goes through Lambda as base64.
//
// Errors, in the place of the response: Runtime.MarshalError for a status outside
// 100..599, a header name that is no token, a value with a line break or outside
// UTF-8; Function.ResponseSizeTooLarge over 6,291,556 bytes as Lambda counts them,
// where base64 makes 4 of 3.
struct Response {
  int status = 200;
  std::vector<Header> headers = {};
  std::string body = {};
  std::vector<std::string> cookies = {};  // values of set-cookie: "id=7; Secure; HttpOnly"
};

Response text(std::string body, int status = 200);
Response html(std::string body, int status = 200);

// `value` as JSON. Errors: throws Runtime.MarshalError for what JSON cannot say.
template <class T>
Response json(const T& value, int status = 200) {
  Response response{status, {{"content-type", "application/json"}}, {}, {}};
  if (auto written = mayfly::json::write(response.body, value); !written) {
    throw Error("Runtime.MarshalError", written.error().to_string());
  }
  return response;
}

// What is sent before the body of a streamed response, without the 8 NUL bytes
// behind it: {"statusCode":200,"headers":{...},"cookies":[...]}. The body of `head`
// is not looked at. Errors: as for a Response.
Result<void> append_prelude(std::string& out, const Response& head);

}  // namespace mayfly::http

namespace mayfly::runtime {

template <>
struct ResultForm<http::Response> {
  Result<void> write(const http::Response& response, const http::Request& request, std::string& out);
  // To an event that was not read as a Request: the form of HTTP APIs and function URLs.
  Result<void> write(const http::Response& response, std::string& out);
  template <class Event>
  Result<void> write(const http::Response& response, const Event&, std::string& out) {
    return write(response, out);
  }
};

}  // namespace mayfly::runtime
