#include "core/http_answer.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>

namespace mayfly::core {
namespace {

constexpr std::size_t kFirstCapacity = 16 * 1024;
// A chunk-size line with its extensions; the service sends none.
constexpr std::size_t kMaxChunkLine = 256;

unexpected<Failure> broken(std::string what) { return fail(Errc::protocol, "HTTP answer: " + std::move(what)); }

std::string_view trim_end(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  return trim_end(text);
}

bool equals_ignoring_case(std::string_view a, std::string_view b) { return same_field_name(a, b); }

// Digits only: from_chars accepts a leading '-' for signed types, and HTTP none.
bool parse_size(std::string_view digits, int base, std::size_t& out) {
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out, base);
  return error == std::errc{} && end == digits.data() + digits.size();
}

}  // namespace

void HttpAnswer::clear() {
  size_ = scanned_ = head_begin_ = body_begin_ = body_size_ = body_expected_ = chunk_at_ = 0;
  part_ = Part::head;
  keep_alive_ = true;
  closes_ = http_1_0_ = chunked_ = has_length_ = answers_connect_ = false;
  status_ = 0;
  field_count_ = 0;
}

void HttpAnswer::reserve(std::size_t bytes) {
  if (bytes + kPadding <= capacity_) return;
  std::size_t capacity = std::max(bytes + kPadding, kFirstCapacity);
  auto grown = std::make_unique_for_overwrite<char[]>(capacity);
  if (size_ > 0) std::memcpy(grown.get(), data_.get(), size_);
  data_ = std::move(grown);
  capacity_ = capacity;
}

std::span<char> HttpAnswer::space() {
  if (size_ + kPadding >= capacity_) reserve(std::max(size_ * 2, std::size_t{1}));
  return {data_.get() + size_, capacity_ - kPadding - size_};
}

Outcome<bool> HttpAnswer::feed(std::size_t n) {
  size_ += n;
  if (n == 0) {
    if (part_ == Part::body_until_close) {
      part_ = Part::complete;
      body_size_ = size_ - body_begin_;
      return true;
    }
    if (size_ == 0) return fail(Errc::unanswered, "the peer closed the connection without an answer");
    return fail(Errc::cut, "the peer closed the connection in the middle of an answer");
  }
  switch (part_) {
    case Part::head: return read_head();
    case Part::sized_body: return read_sized_body();
    case Part::chunked_body: return read_chunks();
    case Part::body_until_close: return read_until_close();
    case Part::complete: break;
  }
  return broken("bytes behind the end of the answer");
}

Outcome<bool> HttpAnswer::read_head() {
  for (;;) {
    std::string_view received(data_.get(), size_);
    auto end = received.find("\r\n\r\n", scanned_);
    // Counted from the first byte, so that 1xx answers without end are no way around the limit.
    if (end == received.npos ? size_ >= kMaxHeadBytes : end + 4 > kMaxHeadBytes) {
      return broken("the head is over " + std::to_string(kMaxHeadBytes) + " bytes");
    }
    if (end == received.npos) {
      scanned_ = std::max(head_begin_, size_ < 3 ? 0 : size_ - 3);
      return false;
    }
    std::string_view head = received.substr(head_begin_, end - head_begin_);
    bool first = true;
    while (first || !head.empty()) {
      auto line = head.substr(0, head.find("\r\n"));
      auto read = first ? read_status_line(line) : read_field(line);
      if (!read) return unexpected(read.error());
      head.remove_prefix(std::min(line.size() + 2, head.size()));
      first = false;
    }
    body_begin_ = end + 4;
    if (status_ >= 200) return begin_body();
    // 1xx: the real answer follows.
    head_begin_ = scanned_ = body_begin_;
    field_count_ = 0;
    chunked_ = has_length_ = false;
  }
}

Outcome<void> HttpAnswer::read_status_line(std::string_view line) {
  // "HTTP/1.1 200 OK"; the reason may be empty, and so may its space.
  if (line.size() < 12 || !line.starts_with("HTTP/1.") || (line[7] != '0' && line[7] != '1') || line[8] != ' ' ||
      (line.size() > 12 && line[12] != ' ')) {
    return broken("no HTTP/1.1 status line");
  }
  std::size_t status = 0;
  if (!parse_size(line.substr(9, 3), 10, status) || status < 100 || status > 599) return broken("no valid status code");
  if (!is_field_value(line)) return broken("a control character in the status line");
  http_1_0_ = line[7] == '0';
  keep_alive_ = !http_1_0_;
  closes_ = false;
  body_expected_ = 0;
  status_ = static_cast<int>(status);
  return {};
}

Outcome<void> HttpAnswer::read_field(std::string_view line) {
  auto colon = line.find(':');
  if (colon == line.npos || !is_token(line.substr(0, colon))) return broken("a header field without a valid name");
  auto name = line.substr(0, colon);
  auto value = trim(line.substr(colon + 1));
  if (!is_field_value(value)) return broken("a control character in the field " + std::string(name));
  if (field_count_ == kMaxFields) return broken("more than " + std::to_string(kMaxFields) + " header fields");
  auto slice = [&](std::string_view part) {
    return Slice{static_cast<std::uint32_t>(part.data() - data_.get()), static_cast<std::uint32_t>(part.size())};
  };
  fields_[field_count_++] = {slice(name), slice(value)};

  if (equals_ignoring_case(name, "Content-Length")) {
    std::size_t length = 0;
    if (!parse_size(value, 10, length)) return broken("Content-Length '" + std::string(value) + "' is no number");
    if (has_length_ && length != body_expected_) return broken("two different Content-Length fields");
    has_length_ = true;
    body_expected_ = length;
  } else if (equals_ignoring_case(name, "Transfer-Encoding")) {
    if (chunked_ || !equals_ignoring_case(value, "chunked")) return broken("a Transfer-Encoding other than chunked");
    chunked_ = true;
  } else if (equals_ignoring_case(name, "Connection")) {
    read_connection_options(value);
  }
  return {};
}

// A comma-separated list; `close` wins over whatever stands beside it.
void HttpAnswer::read_connection_options(std::string_view list) {
  while (!list.empty()) {
    auto comma = std::min(list.find(','), list.size());
    auto option = trim(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
    if (equals_ignoring_case(option, "close")) closes_ = true;
    if (equals_ignoring_case(option, "keep-alive")) keep_alive_ = true;
  }
}

Outcome<bool> HttpAnswer::begin_body() {
  if (chunked_ && has_length_) return broken("both Content-Length and Transfer-Encoding");
  if (chunked_ && http_1_0_) return broken("Transfer-Encoding in an HTTP/1.0 answer");
  if (closes_) keep_alive_ = false;
  // RFC 9110, section 9.3.6: its Content-Length or Transfer-Encoding means nothing.
  if (answers_connect_ && status_ < 300) {
    if (size_ > body_begin_) return broken("bytes in a tunnel before anything was sent into it");
    part_ = Part::complete;
    return true;
  }
  if (status_ == 204 || status_ == 304) {
    // A body all the same would be taken for the next answer.
    if (size_ > body_begin_ || chunked_ || body_expected_ > 0) keep_alive_ = false;
    part_ = Part::complete;
    return true;
  }
  if (chunked_) {
    part_ = Part::chunked_body;
    chunk_at_ = body_begin_;
    return size_ > body_begin_ ? read_chunks() : Outcome<bool>(false);
  }
  if (!has_length_) {
    part_ = Part::body_until_close;
    keep_alive_ = false;
    return read_until_close();
  }
  if (body_expected_ > max_body_bytes_) {
    return broken("a body of " + std::to_string(body_expected_) + " bytes is over the limit of " +
                  std::to_string(max_body_bytes_));
  }
  part_ = Part::sized_body;
  reserve(body_begin_ + body_expected_);
  return read_sized_body();
}

Outcome<bool> HttpAnswer::read_sized_body() {
  if (size_ - body_begin_ < body_expected_) return false;
  // What lies behind belongs to no request of ours: the connection is spoilt.
  if (size_ - body_begin_ > body_expected_) keep_alive_ = false;
  body_size_ = body_expected_;
  part_ = Part::complete;
  return true;
}

Outcome<bool> HttpAnswer::read_until_close() {
  if (size_ - body_begin_ > max_body_bytes_)
    return broken("the body is over " + std::to_string(max_body_bytes_) + " bytes");
  return false;
}

// Moves each chunk down over its size line, so that the body ends up in one piece.
Outcome<bool> HttpAnswer::read_chunks() {
  for (;;) {
    std::string_view rest(data_.get() + chunk_at_, size_ - chunk_at_);
    auto line_end = rest.find("\r\n");
    if (line_end == rest.npos ? rest.size() > kMaxChunkLine + 1 : line_end > kMaxChunkLine) {
      return broken("a chunk size line over " + std::to_string(kMaxChunkLine) + " bytes");
    }
    if (line_end == rest.npos) break;
    auto line = rest.substr(0, line_end);
    std::size_t chunk = 0;
    if (!parse_size(trim_end(line.substr(0, line.find(';'))), 16, chunk) || !is_field_value(line)) {
      return broken("a chunk without a valid size");
    }
    if (chunk == 0) return read_trailers(chunk_at_ + line_end);
    if (chunk > max_body_bytes_ - body_size_) {
      return broken("the body is over " + std::to_string(max_body_bytes_) + " bytes");
    }
    std::size_t data_at = line_end + 2;
    if (rest.size() < data_at + chunk + 2) {
      close_gap();
      reserve(chunk_at_ + data_at + chunk + 2);
      return false;
    }
    if (rest.substr(data_at + chunk, 2) != "\r\n") return broken("a chunk that does not end where its size says");
    std::memmove(data_.get() + body_begin_ + body_size_, data_.get() + chunk_at_ + data_at, chunk);
    body_size_ += chunk;
    chunk_at_ += data_at + chunk + 2;
  }
  close_gap();
  return false;
}

// Moves what is undecoded to the end of what is decoded. Without it, a body in
// small chunks with long extensions would take a buffer of many times its size.
void HttpAnswer::close_gap() {
  std::size_t decoded_end = body_begin_ + body_size_;
  if (chunk_at_ == decoded_end) return;
  std::size_t undecoded = size_ - chunk_at_;
  std::memmove(data_.get() + decoded_end, data_.get() + chunk_at_, undecoded);
  chunk_at_ = decoded_end;
  size_ = decoded_end + undecoded;
}

// Trailer fields carry nothing that is wanted here: they are checked and
// skipped. `begin` is where the line of the last chunk ends.
Outcome<bool> HttpAnswer::read_trailers(std::size_t begin) {
  std::string_view trailers(data_.get() + begin, size_ - begin);
  auto end = trailers.find("\r\n\r\n");
  if (end == trailers.npos ? trailers.size() >= kMaxHeadBytes : end + 4 > kMaxHeadBytes) {
    return broken("trailers over " + std::to_string(kMaxHeadBytes) + " bytes");
  }
  if (end == trailers.npos) return false;
  for (auto lines = trailers.substr(0, end); !lines.empty();) {
    lines.remove_prefix(2);
    auto line = lines.substr(0, lines.find("\r\n"));
    auto colon = line.find(':');
    if (colon == line.npos || !is_token(line.substr(0, colon)) || !is_field_value(line)) {
      return broken("a trailer field that is none");
    }
    lines.remove_prefix(line.size());
  }
  if (begin + end + 4 != size_) keep_alive_ = false;
  part_ = Part::complete;
  return true;
}

HttpField HttpAnswer::field(std::size_t i) const { return {text(fields_[i].first), text(fields_[i].second)}; }

std::string_view HttpAnswer::field(std::string_view name) const {
  for (std::size_t i = 0; i < field_count_; ++i) {
    if (same_field_name(text(fields_[i].first), name)) return text(fields_[i].second);
  }
  return {};
}

}  // namespace mayfly::core
