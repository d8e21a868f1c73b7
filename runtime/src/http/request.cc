#include <mayfly/http/request.h>

#include <algorithm>
#include <utility>

#include <mayfly/base64.h>

#include "core/http_field.h"
#include "runtime/src/http/event.h"
#include "runtime/src/http/request_parts.h"

namespace mayfly {

json::Status json::form<http::Fields>::read(Value& value, http::Fields& out, Fault& where) {
  out.list.clear();
  if (value.is_null()) return Status::ok;
  if (value.kind() != Kind::object) return detail::wrong_kind(where, value, "an object");
  return value.each_field([&](std::string_view name, Value& field) {
    if (field.is_null()) return Status::ok;
    std::string_view text;
    Status status;
    if (field.kind() == Kind::array) {
      std::size_t index = 0;
      status = field.each_element([&](Value& element) {
        Status s = detail::inside_element(where, read_as(element, text, where), index++);
        if (s == Status::ok) out.list.push_back({name, text});
        return s;
      });
    } else {
      status = read_as(field, text, where);
      if (status == Status::ok) out.list.push_back({name, text});
    }
    return detail::inside_member(where, status, name);
  });
}

namespace http {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string_view decoded_in(std::string& memory, std::string_view text) {
  if (text.find_first_of("%+") == text.npos) return text;
  std::size_t at = memory.size();
  append_decoded(memory, text, true);
  return std::string_view(memory).substr(at);
}

// Of "a=1&b": {"a","1"}, {"b",""}.
template <class Visit>
void each_parameter(std::string_view query, Visit visit) {
  while (!query.empty()) {
    auto one = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(one.size() + 1, query.size()));
    if (one.empty()) continue;
    auto name = one.substr(0, one.find('='));
    visit(name, one.substr(std::min(name.size() + 1, one.size())));
  }
}

std::string_view trimmed(std::string_view text) {
  auto begin = text.find_first_not_of(" \t");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::optional<std::string_view> find(std::span<const Field> fields, std::string_view name) {
  auto found = std::ranges::find(fields, name, &Field::name);
  if (found == fields.end()) return std::nullopt;
  return found->value;
}

// "/prod/notes" of the stage "prod" is "/notes": HTTP APIs leave their stage in
// the path, unless it is $default, and decode it.
std::string_view without_stage(std::string_view path, std::string_view stage) {
  if (stage.empty() || stage == "$default" || !path.substr(std::min<std::size_t>(1, path.size())).starts_with(stage)) {
    return path;
  }
  auto rest = path.substr(1 + stage.size());
  if (rest.empty()) return "/";
  return rest.starts_with('/') ? rest : path;
}

std::optional<Source> source_of(const Event& event, const EventContext& context) {
  if (context.elb) return event.multiValueHeaders.list.empty() ? Source::alb : Source::alb_multi_value;
  if (context.connectionId && context.eventType) return Source::websocket;
  if (context.http && event.rawPath) {
    // An emulated URL has a port.
    auto domain = context.domainName.value_or("");
    bool url = domain.find(".lambda-url.") != domain.npos || domain.find(':') != domain.npos;
    return url ? Source::function_url : Source::http_api;
  }
  if (event.method && event.raw_path) return Source::lattice;
  if (event.method && event.path) return Source::lattice_v2;
  if (event.httpMethod && event.path) return Source::rest_api;
  return std::nullopt;
}

// At most so many bytes are decoded or joined.
std::size_t text_size(const Event& event) {
  std::size_t size = event.rawQueryString.value_or("").size();
  for (const auto* list : {&event.queryStringParameters.list, &event.multiValueQueryStringParameters.list}) {
    for (auto [name, value] : *list) size += name.size() + value.size();
  }
  if (event.cookies) {
    for (auto cookie : *event.cookies) size += cookie.size() + 2;
  }
  return size;
}

}  // namespace

void append_decoded(std::string& out, std::string_view text, bool plus) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low >= 0) {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += plus && text[i] == '+' ? ' ' : text[i];
    }
  }
}

Source Request::source() const { return parts_->source; }
std::string_view Request::method() const { return parts_->method; }
std::string_view Request::path() const { return parts_->path; }
std::span<const Field> Request::headers() const { return parts_->headers; }
std::span<const Field> Request::query() const { return parts_->query; }
std::string_view Request::body() const { return parts_->body; }
std::string_view Request::source_ip() const { return parts_->source_ip; }
std::string_view Request::stage() const { return parts_->stage; }
std::string_view Request::route() const { return parts_->route; }
std::string_view Request::connection_id() const { return parts_->connection_id; }
std::string_view Request::event_text() const { return parts_->event; }

std::optional<std::string_view> Request::header(std::string_view name) const {
  for (const auto& field : parts_->headers) {
    if (core::same_field_name(field.name, name)) return field.value;
  }
  return std::nullopt;
}

std::optional<std::string_view> Request::query(std::string_view name) const { return find(parts_->query, name); }

std::optional<std::string_view> Request::cookie(std::string_view name) const {
  for (const auto& field : parts_->headers) {
    if (!core::same_field_name(field.name, "cookie")) continue;
    for (auto left = field.value; !left.empty();) {
      auto one = left.substr(0, left.find(';'));
      left.remove_prefix(std::min(one.size() + 1, left.size()));
      auto equals = one.find('=');
      if (equals != one.npos && trimmed(one.substr(0, equals)) == name) return trimmed(one.substr(equals + 1));
    }
  }
  return std::nullopt;
}

std::string_view Request::param(std::string_view name) const {
  if (auto found = find(parts_->params, name)) return *found;
  return find(parts_->gateway_params, name).value_or(std::string_view());
}

mayfly::json::Document& Request::document(Part part) const {
  auto& document = part == Part::body ? parts_->body_document : parts_->event_document;
  if (!document) document = std::make_unique<mayfly::json::Document>();
  return *document;
}

Response Request::bad_request(const mayfly::json::Fault& fault) {
  Response response{400, {{"content-type", "application/json"}}, {}, {}};
  mayfly::json::Writer(response.body).begin_object().member("message", fault.to_string()).end_object();
  return response;
}

// ---- from the event to the request; all of it views, but where bytes must change

void Request::Parts::take_target(const Event& given, const EventContext& context) {
  stage = context.stage.value_or("");
  route = context.routeKey.value_or(given.resource.value_or(""));
  connection_id = context.connectionId.value_or("");
  method = given.httpMethod.value_or(given.method.value_or(""));
  path = given.path.value_or("/");
  // Events of REST APIs have no version: format 1.0 is an HTTP API's.
  path_is_decoded = source == Source::http_api || (source == Source::rest_api && given.version == "1.0");
  if (source == Source::websocket) {
    method = *context.eventType;
    path = route;
  } else if (source == Source::http_api || source == Source::function_url) {
    method = context.http->method.value_or("");
    path = without_stage(*given.rawPath, stage);
  } else if (path_is_decoded) {
    path = without_stage(path, stage);
  } else if (source == Source::lattice) {
    path = given.raw_path->substr(0, given.raw_path->find('?'));
  }
}

void Request::Parts::take_query(Event& given) {
  auto& pairs = !given.multiValueQueryStringParameters.list.empty() ? given.multiValueQueryStringParameters.list
                : !given.query_string_parameters.list.empty()       ? given.query_string_parameters.list
                                                                    : given.queryStringParameters.list;
  query.clear();
  if (given.rawQueryString) {
    each_parameter(*given.rawQueryString, [&](std::string_view name, std::string_view value) {
      query.push_back({decoded_in(text, name), decoded_in(text, value)});
    });
  } else if (source == Source::alb || source == Source::alb_multi_value) {
    for (auto [name, value] : pairs) query.push_back({decoded_in(text, name), decoded_in(text, value)});
  } else {
    query.swap(pairs);
  }
}

// Of two maps the one that keeps repeats. HTTP APIs take the cookies out.
void Request::Parts::take_headers(Event& given) {
  headers.swap(given.multiValueHeaders.list.empty() ? given.headers.list : given.multiValueHeaders.list);
  if (!given.cookies || given.cookies->empty() || Request(*this).header("cookie")) return;
  std::size_t at = text.size();
  for (auto cookie : *given.cookies) text.append(text.size() == at ? "" : "; ").append(cookie);
  headers.push_back({"cookie", std::string_view(text).substr(at)});
}

void Request::Parts::take_source_ip(const EventContext& context) {
  if (context.http && context.http->sourceIp) {
    source_ip = *context.http->sourceIp;
  } else if (context.identity && context.identity->sourceIp) {
    source_ip = *context.identity->sourceIp;
  } else {
    // A load balancer appends the address it sees; what is before it anyone can send.
    auto forwarded = Request(*this).header("x-forwarded-for").value_or("");
    source_ip = trimmed(forwarded.substr(forwarded.rfind(',') + 1));
  }
}

bool Request::Parts::take_body(const Event& given) {
  body = given.body.value_or("");
  if (!given.isBase64Encoded.value_or(given.is_base64_encoded.value_or(false))) return true;
  bytes.clear();
  if (!append_base64_decoded(bytes, body)) return false;
  body = bytes;
  return true;
}

}  // namespace http

namespace runtime {

EventForm<http::Request>::EventForm() : parts_(std::make_unique<http::Request::Parts>()) {}
EventForm<http::Request>::~EventForm() = default;

Result<http::Request> EventForm<http::Request>::read(const Invocation& invocation) {
  auto fault = [](std::string text) { return unexpected(Error("Runtime.UnmarshalError", std::move(text))); };
  auto& parts = *parts_;
  http::Event event;
  parts.headers.clear();
  event.headers.list.swap(parts.headers);  // for its memory
  if (auto read = json::parse_into(parts.document, invocation.event, invocation.event_capacity, event); !read) {
    return fault(read.error().to_string());
  }
  const auto context = event.requestContext.value_or(http::EventContext{});
  auto source = http::source_of(event, context);
  if (!source) {
    return fault(
        "$: expected an HTTP event of API Gateway, a function URL, a load balancer or VPC Lattice: requestContext, "
        "path and method do not tell which");
  }
  parts.event = invocation.event;
  parts.source = *source;
  parts.text.clear();
  parts.text.reserve(http::text_size(event));  // all of it at once: views into it stay
  parts.params.clear();
  parts.gateway_params.swap(event.pathParameters.list);
  parts.take_target(event, context);
  parts.take_query(event);
  parts.take_headers(event);
  parts.take_source_ip(context);
  if (!parts.take_body(event)) return fault("$.body: expected base64, as isBase64Encoded says");
  return http::Request(parts);
}

}  // namespace runtime
}  // namespace mayfly
