// A strict, incremental reader of HTTP/1.1 answers.
//
// It is fed whatever bytes a socket yields and keeps head and body in one
// buffer that survives from answer to answer, so that reading an event costs no
// allocation once the buffer has grown to the size of the largest one. Behind
// the body stay kPadding readable bytes: simdjson parses it in place.
//
// Strict, because lenient readers disagree with one another about where a
// message ends, and that is how answers get mixed up: both Content-Length and
// Transfer-Encoding, two different lengths, folded lines, a space before the
// colon, bare CR or LF, NUL, signs in numbers, more than 64 fields or a head
// over 16 KiB end the conversation (RFC 9112, sections 2.2, 5 and 6).

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "core/failure.h"
#include "core/http_field.h"

namespace mayfly::core {

class HttpAnswer {
 public:
  static constexpr std::size_t kPadding = 64;
  static constexpr std::size_t kMaxHeadBytes = 16 * 1024;
  static constexpr std::size_t kMaxFields = 64;

  // Bodies over `max_body_bytes` fail with Errc::protocol before their bytes
  // are stored.
  explicit HttpAnswer(std::size_t max_body_bytes) : max_body_bytes_(max_body_bytes) {}

  // Forgets the answer read before; views into it are dead from here on.
  void clear();

  // Room for the next bytes, never empty while the answer is incomplete.
  std::span<char> space();
  // `n` bytes were written to space(); 0 means that the peer has closed.
  // Returns true once the answer is complete. After a failure only clear() may
  // follow. Errors: Errc::protocol; Errc::unanswered when the peer closed
  // before any byte; Errc::cut when it closed later.
  Outcome<bool> feed(std::size_t n);

  // Some byte of the answer has arrived.
  bool started() const { return size_ > 0; }

  // After clear(): this one answers CONNECT, and behind the head of a 2xx begins
  // the tunnel.
  void answers_connect() { answers_connect_ = true; }

  // Valid once feed() has returned true, until clear().
  int status() const { return status_; }
  std::size_t field_count() const { return field_count_; }
  HttpField field(std::size_t i) const;
  // The first field of that name; an empty view when there is none.
  std::string_view field(std::string_view name) const;
  std::string_view body() const { return {data_.get() + body_begin_, body_size_}; }
  // How many bytes may be read from body().data(): the body and the padding.
  std::size_t body_capacity() const { return capacity_ - body_begin_; }
  // The connection can carry another request.
  bool keep_alive() const { return keep_alive_; }

 private:
  enum class Part : std::uint8_t { head, sized_body, chunked_body, body_until_close, complete };
  struct Slice {
    std::uint32_t begin, size;
  };

  void reserve(std::size_t bytes);
  Outcome<bool> read_head();
  Outcome<void> read_status_line(std::string_view line);
  Outcome<void> read_field(std::string_view line);
  void read_connection_options(std::string_view list);
  Outcome<bool> begin_body();
  Outcome<bool> read_sized_body();
  Outcome<bool> read_until_close();
  Outcome<bool> read_chunks();
  Outcome<bool> read_trailers(std::size_t begin);
  void close_gap();
  std::string_view text(Slice s) const { return {data_.get() + s.begin, s.size}; }

  const std::size_t max_body_bytes_;
  std::unique_ptr<char[]> data_;
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;  // bytes received and kept

  Part part_ = Part::head;
  std::size_t scanned_ = 0;     // head: bytes already searched for its end
  std::size_t head_begin_ = 0;  // behind any 1xx answers
  std::size_t body_begin_ = 0;
  std::size_t body_size_ = 0;      // chunked: what has been decoded so far
  std::size_t body_expected_ = 0;  // sized bodies only
  std::size_t chunk_at_ = 0;       // chunked: next undecoded byte
  bool keep_alive_ = true;
  bool closes_ = false;  // the peer said "Connection: close"
  bool http_1_0_ = false;
  bool chunked_ = false;
  bool has_length_ = false;
  bool answers_connect_ = false;
  int status_ = 0;
  std::size_t field_count_ = 0;
  std::array<std::pair<Slice, Slice>, kMaxFields> fields_;
};

}  // namespace mayfly::core
