#include <mayfly/extension.h>

#include <csignal>
#include <cstdlib>
#include <thread>

#include <mayfly/log.h>

#include "extensions/src/program.h"

namespace mayfly::extension {

int run(Options options) {
  auto address = runtime_api_address();
  if (!address) {
    log.fatal(address.error().message);
    return 1;
  }
  Program program(std::move(*address), std::move(options), Program::Kind::external, on_managed_instances());
  return program.begin() ? program.serve() : 1;
}

struct Internal::Running {
  Running(core::Origin runtime_api, Options options)
      : program(std::move(runtime_api), std::move(options), Program::Kind::internal, on_managed_instances()) {}

  void serve() {
    // Signals are for the function's own threads.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread = std::thread([this] {
      // Lambda waits for the `next` of an extension that is no more until it ends
      // the environment; better now than with the timeout of an invocation.
      if (program.serve() != 0) std::_Exit(1);
    });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  Program program;
  std::thread thread;
};

Internal::Internal(std::unique_ptr<Running> running) : running_(std::move(running)) {}
Internal::Internal(Internal&&) noexcept = default;

Internal& Internal::operator=(Internal&& other) noexcept {
  stop();
  running_ = std::move(other.running_);
  return *this;
}

Internal::~Internal() { stop(); }

void Internal::stop() {
  if (!running_) return;
  running_->program.stop();
  running_->thread.join();
  running_.reset();
}

Result<Internal> start(Options options) {
  auto address = runtime_api_address();
  if (!address) {
    log.fatal(address.error().message);
    return unexpected(Error("Extension.RegistrationFailed", address.error().message));
  }
  auto running = std::make_unique<Internal::Running>(std::move(*address), std::move(options));
  if (auto begun = running->program.begin(); !begun) return unexpected(begun.error());
  running->serve();
  return Internal(std::move(running));
}

}  // namespace mayfly::extension
