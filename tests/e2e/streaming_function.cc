// Functions that stream, chosen by _HANDLER:
//
//   parts   {"parts":["a","b"],"then":"Type"}: each part at once, then an error of that type
//   steps   {"bytes":n}: so many bytes 0, 1, 2 ..., in pieces of 64 KiB; says on standard
//           output how many were taken, and the most memory the process ever had
//   page    an HTTP page; "/empty" has no body, "/late" breaks off

#include <mayfly/http.h>
#include <mayfly/runtime.h>
#include <mayfly/stream.h>

#include <sys/resource.h>
#include <cstdio>

namespace {

struct Parts {
  std::vector<std::string_view> parts;
  std::optional<std::string> then;
};

mayfly::Result<void> parts(const Parts& event, mayfly::Writer& out) {
  out.content_type("text/plain");
  for (auto part : event.parts) {
    if (auto written = out.write(part); !written) return written;
  }
  if (event.then) return mayfly::unexpected(mayfly::Error(*event.then, "behind " + std::to_string(event.parts.size())));
  return {};
}

struct Steps {
  std::size_t bytes;
};

void steps(const Steps& event, mayfly::Context& context, mayfly::Writer& out) {
  std::string piece(64 * 1024, '\0');
  for (std::size_t i = 0; i < piece.size(); ++i) piece[i] = static_cast<char>(i);
  std::size_t taken = 0;
  while (out && taken < event.bytes) {
    auto part = std::string_view(piece).substr(0, event.bytes - taken);
    if (out << part) taken += part.size();
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("%s took %zu of %zu, %ld kB\n", std::string(context.request_id()).c_str(), taken, event.bytes,
              usage.ru_maxrss);
}

void page(const mayfly::http::Request& request, mayfly::http::Writer& out) {
  if (request.path() == "/broken") throw mayfly::Error("Page.Broken", "before the head");
  out.head({.status = request.path() == "/empty" ? 404 : 200,
            .headers = {{"Content-Type", "text/html"}, {"X-Path", std::string(request.path())}},
            .cookies = {"a=1", "b=2"}});
  if (request.path() == "/empty") return;
  out << "<p>" << request.path();
  if (request.path() == "/late") throw mayfly::Error("Page.Late", "in the middle");
  out << "</p>";
}

}  // namespace

int main() { return mayfly::run({{"parts", parts}, {"steps", steps}, {"page", page}}); }
