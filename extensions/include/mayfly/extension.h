// A Lambda extension: a program in /opt/extensions that lives beside the
// function, hears of each invocation and may receive the telemetry.
//
//   int main() {
//     return mayfly::extension::run({
//         .on_invoke = [](const mayfly::extension::Invoke& invoke) { ... },
//         .telemetry = {.types = {mayfly::extension::TelemetryType::function},
//                       .on_records = [](mayfly::extension::TelemetryBatch& batch) { ... }},
//     });
//   }
//
// Lambda holds the function back until every extension is ready, and holds the
// environment open until every extension has asked for its next event. So the
// Init phase pays for what runs before and in on_init, and every invocation
// pays for what on_invoke does longer than the function does.
//
// An exception that leaves a callback is reported to Lambda (init/error from
// on_init, exit/error from all others) and ends the program, and with it the
// environment. All callbacks run on the thread that called run().
//
// An extension can also be a part of a function: see start().
//
// On Managed Instances many invocations run at a time and extensions hear of
// none: on_invoke is never called there, platform.runtimeDone does not come, and
// the schema is 2025-01-29, whatever is asked for [A].
//
// <mayfly/extension_test.h> drives an extension in a unit test.
//
// [A] AWS Lambda Developer Guide, "Lambda Managed Instances", and AWS's Runtime
//     Interface Emulator in that mode, read 2026-11.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <mayfly/error.h>
#include <mayfly/result.h>
#include <mayfly/telemetry_record.h>

namespace mayfly::extension {

using TimePoint = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

// Lambda's answer to the registration.
struct Registration {
  std::string function_name;
  std::string function_version;
  std::string handler;
  std::string account_id;  // empty where Lambda does not tell (local emulators)
};

struct Invoke {
  std::string request_id;
  std::string invoked_function_arn;
  std::string trace_id;  // X-Amzn-Trace-Id; empty when the invocation is not traced
  TimePoint deadline;    // the function is stopped then

  // Negative once the deadline has passed.
  std::chrono::milliseconds remaining() const {
    return std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::system_clock::now());
  }
};

struct Shutdown {
  enum class Reason { spindown, timeout, failure, other };
  Reason reason = Reason::other;
  std::string reason_text;  // the word as Lambda sent it
  TimePoint deadline;       // the extension is killed then, at most 2 s from now
};

enum class TelemetryType { platform, function, extension };
// As Lambda spells it.
constexpr std::string_view to_string(TelemetryType type) {
  switch (type) {
    case TelemetryType::platform: return "platform";
    case TelemetryType::function: return "function";
    case TelemetryType::extension: return "extension";
  }
  return "";
}

// The form of the records. From 2022-12-13 on a line that is JSON comes as an
// object where the function's log format is JSON; before, all lines come as text.
enum class Schema : std::uint8_t { v2022_07_01, v2022_12_13, v2025_01_29 };

// How long Lambda may hold records back before it delivers them: until one of the
// three is reached. What is out of range is an error of the Init phase that names it.
struct Buffering {
  int max_items = 1'000;                  // records;  1'000 .. 10'000
  std::size_t max_bytes = 256 * 1'024;    // bytes;  262'144 .. 1'048'576
  std::chrono::milliseconds timeout{25};  // ms;          25 .. 30'000
};

struct Telemetry {
  std::vector<TelemetryType> types = {};  // none: no subscription, on_records is not called
  Buffering buffering = {};
  // One call a delivery, which Lambda has been told is received. Where Lambda
  // has no Telemetry API (the official emulator answers 202), it is never called.
  std::function<void(TelemetryBatch&)> on_records = {};
  Schema schema = Schema::v2022_12_13;
};

struct Options {
  std::string name = {};                                  // must be the file name, which is the default
  std::function<void(const Registration&)> on_init = {};  // registered, the function has not started
  std::function<void(const Invoke&)> on_invoke = {};      // none: invocations are not subscribed to
  std::function<void(const Shutdown&)> on_shutdown = {};  // the last call
  Telemetry telemetry = {};
};

// Registers, subscribes and serves events until SHUTDOWN; once a process. Returns what main()
// is to return: 0 after SHUTDOWN; 1 after an error, which was logged and, as far
// as possible, reported to Lambda.
int run(Options options);

// An extension that runs, inside of a function's process.
class Internal {
 public:
  Internal(Internal&&) noexcept;
  Internal& operator=(Internal&&) noexcept;
  ~Internal();  // as stop()

  // Waits until the callback that runs has returned, if one does. None is called
  // afterwards. Not from a callback.
  void stop();

 private:
  friend Result<Internal> start(Options);
  struct Running;
  explicit Internal(std::unique_ptr<Running> running);
  std::unique_ptr<Running> running_;
};

// An internal extension: a thread of the function's own process, which lives
// beside mayfly::run and ends with it.
//
//   int main() {
//     auto watch = mayfly::extension::start({.name = "watch", .on_invoke = ...});
//     return watch ? mayfly::run(handler) : 1;
//   }
//
// To be called before the runtime asks for its first invocation. Registers and subscribes, with
// on_init on the calling thread, and then serves events on a thread that takes no
// signals. `name` must not be that of another extension. Lambda tells internal
// extensions of invocations only: on_shutdown is refused; what is to be done at
// the end belongs into the function's before_shutdown. An exception from another callback than
// on_init ends the process, as it does with run().
//
// Errors, all of them logged: what on_init threw; Extension.InvalidOptions;
// Extension.RegistrationFailed; Extension.SubscriptionFailed. The function is to exit then.
Result<Internal> start(Options options);

}  // namespace mayfly::extension
