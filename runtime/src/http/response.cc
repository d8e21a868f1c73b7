// How each source wants its answer.
//
// | REST, format 1.0       | multiValueHeaders alone: given both maps, the gateway sends what is in both twice |
// | HTTP API, function URL | headers, repeats joined by commas; cookies apart                                   |
// | WebSocket              | headers                                                                            |
// | load balancer          | the kind of map it sent, no other is read; statusDescription                        |
// | VPC Lattice            | headers; statusDescription                                                         |
//
// Where a map has one value a name, several cookies are told apart by the case of
// their names, Set-Cookie and sEt-cookie, as clients do not mind: joined by a
// comma they would be one.

#include <mayfly/http/response.h>

#include <algorithm>
#include <array>
#include <span>

#include <mayfly/base64.h>
#include <mayfly/http/request.h>
#include <mayfly/json/writer.h>

#include "core/http_field.h"

namespace mayfly::http {
namespace {

using core::same_field_name;

constexpr std::size_t kMaxResponseBytes = 6'291'556;  // as Lambda counts them, envelope and all

struct Reason {
  int status;
  std::string_view text;
};
constexpr Reason kReasons[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {207, "Multi-Status"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {418, "I'm a teapot"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {507, "Insufficient Storage"},
    {511, "Network Authentication Required"},
};

std::string status_description(int status) {
  auto found = std::ranges::find(kReasons, status, &Reason::status);
  auto number = std::to_string(status);
  return found == std::end(kReasons) ? number : number.append(" ").append(found->text);
}

struct Shape {
  bool multi_value = false;         // "multiValueHeaders"; else "headers"
  bool cookies = false;             // a list of their own
  bool status_description = false;  //
};

Shape shape_of(Source source) {
  switch (source) {
    case Source::rest_api: return {.multi_value = true};
    case Source::http_api:
    case Source::function_url: return {.cookies = true};
    case Source::websocket: return {};
    case Source::alb:
    case Source::lattice:
    case Source::lattice_v2: return {.status_description = true};
    case Source::alb_multi_value: return {.multi_value = true, .status_description = true};
  }
  return {};
}

bool is_cookie(const Header& header) { return same_field_name(header.name, "set-cookie"); }

unexpected<Error> marshal_error(std::string text) { return unexpected(Error("Runtime.MarshalError", std::move(text))); }

Result<void> check(const Response& response) {
  if (response.status < 100 || response.status > 599) {
    return marshal_error("$.status: " + std::to_string(response.status) + " is outside 100..599");
  }
  for (const auto& [name, value] : response.headers) {
    if (!core::is_token(name)) return marshal_error("$.headers: '" + name + "' is no name of a header");
    if (!core::is_field_value(value)) return marshal_error("$.headers." + name + ": a control character");
    if (!mayfly::json::is_utf8(value)) return marshal_error("$.headers." + name + ": a string that is not UTF-8");
  }
  for (std::size_t i = 0; i < response.cookies.size(); ++i) {
    const auto& cookie = response.cookies[i];
    if (!core::is_field_value(cookie) || !mayfly::json::is_utf8(cookie)) {
      return marshal_error("$.cookies[" + std::to_string(i) + "]: a control character, or not UTF-8");
    }
  }
  return {};
}

// Calls visit(name, values) for each name in the order of the first of it; all
// but cookies.
template <class Visit>
void each_name(const std::vector<Header>& headers, Visit visit) {
  for (std::size_t i = 0; i < headers.size(); ++i) {
    const auto& name = headers[i].name;
    auto same = [&](const Header& other) { return same_field_name(other.name, name); };
    if (is_cookie(headers[i]) || std::any_of(headers.begin(), headers.begin() + static_cast<std::ptrdiff_t>(i), same)) {
      continue;
    }
    visit(name, same);
  }
}

template <class Visit>
void each_cookie(const Response& response, Visit visit) {
  for (const auto& header : response.headers) {
    if (is_cookie(header)) visit(header.value);
  }
  for (const auto& cookie : response.cookies) visit(cookie);
}

// The n-th way to write "set-cookie" in capital and small letters.
std::string cookie_name(unsigned n) {
  std::string name = "set-cookie";
  for (char& c : name) {
    if (c == '-') continue;
    if (n & 1) c = static_cast<char>(c - 'a' + 'A');
    n >>= 1;
  }
  return name;
}

void write_single_headers(mayfly::json::Writer& json, const Response& response, std::string_view content_type,
                          bool cookies_apart) {
  json.key("headers").begin_object();
  if (!content_type.empty()) json.member("content-type", content_type);
  std::string joined;
  each_name(response.headers, [&](const std::string& name, auto same) {
    joined.clear();
    bool first = true;
    for (const auto& header : response.headers) {
      if (!same(header)) continue;
      joined.append(first ? "" : ",").append(header.value);
      first = false;
    }
    json.member(name, joined);
  });
  if (!cookies_apart) {
    unsigned n = 0;
    each_cookie(response, [&](const std::string& value) { json.member(cookie_name(n++), value); });
  }
  json.end_object();
}

void write_multi_headers(mayfly::json::Writer& json, const Response& response, std::string_view content_type) {
  json.key("multiValueHeaders").begin_object();
  if (!content_type.empty()) json.key("content-type").begin_array().value(content_type).end_array();
  each_name(response.headers, [&](const std::string& name, auto same) {
    json.key(name).begin_array();
    for (const auto& header : response.headers) {
      if (same(header)) json.value(header.value);
    }
    json.end_array();
  });
  bool any = false;
  each_cookie(response, [&](const std::string& value) {
    if (!any) json.key("set-cookie").begin_array();
    any = true;
    json.value(value);
  });
  if (any) json.end_array();
  json.end_object();
}

// All but the body; the object stays open.
void write_head(mayfly::json::Writer& json, const Response& response, Shape shape, std::string_view content_type) {
  json.begin_object().member("statusCode", response.status);
  if (shape.status_description) json.member("statusDescription", status_description(response.status));
  if (shape.multi_value) {
    write_multi_headers(json, response, content_type);
  } else {
    write_single_headers(json, response, content_type, shape.cookies);
  }
  bool any = false;
  if (shape.cookies) {
    each_cookie(response, [&](const std::string& value) {
      if (!any) json.key("cookies").begin_array();
      any = true;
      json.value(value);
    });
  }
  if (any) json.end_array();
}

// A content-encoding says bytes, whatever they look like.
bool is_encoded(const Response& response) {
  return std::ranges::any_of(response.headers, [](const Header& header) {
    return same_field_name(header.name, "content-encoding") && !same_field_name(header.value, "identity");
  });
}

std::string_view missing_content_type(const Response& response, bool utf8) {
  bool given = std::ranges::any_of(response.headers,
                                   [](const Header& header) { return same_field_name(header.name, "content-type"); });
  if (given || response.body.empty()) return {};
  return utf8 ? "text/plain; charset=utf-8" : "application/octet-stream";
}

Result<void> write(const Response& response, Source source, std::string& out) {
  if (auto good = check(response); !good) return good;
  bool utf8 = mayfly::json::is_utf8(response.body);
  bool base64 = !utf8 || is_encoded(response);
  std::size_t size = base64 ? base64_size(response.body.size()) : response.body.size();
  if (size > kMaxResponseBytes) {
    return unexpected(Error("Function.ResponseSizeTooLarge",
                            "a body of " + std::to_string(response.body.size()) + " bytes" +
                                (base64 ? ", in base64 " + std::to_string(size) + "," : std::string()) +
                                " exceeds the " + std::to_string(kMaxResponseBytes) + " bytes of a response"));
  }
  out.reserve(out.size() + size + size / 8 + 512);
  mayfly::json::Writer json(out);
  write_head(json, response, shape_of(source), missing_content_type(response, utf8));
  json.key("body");
  if (base64) {
    json.raw("\"");
    append_base64(out, response.body);
    out += '"';
  } else {
    json.value(response.body);
  }
  json.member("isBase64Encoded", base64).end_object();
  return {};
}

Response typed(std::string type, std::string body, int status) {
  return {status, {{"content-type", std::move(type)}}, std::move(body), {}};
}

}  // namespace

Response text(std::string body, int status) { return typed("text/plain; charset=utf-8", std::move(body), status); }
Response html(std::string body, int status) { return typed("text/html; charset=utf-8", std::move(body), status); }

Result<void> append_prelude(std::string& out, const Response& head) {
  if (auto good = check(head); !good) return good;
  mayfly::json::Writer json(out);
  write_head(json, head, shape_of(Source::function_url), {});
  json.end_object();
  return {};
}

}  // namespace mayfly::http

namespace mayfly::runtime {

Result<void> ResultForm<http::Response>::write(const http::Response& response, const http::Request& request,
                                               std::string& out) {
  return http::write(response, request.source(), out);
}

Result<void> ResultForm<http::Response>::write(const http::Response& response, std::string& out) {
  return http::write(response, http::Source::http_api, out);
}

}  // namespace mayfly::runtime
