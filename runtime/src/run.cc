// A function's process from start to end: Init, invocations, Shutdown.

#include <mayfly/runtime.h>

#include <cerrno>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <mayfly/log.h>

#include "core/environment.h"
#include "core/uri.h"
#include "runtime/src/crash_report.h"
#include "runtime/src/current_sink.h"
#include "runtime/src/error_json.h"
#include "runtime/src/runtime_api.h"
#include "runtime/src/shutdown_extension.h"
#include "runtime/src/termination_signal.h"
#include "runtime/src/workers.h"

namespace mayfly::runtime {
namespace {

constexpr const char* kAddressVariable = "AWS_LAMBDA_RUNTIME_API";

// For whoever has started the program by hand.
std::string how_to_call() {
  std::string_view program(program_invocation_name);
  std::string word;
  for (char c : program) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./+:";
  if (program.find_first_not_of(kPlain) != program.npos) word = "'" + word + "'";
  return word + " is a Lambda function. To call it here: mayfly invoke --payload '{}' -- " + word + " (mayfly run -- " +
         word + " keeps it running)";
}

// Errors: one line that names the variable.
core::Outcome<core::Origin> runtime_api_origin() {
  auto address = core::env(kAddressVariable);
  std::string name(kAddressVariable);
  if (!address) return core::fail(core::Errc::not_found, name + " is not set: " + how_to_call());
  return core::parse_host_port(*address).transform_error([&](core::Failure failure) {
    failure.message.insert(0, name + ": ");
    return failure;
  });
}

// Reports the first error of the Init phase.
class InitSink final : public ResponseSink {
 public:
  explicit InitSink(const core::Origin& origin) : origin_(origin) {}

  void fail(std::string_view type, std::string_view json) override {
    if (std::exchange(failed_, true)) return;
    RuntimeApi api(origin_, -1);
    if (auto posted = api.post_init_error(type, json); !posted) {
      log.error("the init error could not be reported", {{"reason", posted.error().message}});
    }
  }
  void respond(std::string_view) override {}
  void begin(std::string_view) override {}
  Result<void> write(std::string_view) override { return {}; }
  void end() override {}

 private:
  const core::Origin& origin_;
  bool failed_ = false;
};

// The handlers of all workers, destroyed when the process ends in an orderly way.
class OwnedHandlers {
 public:
  OwnedHandlers() = default;
  ~OwnedHandlers() {
    for (const auto& handler : handlers_) {
      if (handler.destroy) handler.destroy(handler.state);
    }
  }
  OwnedHandlers(const OwnedHandlers&) = delete;
  OwnedHandlers& operator=(const OwnedHandlers&) = delete;

  // False: Init failed, and was reported.
  bool make(HandlerSource source, std::size_t count, const core::Origin& origin) {
    InitSink sink(origin);
    CurrentSink current(sink);
    handlers_.reserve(count);
    try {
      while (handlers_.size() < count) handlers_.push_back(source.make(source.from));
      return true;
    } catch (const ReportedError& error) {
      sink.fail(error.type, error.json);
    } catch (...) {
      fail_with_current_exception(sink, "Init failed");
    }
    return false;
  }

  std::span<const Handler> all() const { return handlers_; }
  bool want_shutdown() const { return handlers_.front().before_shutdown != nullptr; }

 private:
  std::vector<Handler> handlers_;
};

// The exit code. `of_one`: they share the object that wants to know.
int shut_down(std::span<const Handler> handlers, bool of_one) {
  int code = 0;
  for (const auto& handler : handlers.first(of_one ? 1 : handlers.size())) {
    try {
      handler.before_shutdown(handler.state);
    } catch (...) {
      log_error("before_shutdown failed", current_exception_report());
      code = 1;
    }
  }
  return code;
}

int run_until_gone(const core::Origin& origin, const OwnedHandlers& handlers) {
  log.fatal(run_workers(origin, handlers.all(), -1).message);
  return 1;
}

int run_until_shutdown(const core::Origin& origin, const OwnedHandlers& handlers, bool of_one) {
  TerminationSignal sigterm;
  ShutdownExtension extension(origin);
  if (auto started = extension.start(); !started) {
    log.warn("no notice of the end of this environment: before_shutdown may not run",
             {{"reason", started.error().message}});
  }
  auto end = run_workers(origin, handlers.all(), sigterm.fd());
  if (end.code == core::Errc::interrupted) return shut_down(handlers.all(), of_one);
  log.fatal(end.message);
  return 1;
}

}  // namespace

int run(HandlerSource source) {
  auto origin = runtime_api_origin();
  if (!origin) {
    log.fatal(origin.error().message);
    return 1;
  }
  CrashReports crashes(*origin);
  OwnedHandlers handlers;
  if (!handlers.make(source, worker_count(), *origin)) return 1;
  crashes.init_is_over();
  return handlers.want_shutdown() ? run_until_shutdown(*origin, handlers, source.shared)
                                  : run_until_gone(*origin, handlers);
}

namespace {

Handler make_named(const void* from) {
  const auto& handlers = *static_cast<const std::span<const NamedHandler>*>(from);
  auto wanted = core::env_or("_HANDLER", "");
  std::string known;
  for (const auto& handler : handlers) {
    if (handler.name == wanted) return handler.source.make(handler.source.from);
    known.append(known.empty() ? "" : ", ").append(handler.name);
  }
  fail_init("Runtime.HandlerNotFound",
            "no handler '" + std::string(wanted) + "' (_HANDLER) in this program; it has: " + known);
}

}  // namespace

int run(std::span<const NamedHandler> handlers) { return run(HandlerSource{&make_named, &handlers, true}); }

}  // namespace mayfly::runtime
