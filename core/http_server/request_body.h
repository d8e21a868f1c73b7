// Where the body of a request lies among the bytes of its connection, found as
// they arrive: counted by Content-Length, or in chunks with trailers behind them
// (RFC 9112, section 7.1). As strict as head_problem() about heads, and for the
// same reason; Beast would let chunk lines and trailers grow without a limit and
// mix the trailers into the head. Knows no Boost, to be fuzzed by itself.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mayfly::core {

class RequestBody {
 public:
  static constexpr std::size_t kMaxTrailers = 64;
  static constexpr std::size_t kMaxChunkLineBytes = 4 * 1024;  // size and extensions

  RequestBody() = default;  // of a request that has none
  explicit RequestBody(std::uint64_t length) : left_(length), state_(length > 0 ? State::sized : State::done) {}
  // In chunks, with at most so many bytes of trailers.
  static RequestBody chunked(std::size_t max_trailer_bytes);

  // What lies at the front of `received`: its first `used` bytes, the last of
  // which are `bytes` of the body. To be called again with what follows them,
  // more bytes when `bytes` is empty, until done() or broken().
  struct Step {
    std::size_t used = 0;
    std::string_view bytes;
  };
  Step next(std::string_view received);

  bool done() const { return state_ == State::done; }
  bool broken() const { return state_ == State::broken; }  // no body; where it ends cannot be told
  // What a Content-Length says is still to come.
  std::optional<std::uint64_t> counted() const { return state_ == State::sized ? std::optional(left_) : std::nullopt; }
  // `size` of them were taken without next().
  void skip(std::size_t size);

  // The first trailer of that name, without case; empty when there is none. Once done().
  std::string_view trailer(std::string_view name) const;

 private:
  enum class State : std::uint8_t { done, broken, sized, chunk_line, chunk, chunk_end, trailers };

  std::optional<std::string_view> take_line(std::string_view received, std::size_t max_bytes);
  void read_chunk_line(std::string_view line);
  void read_trailer(std::string_view line);

  std::uint64_t left_ = 0;  // of the body, or of the chunk
  State state_ = State::done;
  std::size_t searched_ = 0;  // bytes at the front without the end of a line
  std::size_t trailer_room_ = 0;
  std::vector<std::pair<std::string, std::string>> trailers_;
};

}  // namespace mayfly::core
