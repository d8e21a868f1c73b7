// The memory behind a Request, kept from invocation to invocation.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <mayfly/http/request.h>
#include <mayfly/json.h>

namespace mayfly::http {

struct Event;
struct EventContext;

struct Request::Parts {
  void take_target(const Event& given, const EventContext& context);
  void take_query(Event& given);
  void take_headers(Event& given);
  void take_source_ip(const EventContext& context);
  bool take_body(const Event& given);  // false: not base64

  mayfly::json::Document document;
  std::string_view event;
  Source source = Source::http_api;
  std::string_view method, path, body, source_ip, stage, route, connection_id;
  bool path_is_decoded = false;  // by the source
  std::vector<Field> headers;
  std::vector<Field> query;
  std::vector<Field> gateway_params;
  std::vector<Field> params;  // of the route, set by Routes

  std::string text;        // what headers and query hold that is not in the event
  std::string param_text;  // the same of params
  std::string bytes;       // the body that came in base64
  std::unique_ptr<mayfly::json::Document> body_document, event_document;
};

// Appends `text` without its percent escapes; what only looks like one stays.
// `plus`: '+' is a space, as in a query.
void append_decoded(std::string& out, std::string_view text, bool plus);

}  // namespace mayfly::http
