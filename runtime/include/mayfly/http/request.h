// An HTTP request out of the event that carries it:
//
// | API Gateway  | REST APIs and payload format 1.0; HTTP APIs, format 2.0; WebSocket APIs |
// | Lambda       | function URLs                                                           |
// | load balancer| Application Load Balancers, with and without multi-value headers        |
// | VPC Lattice  | event versions 1 and 2                                                  |
//
// Another event is a Runtime.UnmarshalError that says so.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include <mayfly/error.h>
#include <mayfly/http/response.h>
#include <mayfly/json/value.h>
#include <mayfly/result.h>
#include <mayfly/runtime/handler.h>

namespace mayfly::http {

enum class Source : std::uint8_t {
  rest_api,         // and HTTP APIs with payload format 1.0
  http_api,         // payload format 2.0
  function_url,     //
  websocket,        //
  alb,              //
  alb_multi_value,  // the target group's attribute lambda.multi_value_headers.enabled
  lattice,          // event version 1
  lattice_v2,       //
};

struct Field {
  std::string_view name;
  std::string_view value;
};

// A view: what it gives lives as long as the invocation, and a copy is the same
// request. Not made by hand: mayfly::test::invoke() makes one out of an event.
// Thread-safety: one thread at a time.
class Request {
 public:
  Source source() const;

  // "GET". Of a WebSocket: CONNECT, MESSAGE or DISCONNECT.
  std::string_view method() const;
  // As the client sent it, still percent-encoded, without the stage of an HTTP
  // API; HTTP APIs decode it before anybody sees it. Of a WebSocket: its route
  // key, "$connect".
  std::string_view path() const;

  // Names compare without case. Repeated headers are several fields, or one joined
  // by commas where the source does that. The cookies of HTTP APIs, which come
  // apart from the headers, are here again as `cookie`.
  std::span<const Field> headers() const;
  std::optional<std::string_view> header(std::string_view name) const;  // the first

  // Decoded, whatever the source does; a name that comes twice is two fields.
  std::span<const Field> query() const;
  std::optional<std::string_view> query(std::string_view name) const;  // the first

  // As sent: not decoded.
  std::optional<std::string_view> cookie(std::string_view name) const;

  // The part of the path that the route's "{name}" stands for, decoded; without
  // such a route what API Gateway found. Empty: no such name.
  std::string_view param(std::string_view name) const;

  // The bytes that were sent, out of base64.
  std::string_view body() const;

  // The body as a T (<mayfly/json/typed.h>), or an answer 400 that says what is
  // wrong with it. Views in it live until json() is called again.
  //
  //   auto note = request.json<Note>();
  //   if (!note) return note.error();
  template <class T>
  expected<T, Response> json() const {
    auto value = mayfly::json::parse<T>(document(Part::body), body(), body().size());
    if (!value) return unexpected(bad_request(value.error()));
    return *std::move(value);
  }

  // The whole event as a T: for what only some sources have, such as the claims of
  // an authorizer. Views in it live until event() is called again.
  template <class T>
  Result<T> event() const {
    auto value = mayfly::json::parse<T>(document(Part::event), event_text(), event_text().size());
    if (!value) return unexpected(Error("Runtime.UnmarshalError", value.error().to_string()));
    return *std::move(value);
  }

  // Of the client. Empty where the source does not say: VPC Lattice.
  std::string_view source_ip() const;
  // Of API Gateway; "$default" is a function URL's and a usual HTTP API's.
  std::string_view stage() const;
  // What API Gateway matched: "GET /notes/{id}", "/notes/{id}" of REST APIs.
  std::string_view route() const;
  // Of a WebSocket.
  std::string_view connection_id() const;

 private:
  friend class Routes;
  friend struct runtime::EventForm<Request>;
  struct Parts;
  enum class Part : std::uint8_t { body, event };

  explicit Request(Parts& parts) : parts_(&parts) {}

  mayfly::json::Document& document(Part part) const;
  std::string_view event_text() const;
  static Response bad_request(const mayfly::json::Fault& fault);

  Parts* parts_;
};

}  // namespace mayfly::http

namespace mayfly::runtime {

template <>
struct EventForm<http::Request> {
  EventForm();
  ~EventForm();
  EventForm(const EventForm&) = delete;
  EventForm& operator=(const EventForm&) = delete;

  Result<http::Request> read(const Invocation& invocation);

 private:
  std::unique_ptr<http::Request::Parts> parts_;
};

}  // namespace mayfly::runtime
