// Any text, read as an HTTP event, sent through routes and answered with what the
// request brought: the answer is JSON, or an error with a message.

#include <cstdint>
#include <string>

#include <mayfly/http/routes.h>

#include "tests/fuzz/check.h"

namespace http = mayfly::http;
namespace json = mayfly::json;

namespace {

http::Response mirror(const http::Request& request) {
  http::Response response{200, {}, std::string(request.body()), {}};
  for (auto [name, value] : request.headers()) response.headers.push_back({std::string(name), std::string(value)});
  for (auto [name, value] : request.query()) response.headers.push_back({"x-query", std::string(name)});
  response.cookies.emplace_back(request.cookie("a").value_or("b"));
  response.headers.push_back({"x-param", std::string(request.param("id")).append(request.param("rest"))});
  (void)request.json<std::vector<int>>();
  (void)request.event<json::Raw>();
  return response;
}

// Apart: Clang 14 destroys the temporaries of a static's initializer at each call.
http::Routes make_routes() {
  return http::routes(http::get("/{id}", mirror), http::get("/a/b", mirror), http::any("/a/{rest+}", mirror),
                      http::any("/{id}/{rest+}", mirror), http::any("$default", mirror));
}

// Reads all of it.
json::Status walk(json::Value& value) {
  std::string_view text;
  switch (value.kind()) {
    case json::Kind::object: return value.each_field([](std::string_view, json::Value& inner) { return walk(inner); });
    case json::Kind::array: return value.each_element([](json::Value& inner) { return walk(inner); });
    default: return value.raw(text);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static auto routes = make_routes();
  static mayfly::runtime::EventForm<http::Request> form;
  mayfly::Context context({});
  std::string_view text(reinterpret_cast<const char*>(bytes), size);
  auto request = form.read({text, size, context});
  if (!request) {
    FUZZ_CHECK(request.error().type == "Runtime.UnmarshalError" && request.error().message.starts_with('$'));
    return 0;
  }
  FUZZ_CHECK(request->source_ip().size() <= size);
  auto response = routes(*request, context);
  FUZZ_CHECK(response);
  std::string out;
  mayfly::runtime::ResultForm<http::Response> writer;
  if (auto written = writer.write(*response, *request, out); !written) {
    FUZZ_CHECK(written.error().type == "Runtime.MarshalError" && !written.error().message.empty());
    return 0;
  }
  json::Document document;
  auto root = document.parse(out);
  FUZZ_CHECK(root && walk(*root) == json::Status::ok && document.at_end());
  return 0;
}
