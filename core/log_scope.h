// Which invocation the lines of a thread belong to: its own LogScope's; without
// one, that which was published for the process.

#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace mayfly::core {

// A text of limited length, kept by value.
class LogId {
 public:
  // Cuts at 256 bytes.
  void set(std::string_view text) { size_ = text.copy(bytes_.data(), bytes_.size()); }
  std::string_view view() const { return {bytes_.data(), size_}; }

 private:
  std::array<char, 256> bytes_{};
  std::size_t size_ = 0;
};

struct LogInvocation {
  LogId request_id, tenant_id;  // empty: none
};

// For processes with one invocation at a time: all threads without a LogScope
// belong to this one, until the next call. Takes copies.
void publish_log_invocation(std::string_view request_id, std::string_view tenant_id);

// Of this thread.
LogInvocation log_invocation();

// The same from a signal handler, where no lock may be taken: a request id that is
// published at this very moment may come out mixed with that of before.
LogInvocation log_invocation_unlocked();

}  // namespace mayfly::core
