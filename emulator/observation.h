// What happens in an execution environment, told as it happens. The lifecycle
// and the process supervision tell; the terminal, the timeline and tests listen.
// Nobody who listens can change anything.

#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "core/clock.h"
#include "emulator/sandbox/process_usage.h"

namespace mayfly::emulator {

// The figures of a REPORT line. Durations as Lambda gives them: milliseconds
// with two decimals are made from these when printed.
struct Report {
  std::string request_id;
  std::string status;                     // success, error, failure, timeout
  std::string error_type;                 // empty on success
  std::string error_message;              // empty on success, or when the function's error has none
  std::chrono::nanoseconds duration{};    // event out to answer in; a suppressed init belongs to it
  std::chrono::nanoseconds init{};        // zero unless this call paid for an Init phase
  std::chrono::nanoseconds extensions{};  // from the answer to the last `next`, the runtime's included
  std::int64_t billed_ms = 0;             // duration, init and extensions, rounded up
  int memory_mb = 0;
  int max_memory_mb = 0;  // peak of all processes together
};

struct Observation {
  enum class Kind {
    init_started,         // `detail`: phase, "init" or "invoke" (suppressed init); `message`: the log stream
    process_started,      // `process`, `external_extension`, `pid`
    process_ready,        // `process` called `next` for the first time
    init_ended,           // `detail`: success, error, timeout
    invocation_accepted,  // `request_id`, `number`: the caller's request is taken
    throttled,            // `request_id`, `number`: and refused, there are environments enough
    invocation_started,   // the event was handed out; `cold` when this environment never answered before
    response_began,       // a streamed one; `responded` follows at its end
    responded,            // the runtime has answered; `status`: success or error; `detail`: error type
    process_idle,         // `process` waits in `next` again
    invocation_ended,     // `report`; all are idle, or failure or timeout was dealt with
    process_killed,       // `process` got `detail`: SIGTERM or SIGKILL
    process_measured,     // `process`, `usage`: since its start; told at times, and when it has exited
    process_exited,       // `process`, `detail`: "exit status 1", "signal: killed"
    frozen,               // nothing runs until `thawed`
    thawed,               // an invocation or the end follows
    reset_started,        // `detail`: what made it necessary: timeout, failure
    shutdown_started,     // `detail`: shutdownReason
    shutdown_ended,
    log_line,        // `process`, `detail`: the line without its newline
    platform_line,   // `detail`: START, END, REPORT, INIT_REPORT ... as CloudWatch shows them
    platform_event,  // as the Telemetry API has it; `message`: "platform.report" ..., `detail`: the record, JSON;
                     // told only when Settings ask for it
    reloaded,        // `detail`: the files for whose change environments start anew, "./bootstrap (2 s old)"
    notice,          // `detail`: one line about what could not be enforced here, told once
  };

  Kind kind{};
  core::WallTime time{};
  std::int64_t elapsed_ns = 0;    // monotonic, since `mayfly run` started: for differences
  std::uint32_t environment = 0;  // 1, 2, ...: in which it happens; 0: in none
  std::uint32_t number = 0;       // of the invocation for whose sake it happens: 1, 2, ...; 0: of none
  std::string request_id;
  std::string process;  // "bootstrap", or the extension's file name
  bool external_extension = false;
  int pid = 0;  // process_started only
  bool cold = false;
  std::string status;
  std::string detail;
  std::string message;  // responded: the error's errorMessage, when it could be read
  Report report;        // invocation_ended only
  ProcessUsage usage;   // process_measured only
};

using Observer = std::function<void(const Observation&)>;

}  // namespace mayfly::emulator
