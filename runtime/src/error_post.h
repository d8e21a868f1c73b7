// An error posted when nothing else of the program can be relied on: out of a
// signal handler, or from a thread that has no connection.
//
// A connection of its own, because the one there is may be in the middle of
// anything; whether an error is still wanted, Lambda decides. No memory is taken
// and no name resolved: the Runtime API's address is numeric on Lambda and in
// every local environment.

#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <string_view>

#include "core/uri.h"

namespace mayfly::runtime {

class ErrorPost {
 public:
  // Where posts go. A host with a name: they go nowhere.
  void to(const core::Origin& origin);

  // To init/error when `request_id` is empty. Waits up to half a second for each
  // of connection, sending and answer. True: Lambda has taken, or refused, it.
  // Async-signal-safe.
  bool post(std::string_view request_id, std::string_view error_type, std::string_view error_json) const;

 private:
  sockaddr_storage address_{};
  socklen_t address_size_ = 0;   // 0: nowhere
  std::array<char, 64> host_{};  // the value of the field Host
  std::size_t host_size_ = 0;
};

}  // namespace mayfly::runtime
