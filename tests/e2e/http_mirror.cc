// An HTTP function that sends back what it was sent.

#include <mayfly/http.h>

#include <string>

namespace http = mayfly::http;

namespace {

struct Seen {
  std::string method, path, id, query, cookie;
};

Seen look(const http::Request& request) {
  return {std::string(request.method()), std::string(request.path()), std::string(request.param("id")),
          std::string(request.query("q").value_or("none")), std::string(request.cookie("k").value_or("none"))};
}

http::Response mirror(const http::Request& request) {
  return {.headers = {{"content-type", std::string(request.header("content-type").value_or(""))},
                      {"x-many", "1"},
                      {"X-Many", "2"}},
          .body = std::string(request.body()),
          .cookies = {"a=1; HttpOnly", "b=2"}};
}

std::string bytes(const http::Request& request) {
  return std::string(std::stoul(std::string(request.param("count"))), '\xff');
}

}  // namespace

int main() {
  return mayfly::run(
      http::routes(http::any("/seen/{id}", look), http::post("/mirror", mirror), http::get("/bytes/{count}", bytes)));
}
