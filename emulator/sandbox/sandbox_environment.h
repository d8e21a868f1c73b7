// The environment variables of the processes in an execution environment:
// those of provided.al2023 on Lambda and the user's, none of our own shell's
// [A]. An extension sees fewer than the runtime.
//
// What differs from Lambda: LAMBDA_TASK_ROOT and the library path name the
// folder that the function really lies in, AWS_LAMBDA_RUNTIME_API a loopback
// port.
//
// [A] AWS Lambda Developer Guide, "Working with Lambda environment variables"
//     and "Lambda Extensions API", read 2026-11.

#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/uri.h"
#include "emulator/settings.h"

namespace mayfly::emulator {

// True for the names that Lambda sets itself and refuses in a function's
// configuration. Those it sets but lets be changed (PATH, TZ, ...) are not.
bool is_reserved_variable(std::string_view name);

// What Lambda says when a configuration uses reserved names: `names` is the
// comma-separated list of them.
std::string reserved_variables_message(std::string_view names);

using Variables = std::vector<std::pair<std::string, std::string>>;

// `log_stream` is of the environment: "2026/11/21/[$LATEST]" and 32 hex digits.
// Each name occurs once.
Variables runtime_variables(const Settings& settings, const core::Origin& runtime_api, std::string_view log_stream);
Variables extension_variables(const Settings& settings, const core::Origin& runtime_api, std::string_view log_stream);

// For a runtime that is started by hand: what it cannot do without, and the
// user's own, as a shell takes them before a command.
std::string needed_variables(const Settings& settings, const core::Origin& runtime_api);

}  // namespace mayfly::emulator
