// The runtime's workers that wait in `next`, and the events that wait for one:
// first come, first served, one event to one worker.

#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "emulator/lifecycle/lifecycle.h"

namespace mayfly::emulator {

// Held by shared_ptr: by its owner and by the workers that wait.
class Workers {
 public:
  // At most so many wait. One more takes the place of the one that has waited
  // longest, which gets nothing: a runtime of one worker that asks again has lost
  // its former connection. Events likewise: the same one again replaces it.
  Workers(boost::asio::io_context& io, std::size_t most) : io_(io), most_(most) {}

  void put(RuntimeEvent event) {
    if (events_.size() == most_) events_.pop_front();
    events_.push_back(std::move(event));
    wake();
  }
  // Taken by a worker that had gone: the next one gets it.
  void put_back(RuntimeEvent event) {
    events_.push_front(std::move(event));
    wake();
  }

  // Every worker, now and later, gets nothing.
  void close() {
    closed_ = true;
    while (!waiting_.empty()) dismiss();
  }

  boost::asio::awaitable<std::optional<RuntimeEvent>> take() {
    if (closed_) co_return std::nullopt;
    if (waiting_.size() == most_) dismiss();
    auto mine = std::make_shared<Worker>(io_);
    waiting_.push_back(mine);
    boost::system::error_code ignored;
    while (!mine->dismissed && (events_.empty() || waiting_.front() != mine)) {
      co_await mine->woken.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    }
    if (mine->dismissed) co_return std::nullopt;
    std::optional<RuntimeEvent> event = std::move(events_.front());
    events_.pop_front();
    waiting_.pop_front();
    if (!events_.empty()) wake();
    co_return event;
  }

 private:
  struct Worker {
    explicit Worker(boost::asio::io_context& io) : woken(io, boost::asio::steady_timer::time_point::max()) {}
    boost::asio::steady_timer woken;
    bool dismissed = false;
  };

  void wake() {
    if (!waiting_.empty()) waiting_.front()->woken.cancel();
  }
  void dismiss() {
    waiting_.front()->dismissed = true;
    wake();
    waiting_.pop_front();
  }

  boost::asio::io_context& io_;
  const std::size_t most_;
  std::deque<RuntimeEvent> events_;
  std::deque<std::shared_ptr<Worker>> waiting_;
  bool closed_ = false;
};

}  // namespace mayfly::emulator
