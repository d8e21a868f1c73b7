// A micro-service of 20 lines: notes, kept as long as the environment lives.

#include <mayfly/http.h>

namespace http = mayfly::http;

struct Note {
  std::string text;
};
std::vector<Note> notes;

http::Response add(const http::Request& request) {
  auto note = request.json<Note>();
  if (!note) return note.error();  // 400, and what is wrong with it
  notes.push_back(*note);
  return http::json(*note, 201);
}
std::string greet(const http::Request& request) { return "hello " + std::string(request.param("name")); }

int main() {
  return mayfly::run(http::routes(http::get("/notes", [] { return notes; }), http::post("/notes", add),
                                  http::get("/hello/{name}", greet)));
}
