// A streamed response over HTTP: status and headers, and then the body as it is made.
//
//   void page(const mayfly::http::Request& request, mayfly::http::Writer& out) {
//     out.head({.status = 200, .headers = {{"content-type", "text/html"}}});
//     out << "<!doctype html>";
//   }
//
// For functions behind a function URL of mode RESPONSE_STREAM, or a REST API that
// streams: any other caller sees the head as bytes in front of the body. Lambda is
// sent the head together with the first bytes of the body, or at the end when there
// are none. Until then a failure is an error like any other; behind it, the reader
// sees only that the body breaks off.

#pragma once

#include <mayfly/http/response.h>
#include <mayfly/stream.h>

namespace mayfly::http {

class Writer : public mayfly::Writer {
 public:
  explicit Writer(runtime::ResponseSink& sink);

  // Status, headers and cookies of `response`, whose body is not looked at; 200 and no
  // headers when it is not called. Throws std::logic_error behind the first write,
  // and the mayfly::Error of a Response that cannot be sent.
  void head(const Response& response);
};

}  // namespace mayfly::http

namespace mayfly::runtime {
template <>
inline constexpr bool is_writer<http::Writer> = true;
}  // namespace mayfly::runtime
