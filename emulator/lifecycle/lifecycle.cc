// What both lifecycles say in the same words.

#include "emulator/lifecycle/lifecycle.h"

#include <cstdio>

#include "emulator/lifecycle/error_json.h"

namespace mayfly::emulator {

Accepted Lifecycle::runtime_response_too_large(std::string_view request_id, std::string_view invocation_id,
                                               Clock::time_point first_byte) {
  return runtime_error(request_id, invocation_id,
                       error_json("Function.ResponseSizeTooLarge",
                                  "Response payload size exceeded maximum allowed payload size (6291556 bytes)."),
                       "Function.ResponseSizeTooLarge", first_byte);
}

std::string timeout_message(std::chrono::milliseconds timeout) {
  char text[64];
  std::snprintf(text, sizeof text, "Task timed out after %.2f seconds", static_cast<double>(timeout.count()) / 1000);
  return text;
}

Fatal exit_of_runtime(std::string_view how, bool out_of_memory) {
  auto message = how.empty() ? std::string("Runtime exited without providing a reason")
                             : "Runtime exited with error: " + std::string(how);
  return {out_of_memory ? "Runtime.OutOfMemory" : "Runtime.ExitError", std::move(message), {}};
}

Fatal exit_of_extension(std::string_view how) {
  return {"Extension.Crash", how.empty() ? "exit code 0" : std::string(how), {}};
}

void note_fatal(std::optional<Fatal>& first, Fatal fatal) {
  if (!first) {
    first = std::move(fatal);
  } else if (first->message.empty() && first->payload.empty()) {
    first->message = std::move(fatal.message);
  }
}

std::string fatal_json(const Fatal& fatal, std::string_view request_id) {
  if (!fatal.payload.empty()) return fatal.payload;
  return error_json(fatal.type, "RequestId: " + std::string(request_id) + " Error: " + fatal.message);
}

ApiError forbidden_transition(std::string_view from, std::string_view to, std::string_view who, std::string_view type) {
  std::string message = "State transition from " + std::string(from) + " to " + std::string(to) + " failed for ";
  return {403, std::string(type), message + std::string(who) + ". Error: State transition is not allowed"};
}

}  // namespace mayfly::emulator
