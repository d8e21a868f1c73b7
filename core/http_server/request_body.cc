#include "core/http_server/request_body.h"

#include <algorithm>
#include <charconv>

#include "core/http_field.h"
#include "core/http_server/request_head.h"

namespace mayfly::core {

RequestBody RequestBody::chunked(std::size_t max_trailer_bytes) {
  RequestBody body;
  body.state_ = State::chunk_line;
  body.trailer_room_ = max_trailer_bytes;
  return body;
}

RequestBody::Step RequestBody::next(std::string_view received) {
  Step step;
  for (;;) {
    auto rest = received.substr(step.used);
    switch (state_) {
      case State::done:
      case State::broken: return step;
      case State::sized:
      case State::chunk: {
        auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, rest.size()));
        if (size == 0) return step;
        step.bytes = rest.substr(0, size);
        step.used += size;
        skip(size);
        return step;
      }
      case State::chunk_line:
      case State::chunk_end:
      case State::trailers: {
        std::size_t limit = state_ == State::chunk_line ? kMaxChunkLineBytes
                            : state_ == State::trailers ? trailer_room_
                                                        : 2;
        auto line = take_line(rest, limit);
        if (!line) return step;
        step.used += line->size() + 2;
        if (state_ == State::chunk_line) {
          read_chunk_line(*line);
        } else if (state_ == State::trailers) {
          read_trailer(*line);
        } else {
          state_ = line->empty() ? State::chunk_line : State::broken;
        }
      }
    }
  }
}

void RequestBody::skip(std::size_t size) {
  left_ -= size;
  if (left_ == 0) state_ = state_ == State::sized ? State::done : State::chunk_end;
}

// The line at the front without its CR LF. None: it is incomplete, or too long or
// not ended as it must be, and the body broken.
std::optional<std::string_view> RequestBody::take_line(std::string_view received, std::size_t max_bytes) {
  auto end = received.find('\n', searched_);
  searched_ = end == received.npos ? received.size() : 0;
  auto size = end == received.npos ? received.size() : end + 1;
  if (size > max_bytes || (end != received.npos && (end == 0 || received[end - 1] != '\r'))) state_ = State::broken;
  if (end == received.npos || broken()) return std::nullopt;
  return received.substr(0, end - 1);
}

void RequestBody::read_chunk_line(std::string_view line) {
  auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), left_, 16);
  auto extensions = line.substr(static_cast<std::size_t>(end - line.data()));
  while (extensions.starts_with(' ') || extensions.starts_with('\t')) extensions.remove_prefix(1);
  // from_chars takes no sign of an unsigned number, and no "0x".
  bool sound = error == std::errc() && (extensions.empty() || extensions.starts_with(';')) && is_field_value(line);
  state_ = !sound ? State::broken : left_ == 0 ? State::trailers : State::chunk;
}

void RequestBody::read_trailer(std::string_view line) {
  trailer_room_ -= line.size() + 2;
  if (line.empty()) {
    state_ = State::done;
    return;
  }
  auto colon = line.find(':');
  auto name = line.substr(0, colon);
  // What says where a message ends, or to whom it goes, comes too late here.
  bool too_late = same_field_name(name, "Content-Length") || same_field_name(name, "Transfer-Encoding") ||
                  same_field_name(name, "Host");
  if (trailers_.size() == kMaxTrailers || !field_problem(line).empty() || too_late) {
    state_ = State::broken;
    return;
  }
  trailers_.emplace_back(name, trim_field(line.substr(colon + 1)));
}

std::string_view RequestBody::trailer(std::string_view name) const {
  auto found =
      std::ranges::find_if(trailers_, [&](const auto& trailer) { return same_field_name(trailer.first, name); });
  return found == trailers_.end() ? std::string_view() : found->second;
}

}  // namespace mayfly::core
