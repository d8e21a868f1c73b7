#include "extensions/src/program.h"

#include <cxxabi.h>
#include <errno.h>  // program_invocation_short_name

#include <cstdlib>
#include <memory>
#include <typeinfo>

#include <mayfly/log.h>

#include "core/environment.h"
#include "core/uri.h"

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

using Report = core::Outcome<void> (ExtensionsApi::*)(std::string_view type, std::string_view message);

// Calls `f`. An exception is logged and reported through `report` (init_error or
// exit_error), and becomes the error.
template <class F>
Result<void> guarded(ExtensionsApi& api, Report report, F f) {
  Error error("Extension.UnknownException", "something that is no std::exception was thrown");
  try {
    f();
    return {};
  } catch (const std::exception& e) {
    error = Error(type_of(e), e.what());
  } catch (...) {
  }
  log.fatal(error.message, {{"errorType", error.type}});
  if (auto told = (api.*report)(error.type, error.message); !told) log.error(told.error().message);
  return unexpected(std::move(error));
}

}  // namespace

core::Outcome<core::Origin> runtime_api_address() {
  auto address = core::env("AWS_LAMBDA_RUNTIME_API");
  if (!address) {
    return core::fail(core::Errc::parse,
                      "AWS_LAMBDA_RUNTIME_API is not set: an extension is started by Lambda, or by `mayfly run "
                      "--extensions DIR`");
  }
  auto origin = core::parse_host_port(*address);
  if (!origin) return core::fail(origin.error().code, "AWS_LAMBDA_RUNTIME_API: " + origin.error().message);
  return origin;
}

Program::Program(core::Origin runtime_api, Options options, Kind kind, bool managed_instances)
    : options_(std::move(options)), kind_(kind), loop_(std::move(runtime_api), *this, managed_instances) {
  if (options_.name.empty()) options_.name = program_invocation_short_name;
}

Result<void> Program::begin() {
  std::vector<std::string_view> events;
  if (options_.on_invoke) events.emplace_back("INVOKE");
  if (kind_ == Kind::external) events.emplace_back("SHUTDOWN");
  auto registration = loop_.register_extension(options_.name, events);
  if (!registration) {
    log.fatal(registration.error().message);
    return unexpected(Error("Extension.RegistrationFailed", registration.error().message));
  }
  return guarded(loop_.api(), &ExtensionsApi::init_error, [&] {
    const auto& telemetry = options_.telemetry;
    if (kind_ == Kind::internal && options_.on_shutdown) {
      throw Error("Extension.InvalidOptions", "on_shutdown: Lambda tells internal extensions of no SHUTDOWN");
    }
    if (!telemetry.types.empty()) {
      if (!telemetry.on_records) {
        throw Error("Extension.InvalidOptions", "telemetry.types without telemetry.on_records");
      }
      if (auto checked = check(telemetry.buffering); !checked) {
        throw Error("Extension.InvalidOptions", checked.error().message);
      }
    }
    if (options_.on_init) options_.on_init(*registration);
    if (telemetry.types.empty()) return;
    auto subscribed = loop_.subscribe(telemetry.types, telemetry.buffering, telemetry.schema);
    if (!subscribed) throw Error("Extension.SubscriptionFailed", subscribed.error().message);
    if (!*subscribed) log.info("There is no Telemetry API here: no records will come");
  });
}

int Program::serve() {
  core::Outcome<void> outcome;
  if (!guarded(loop_.api(), &ExtensionsApi::exit_error, [&] { outcome = loop_.run(); })) return 1;
  if (outcome) return 0;
  log.fatal(outcome.error().message);
  return 1;
}

void Program::invoked(const Invoke& invoke) {
  if (options_.on_invoke) options_.on_invoke(invoke);
  loop_.next();
}

void Program::shut_down(const Shutdown& shutdown) {
  if (options_.on_shutdown) options_.on_shutdown(shutdown);
  loop_.stop();
}

void Program::received(TelemetryBatch& batch) { options_.telemetry.on_records(batch); }

}  // namespace mayfly::extension
