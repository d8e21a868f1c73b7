#include "runtime/src/workers.h"

#include <atomic>
#include <charconv>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <mayfly/log.h>

#include "core/environment.h"
#include "runtime/src/crash_report.h"
#include "runtime/src/invoke_loop.h"
#include "runtime/src/runtime_api.h"
#include "runtime/src/trace_variable.h"

namespace mayfly::runtime {
namespace {

constexpr const char* kCountVariable = "AWS_LAMBDA_MAX_CONCURRENCY";

core::Failure run_alone(const core::Origin& origin, const Handler& handler, int wake_fd) {
  RuntimeApi api(origin, wake_fd);
  TraceVariable trace;
  return invoke_loop(api, handler, &trace);
}

// Several workers, and what became of them.
class Crew {
 public:
  Crew(const core::Origin& origin, std::span<const Handler> handlers, int wake_fd)
      : origin_(origin), handlers_(handlers), wake_fd_(wake_fd), ends_(handlers.size()), working_(handlers.size()) {}

  core::Failure run() {
    std::vector<std::thread> threads;
    threads.reserve(handlers_.size() - 1);
    for (std::size_t i = 1; i < handlers_.size(); ++i) {
      try {
        threads.emplace_back([this, i] {
          SignalStack stack;
          work(i);
        });
      } catch (const std::system_error& error) {
        ends_[i] = core::Failure{core::Errc::refused, std::string("no thread for a worker: ") + error.what()};
        note_end(i);
      }
    }
    work(0);  // this thread is a worker, too
    for (auto& thread : threads) thread.join();
    for (auto& end : ends_) {
      if (end->code == core::Errc::interrupted) return *std::move(end);
    }
    return *std::move(ends_[last_]);
  }

 private:
  void work(std::size_t i) {
    RuntimeApi api(origin_, wake_fd_);
    ends_[i] = invoke_loop(api, handlers_[i], nullptr);
    note_end(i);
  }

  void note_end(std::size_t i) {
    auto left = working_.fetch_sub(1) - 1;
    if (left == 0) {
      last_ = i;
    } else if (ends_[i]->code != core::Errc::interrupted) {
      log.error("a worker has ended", {{"reason", ends_[i]->message}, {"workers", left}});
    }
  }

  const core::Origin& origin_;
  const std::span<const Handler> handlers_;
  const int wake_fd_;
  std::vector<std::optional<core::Failure>> ends_;
  std::atomic<std::size_t> working_;
  std::size_t last_ = 0;  // to end; read when all threads have been joined
};

}  // namespace

std::size_t worker_count() {
  auto text = core::env(kCountVariable);
  if (!text) return 1;
  std::size_t count = 0;
  auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), count);
  if (error == std::errc{} && end == text->data() + text->size() && count >= 1 && count <= kMaxWorkers) return count;
  log.error("one invocation at a time: " + std::string(kCountVariable) + " is '" + std::string(*text) +
            "', and must be 1.." + std::to_string(kMaxWorkers));
  return 1;
}

core::Failure run_workers(const core::Origin& origin, std::span<const Handler> handlers, int wake_fd) {
  if (handlers.size() == 1) return run_alone(origin, handlers.front(), wake_fd);
  return Crew(origin, handlers, wake_fd).run();
}

}  // namespace mayfly::runtime
