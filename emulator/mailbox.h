// Where a handler of a long poll waits for what the lifecycle hands out. One
// value, one taker: a client that asks again has lost its former connection, so
// a new taker displaces the old one, which gets nothing.

#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <optional>
#include <utility>

namespace mayfly::emulator {

// Held by shared_ptr: by its owner and, while it waits, by the taker.
template <class T>
class Mailbox {
 public:
  explicit Mailbox(boost::asio::io_context& io) : io_(io) {}

  void put(T value) {
    value_ = std::move(value);
    wake();
  }

  // What a taker would get at once; null: nothing yet.
  const T* peek() const { return value_ ? &*value_ : nullptr; }

  // Every taker, now and later, gets nothing.
  void close() {
    closed_ = true;
    wake();
  }

  boost::asio::awaitable<std::optional<T>> take() {
    wake();
    auto mine = std::make_shared<boost::asio::steady_timer>(io_, boost::asio::steady_timer::time_point::max());
    taker_ = mine;
    boost::system::error_code ignored;
    while (!closed_ && taker_ == mine && !value_) {
      co_await mine->async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    }
    if (closed_ || taker_ != mine) co_return std::nullopt;
    taker_.reset();
    co_return std::exchange(value_, std::nullopt);
  }

 private:
  void wake() {
    if (taker_) taker_->cancel();
  }

  boost::asio::io_context& io_;
  std::optional<T> value_;
  std::shared_ptr<boost::asio::steady_timer> taker_;
  bool closed_ = false;
};

}  // namespace mayfly::emulator
