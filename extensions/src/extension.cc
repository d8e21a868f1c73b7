#include <mayfly/extension.h>

#include <errno.h>  // program_invocation_short_name

#include <cxxabi.h>
#include <cstdlib>
#include <memory>
#include <typeinfo>

#include <mayfly/log.h>

#include "core/environment.h"
#include "core/uri.h"
#include "extensions/src/event_loop.h"

namespace mayfly::extension {
namespace {

// "Extension.runtime_error" for a std::runtime_error.
std::string type_of(const std::exception& e) {
  if (auto* error = dynamic_cast<const Error*>(&e)) return error->type;
  int status = 0;
  std::unique_ptr<char, decltype(&std::free)> name(abi::__cxa_demangle(typeid(e).name(), nullptr, nullptr, &status),
                                                   std::free);
  std::string_view text = status == 0 ? name.get() : typeid(e).name();
  text = text.substr(0, text.find('<'));
  auto colon = text.rfind(':');
  return "Extension." + std::string(colon == text.npos ? text : text.substr(colon + 1));
}

// Calls `f`. An exception is reported through `report` (init_error or
// exit_error) and logged; false then.
template <class F>
bool guarded(ExtensionsApi& api, core::Outcome<void> (ExtensionsApi::*report)(std::string_view, std::string_view),
             F f) {
  std::string type, message;
  try {
    f();
    return true;
  } catch (const std::exception& e) {
    type = type_of(e);
    message = e.what();
  } catch (...) {
    type = "Extension.UnknownException";
    message = "something that is no std::exception was thrown";
  }
  log.fatal(message, {{"errorType", type}});
  if (auto told = (api.*report)(type, message); !told) log.error(told.error().message);
  return false;
}

class Callbacks final : public Observer {
 public:
  explicit Callbacks(const Options& options) : options_(options) {}
  void serve(EventLoop& loop) { loop_ = &loop; }

  void invoked(const Invoke& invoke) override {
    if (options_.on_invoke) options_.on_invoke(invoke);
    loop_->next();
  }
  void shut_down(const Shutdown& shutdown) override {
    if (options_.on_shutdown) options_.on_shutdown(shutdown);
    loop_->stop();
  }
  void received(TelemetryBatch& batch) override { options_.telemetry.on_records(batch); }

 private:
  const Options& options_;
  EventLoop* loop_ = nullptr;
};

int failed(const core::Failure& failure) {
  log.fatal(failure.message);
  return 1;
}

}  // namespace

int run(Options options) {
  auto address = core::env("AWS_LAMBDA_RUNTIME_API");
  if (!address) {
    log.fatal(
        "AWS_LAMBDA_RUNTIME_API is not set: an extension is started by Lambda, or by `mayfly run --extensions DIR`");
    return 1;
  }
  auto origin = core::parse_host_port(*address);
  if (!origin) return failed({origin.error().code, "AWS_LAMBDA_RUNTIME_API: " + origin.error().message});
  if (options.name.empty()) options.name = program_invocation_short_name;

  Callbacks callbacks(options);
  EventLoop loop(std::move(*origin), callbacks);
  callbacks.serve(loop);

  std::vector<std::string_view> events{"SHUTDOWN"};
  if (options.on_invoke) events.insert(events.begin(), "INVOKE");
  auto registration = loop.register_extension(options.name, events);
  if (!registration) return failed(registration.error());

  bool ready = guarded(loop.api(), &ExtensionsApi::init_error, [&] {
    if (options.on_init) options.on_init(*registration);
    if (options.telemetry.types.empty()) return;
    if (!options.telemetry.on_records)
      throw Error("Extension.InvalidOptions", "telemetry.types without telemetry.on_records");
    auto subscribed = loop.subscribe(options.telemetry.types, options.telemetry.buffering);
    if (!subscribed) throw Error("Extension.SubscriptionFailed", subscribed.error().message);
    if (!*subscribed) log.info("There is no Telemetry API here: no records will come");
  });
  if (!ready) return 1;

  core::Outcome<void> outcome;
  bool served = guarded(loop.api(), &ExtensionsApi::exit_error, [&] { outcome = loop.run(); });
  if (!served) return 1;
  return outcome ? 0 : failed(outcome.error());
}

}  // namespace mayfly::extension
