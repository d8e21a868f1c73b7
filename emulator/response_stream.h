// A function's response on its way to the caller, in parts: the pipe between the
// coroutine that reads what the runtime posts and the one that writes to the
// caller. It holds little, so that a response of any size takes no more memory;
// who is faster waits for the other.
//
// A caller who goes away does not stop the function, as on Lambda: what it still
// writes is thrown away.
//
// One writer and one reader, both on the io_context's thread, each holding the
// stream by shared_ptr.

#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "emulator/bandwidth.h"
#include "emulator/invocation.h"

namespace mayfly::emulator {

class ResponseStream {
 public:
  // What may wait to be read, beside what the reader has in hand.
  static constexpr std::size_t kMaxWaitingBytes = 128 * 1024;

  // `throttled`: no faster than Lambda.
  ResponseStream(boost::asio::io_context& io, bool throttled);

  // Returns when all of it is in the pipe, or was thrown away. False: the stream
  // has ended meanwhile.
  boost::asio::awaitable<bool> write(std::string_view part);
  // How it ended: error type, error JSON as payload, log tail, aborted. The first
  // call counts; what waits is still read.
  void end(Answer how);

  // What has come since the last call, up to kMaxWaitingBytes, once there is
  // something; valid until the next call. Empty: the end.
  boost::asio::awaitable<std::string_view> read();
  const Answer& how_it_ended() const { return *end_; }
  // Nobody reads any more.
  void abandon();

 private:
  std::string waiting_;
  std::string in_hand_;
  std::optional<Bandwidth> bandwidth_;
  std::optional<Answer> end_;
  bool abandoned_ = false;
  boost::asio::steady_timer readable_;
  boost::asio::steady_timer writable_;
};

}  // namespace mayfly::emulator
