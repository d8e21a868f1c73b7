// A response that is sent while the handler still makes it.
//
// The request is in chunks, and what goes wrong behind the first byte is told in
// its trailers [A]. Nothing is sent before there is something to send, so that a
// handler that fails first has an error like any other, and head and first bytes
// go out in one write. There is no buffer here: write() returns when the kernel
// has the bytes, which is when Lambda takes them.
//
// A stream cannot be sent twice. What fails here costs this one response; whether
// the Runtime API is still there, `next` finds out.
//
// [A] AWS Lambda Developer Guide, "Building a custom runtime", Response streaming
//     with a custom runtime, read 2026-11. It asks to close the connection
//     behind a stream; AWS's own clients keep it, as is done here when Lambda does.

#pragma once

#include <string>
#include <string_view>

#include "core/failure.h"
#include "core/http_connection.h"

namespace mayfly::runtime {

class ResponseStream {
 public:
  // `head`: of the request, up to its framing, and `verdict` where the answer to
  // it goes; all three outlive this.
  ResponseStream(core::HttpConnection& connection, const core::HttpAnswer& verdict, std::string& head);
  ResponseStream(ResponseStream&&) = default;

  // Something was sent, or tried to be.
  bool begun() const { return begun_; }

  // Waits as long as Lambda, or the caller behind it, is slower.
  // Errors: Lambda wants no more of it, or the connection is gone; from then on
  // all calls have this error, and the handler should end.
  core::Outcome<void> write(std::string_view bytes);

  // The end, without and with an error behind what was written. What Lambda
  // says to it is logged unless it is yes.
  void end();
  void fail(std::string_view error_type, std::string_view error_json);

 private:
  core::Outcome<void> send(std::string_view size_line, std::string_view bytes, std::string_view end);
  void finish(std::string_view last_chunk);
  core::Outcome<void> verdict();

  core::HttpConnection& connection_;
  const core::HttpAnswer& answer_;
  std::string& head_;
  bool begun_ = false;
  core::Outcome<void> state_;
};

}  // namespace mayfly::runtime
