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

#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include <mayfly/error.h>
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

// How long Lambda may hold records back before it delivers them: until one of the
// three is reached. Lambda refuses what is out of range, an error in the Init phase.
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

}  // namespace mayfly::extension
