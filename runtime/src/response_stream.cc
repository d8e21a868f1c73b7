#include "runtime/src/response_stream.h"

#include <charconv>
#include <utility>

#include <mayfly/log.h>

#include "core/http_field.h"
#include "runtime/src/error_trailers.h"

namespace mayfly::runtime {

using core::Errc;
using core::Outcome;

ResponseStream::ResponseStream(core::HttpConnection& connection, const core::HttpAnswer& verdict, std::string& head)
    : connection_(connection), answer_(verdict), head_(head) {
  core::append_field(head_, "Lambda-Runtime-Function-Response-Mode", "streaming");
  core::append_field(head_, "Transfer-Encoding", "chunked");
  core::append_field(head_, "Trailer", kErrorTrailers);
  head_ += "\r\n";
}

Outcome<void> ResponseStream::write(std::string_view bytes) {
  // An empty chunk would be the end.
  if (bytes.empty() || !state_) return state_;
  char line[20];
  auto end = std::to_chars(line, line + sizeof line - 2, bytes.size(), 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  state_ = send({line, end}, bytes, "\r\n");
  return state_;
}

void ResponseStream::end() { finish("0\r\n\r\n"); }

void ResponseStream::fail(std::string_view error_type, std::string_view error_json) {
  finish("0\r\n" + error_trailers(error_type, error_json) + "\r\n");
}

void ResponseStream::finish(std::string_view last_chunk) {
  if (state_) state_ = send(last_chunk, {}, {});
  if (state_) state_ = verdict();
  if (!state_) log.warn("a streamed response did not reach its end", {{"reason", state_.error().message}});
}

Outcome<void> ResponseStream::send(std::string_view size_line, std::string_view bytes, std::string_view end) {
  if (!std::exchange(begun_, true)) {
    if (connection_.is_stale()) connection_.close();  // the last chance for a fresh one
    head_ += size_line;
    return connection_.send({head_, bytes, end}, core::Deadline::never());
  }
  auto sent = connection_.send_more({size_line, bytes, end}, core::Deadline::never());
  if (!sent) return unexpected(std::move(sent).error());
  if (*sent) return {};
  if (auto said = verdict(); !said) return said;
  return core::fail(Errc::refused, "Lambda has ended the response before its end");
}

Outcome<void> ResponseStream::verdict() {
  if (auto answer = connection_.receive(core::Deadline::never()); !answer) return unexpected(std::move(answer).error());
  if (answer_.status() < 300) return {};
  return core::fail(Errc::refused, "HTTP status " + std::to_string(answer_.status()));
}

}  // namespace mayfly::runtime
