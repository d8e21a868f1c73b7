// A loopback Runtime API that always has another invocation: each connection that
// asks for one gets it at once, until there are no more; then `next` waits. It
// checks that each connection answers what it was given, and nothing else.

#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace mayfly::test {

class BusyServer {
 public:
  struct Answer {
    std::string route;  // "response" or "error"
    std::string body;   // with the framing, when in chunks
  };

  // `event(n)` is the n-th of `count` events; its request id is "r<n>". Connections
  // from the `good`-th on, in the order of accept, get a 500 for whatever they ask.
  BusyServer(std::size_t count, std::function<std::string(std::size_t)> event, std::size_t good = 1'000'000);
  ~BusyServer();
  BusyServer(const BusyServer&) = delete;
  BusyServer& operator=(const BusyServer&) = delete;

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  // Readable when all invocations are answered.
  int done_fd() const { return done_fd_; }

  // By n; and how many connections there were, what was registered, what went wrong.
  std::map<std::size_t, Answer> answers();
  std::size_t connections();
  std::vector<std::string> faults();

 private:
  struct Connection;

  void run();
  bool read_from(Connection& connection);
  std::string answer(Connection& connection, std::string_view line, std::string body);

  int listener_;
  int stop_fd_;
  int done_fd_;
  unsigned port_ = 0;
  const std::size_t count_;
  const std::function<std::string(std::size_t)> event_;
  const std::size_t good_;
  std::size_t given_ = 0;
  std::vector<Connection> open_;
  std::mutex mutex_;
  std::size_t accepted_ = 0;
  std::map<std::size_t, Answer> answers_;
  std::vector<std::string> faults_;
  std::thread thread_;
};

}  // namespace mayfly::test
