// A function's process from start to end: Init, invocations, Shutdown.

#include <mayfly/runtime.h>

#include <optional>
#include <string>
#include <utility>

#include <mayfly/log.h>

#include "core/environment.h"
#include "core/uri.h"
#include "runtime/src/error_json.h"
#include "runtime/src/invoke_loop.h"
#include "runtime/src/runtime_api.h"
#include "runtime/src/shutdown_extension.h"
#include "runtime/src/termination_signal.h"

namespace mayfly::runtime {
namespace {

constexpr const char* kAddressVariable = "AWS_LAMBDA_RUNTIME_API";

// Errors: one line that names the variable.
core::Outcome<core::Origin> runtime_api_origin() {
  auto address = core::env(kAddressVariable);
  std::string name(kAddressVariable);
  if (!address) {
    return core::fail(core::Errc::not_found,
                      name + " is not set: this is a Lambda function. To run it here: mayfly run -- PROGRAM");
  }
  return core::parse_host_port(*address).transform_error([&](core::Failure failure) {
    failure.message.insert(0, name + ": ");
    return failure;
  });
}

void post_init_error(RuntimeApi& api, std::string_view type, std::string_view json) {
  if (auto posted = api.post_init_error(type, json); !posted) {
    log.error("the init error could not be reported", {{"reason", posted.error().message}});
  }
}

// Empty: Init failed, and was reported.
std::optional<Handler> make_handler(HandlerSource source, RuntimeApi& api) {
  try {
    return source.make(source.from);
  } catch (const ReportedError& error) {
    post_init_error(api, error.type, error.json);
  } catch (...) {
    ErrorReport report = current_exception_report();
    log_error(report);
    post_init_error(api, report.type, error_json(report));
  }
  return std::nullopt;
}

// Destroys the handler when the process ends in an orderly way.
class OwnedHandler {
 public:
  explicit OwnedHandler(const Handler& handler) : handler_(handler) {}
  ~OwnedHandler() {
    if (handler_.destroy) handler_.destroy(handler_.state);
  }
  OwnedHandler(const OwnedHandler&) = delete;
  OwnedHandler& operator=(const OwnedHandler&) = delete;

  const Handler& operator*() const { return handler_; }

 private:
  const Handler handler_;
};

int shut_down(const Handler& handler) {
  try {
    if (handler.before_shutdown) handler.before_shutdown(handler.state);
    return 0;
  } catch (...) {
    log_error(current_exception_report());
    return 1;
  }
}

int run_without_shutdown(RuntimeApi& api, const Handler& handler) {
  log.fatal(invoke_loop(api, handler).message);
  return 1;
}

int run_until_shutdown(const core::Origin& origin, const Handler& handler) {
  TerminationSignal sigterm;
  ShutdownExtension extension(origin);
  if (auto started = extension.start(); !started) {
    log.warn("no notice of the end of this environment: before_shutdown may not run",
             {{"reason", started.error().message}});
  }
  RuntimeApi api(origin, sigterm.fd());
  auto end = invoke_loop(api, handler);
  if (end.code == core::Errc::interrupted) return shut_down(handler);
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
  RuntimeApi api(*origin, -1);
  auto made = make_handler(source, api);
  if (!made) return 1;
  OwnedHandler handler(*made);
  return (*handler).before_shutdown ? run_until_shutdown(*origin, *handler) : run_without_shutdown(api, *handler);
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

int run(std::span<const NamedHandler> handlers) { return run(HandlerSource{&make_named, &handlers}); }

}  // namespace mayfly::runtime
