// A response that goes to its reader while the handler still makes it:
//
//   #include <mayfly/runtime.h>
//   #include <mayfly/stream.h>
//
//   void rows(const Query& query, mayfly::Writer& out) {
//     out.content_type("text/csv");
//     for (const Row& row : select(query)) out << row.name << ',' << row.price << '\n';
//   }
//   int main() { return mayfly::run(rows); }
//
// Lambda passes a stream on as it comes when it was called for one
// (InvokeWithResponseStream, a function URL of mode RESPONSE_STREAM), and else
// gives it to the caller in one piece. It takes up to 200 MB, the first 6 MB at
// full speed and then 2 MB/s [A]; a write waits as long as Lambda does. Nothing
// of the response is kept here.
//
// A function behind a URL takes an http::Writer& instead, for status and headers:
// <mayfly/http/writer.h>.
//
// An exception, or an error in the handler's Result: before anything was written
// it is an error like that of any function; afterwards it follows what was
// written, and InvokeWithResponseStream ends with it. Over a URL nobody sees it.
//
// When nobody wants the rest (the invocation timed out, or Lambda has refused the
// response), writing gives an error and does nothing more. It is up to the
// handler to stop; what it returns then only reaches the log. Lambda does not end
// a function whose caller has left: it reads on.
//
// [A] AWS Lambda Developer Guide, "Response streaming for Lambda functions", read
//     2026-11.

#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <mayfly/result.h>
#include <mayfly/runtime/handler.h>

namespace mayfly {

// Thread-safety: one thread at a time. Lives as long as the handler runs.
class Writer {
 public:
  explicit Writer(runtime::ResponseSink& sink) : sink_(sink) {}
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // Of the whole response, before the first byte: "application/octet-stream" when
  // not given. Throws std::logic_error when something was sent already, and for
  // an http::Writer, whose head has it.
  void content_type(std::string_view type);

  // From here on, writes are gathered until there are at least so many bytes, and
  // sent together, at the end at the latest. 0, as at the beginning: each write is
  // sent at once, which is a chunk and a system call. What is gathered when the
  // handler fails is dropped. Allocates up to `bytes` and one write.
  void gather(std::size_t bytes) { gather_ = bytes; }

  // Returns when Lambda has taken the bytes. Errors: Runtime.ResponseStreamClosed,
  // from then on for each call.
  Result<void> write(std::string_view bytes);
  Result<void> write(std::span<const std::byte> bytes) {
    return write(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }
  // Sends what is gathered.
  Result<void> flush();

  // The same without a result: `while (out << next_row()) {}` ends with the reader.
  Writer& operator<<(std::string_view bytes) {
    static_cast<void>(write(bytes));
    return *this;
  }
  Writer& operator<<(char c) { return *this << std::string_view(&c, 1); }
  // False after an error of any call before.
  explicit operator bool() const { return open_; }

  // The end of the response. mayfly::run() calls it behind the handler.
  void finish();

 protected:
  Result<void> send(std::string_view bytes);

  runtime::ResponseSink& sink_;
  std::string content_type_ = "application/octet-stream";
  std::string unsent_;
  std::size_t gather_ = 0;
  bool typed_ = false;    // content_type_ is not the handler's to choose
  bool written_ = false;  // something of the body, sent or not
  bool begun_ = false;
  bool open_ = true;
};

namespace runtime {
template <>
inline constexpr bool is_writer<mayfly::Writer> = true;
}  // namespace runtime

}  // namespace mayfly
