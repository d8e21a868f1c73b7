#include "runtime/src/termination_signal.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace mayfly::runtime {
namespace {

volatile std::sig_atomic_t signal_fd = -1;

extern "C" void on_sigterm(int) {
  int error = errno;
  std::uint64_t one = 1;
  [[maybe_unused]] ssize_t written = write(signal_fd, &one, sizeof one);
  errno = error;
}

}  // namespace

TerminationSignal::TerminationSignal() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  signal_fd = fd_;
  struct sigaction action {};
  action.sa_handler = &on_sigterm;
  action.sa_flags = SA_RESTART;  // the function's own calls go on
  sigaction(SIGTERM, &action, &before_);
}

TerminationSignal::~TerminationSignal() {
  sigaction(SIGTERM, &before_, nullptr);
  signal_fd = -1;
  if (fd_ >= 0) close(fd_);
}

}  // namespace mayfly::runtime
