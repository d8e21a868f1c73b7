// The HTTP events of API Gateway [A], function URLs [B], Application Load
// Balancers [C] and VPC Lattice [D], in one: each source fills a part of it. What
// is not named here is skipped.
//
// [A] API Gateway Developer Guide, "Lambda proxy integrations": REST, HTTP and
//     WebSocket APIs.
// [B] AWS Lambda Developer Guide, "Invoking Lambda function URLs".
// [C] User Guide for Application Load Balancers, "Lambda functions as targets".
// [D] VPC Lattice User Guide, "Lambda functions as targets".

#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include <mayfly/http/request.h>
#include <mayfly/json/typed.h>

namespace mayfly::http {

// {"name":"value"} or {"name":["value","value"]}, in one list; null is empty.
struct Fields {
  std::vector<Field> list;
};

struct EventHttp {
  std::optional<std::string_view> method, sourceIp;
};
struct EventIdentity {
  std::optional<std::string_view> sourceIp;
};
struct EventContext {
  std::optional<mayfly::json::Raw> elb;
  std::optional<EventHttp> http;
  std::optional<EventIdentity> identity;
  std::optional<std::string_view> stage, routeKey, domainName, connectionId, eventType, targetGroupArn;
};

struct Event {
  std::optional<std::string_view> version;
  // REST APIs and load balancers
  std::optional<std::string_view> resource, path, httpMethod;
  Fields headers, multiValueHeaders, queryStringParameters, multiValueQueryStringParameters, pathParameters;
  // HTTP APIs and function URLs
  std::optional<std::string_view> routeKey, rawPath, rawQueryString;
  std::optional<std::vector<std::string_view>> cookies;
  // VPC Lattice
  std::optional<std::string_view> method, raw_path;
  Fields query_string_parameters;
  std::optional<bool> is_base64_encoded;
  // all
  std::optional<EventContext> requestContext;
  std::optional<std::string_view> body;
  std::optional<bool> isBase64Encoded;
};

}  // namespace mayfly::http

template <>
struct mayfly::json::fields<mayfly::http::EventHttp> {
  static constexpr std::array<std::string_view, 2> names{"method", "sourceIp"};
};
template <>
struct mayfly::json::fields<mayfly::http::EventIdentity> {
  static constexpr std::array<std::string_view, 1> names{"sourceIp"};
};
template <>
struct mayfly::json::fields<mayfly::http::EventContext> {
  static constexpr std::array<std::string_view, 9> names{
      "elb", "http", "identity", "stage", "routeKey", "domainName", "connectionId", "eventType", "targetGroupArn"};
};
template <>
struct mayfly::json::fields<mayfly::http::Event> {
  static constexpr std::array<std::string_view, 20> names{"version",
                                                          "resource",
                                                          "path",
                                                          "httpMethod",
                                                          "headers",
                                                          "multiValueHeaders",
                                                          "queryStringParameters",
                                                          "multiValueQueryStringParameters",
                                                          "pathParameters",
                                                          "routeKey",
                                                          "rawPath",
                                                          "rawQueryString",
                                                          "cookies",
                                                          "method",
                                                          "raw_path",
                                                          "query_string_parameters",
                                                          "is_base64_encoded",
                                                          "requestContext",
                                                          "body",
                                                          "isBase64Encoded"};
  static constexpr std::size_t required = 0;
};

template <>
struct mayfly::json::form<mayfly::http::Fields> {
  static Status read(Value& value, mayfly::http::Fields& out, Fault& where);
};
