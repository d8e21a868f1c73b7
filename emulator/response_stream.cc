#include "emulator/response_stream.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace mayfly::emulator {

namespace asio = boost::asio;
using TimePoint = asio::steady_timer::time_point;

ResponseStream::ResponseStream(asio::io_context& io, bool throttled)
    : readable_(io, TimePoint::max()), writable_(io, TimePoint::max()) {
  if (throttled) bandwidth_.emplace(Bandwidth::Clock::now());
}

asio::awaitable<bool> ResponseStream::write(std::string_view part) {
  boost::system::error_code ignored;
  while (!part.empty() && !end_ && !abandoned_) {
    auto size = std::min(part.size(), kMaxWaitingBytes - waiting_.size());
    auto patience = TimePoint::max();
    if (size > 0 && bandwidth_) {
      size = bandwidth_->take(Bandwidth::Clock::now(), size);
      patience = bandwidth_->next_grant();
    }
    if (size > 0) {
      waiting_ += part.substr(0, size);
      part.remove_prefix(size);
      readable_.cancel();
    } else {
      writable_.expires_at(patience);
      co_await writable_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
  }
  co_return !end_;
}

void ResponseStream::end(Answer how) {
  if (!end_) end_ = std::move(how);
  readable_.cancel();
  writable_.cancel();
}

asio::awaitable<std::string_view> ResponseStream::read() {
  boost::system::error_code ignored;
  in_hand_.clear();
  while (waiting_.empty() && !end_) {
    co_await readable_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  std::swap(in_hand_, waiting_);
  writable_.cancel();
  co_return in_hand_;
}

void ResponseStream::abandon() {
  abandoned_ = true;
  waiting_ = {};
  writable_.cancel();
}

}  // namespace mayfly::emulator
