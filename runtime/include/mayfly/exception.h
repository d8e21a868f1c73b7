// Errors that a function does not leave to the runtime.

#pragma once

#include <string_view>

#include <mayfly/error.h>
#include <mayfly/log.h>

namespace mayfly {

// Logs the exception that is being handled, for a handler that goes on: a line of
// level ERROR with errorType, errorMessage, stackTrace (of the throw) and cause.
// To be called in a catch.
//
//   } catch (const std::exception&) {
//     mayfly::log_exception("cannot reach the cache", {{"node", node}});
//   }
void log_exception(std::string_view message, Logger::Fields fields = {}, LogLocation at = LogLocation::here());

// For a function that cannot go on: the error is logged and is the answer to the
// invocation, or to Init, and the process exits with 1. Nothing runs after it, no
// catch and no destructor. Lambda replaces the environment, and with it whatever
// state was broken.
//
//   if (!table.is_consistent()) mayfly::fatal({"Prices.Corrupt", "the price table is damaged"});
//
// From any thread. Where several invocations run at once (Managed Instances), all
// of them end, and a thread that the handler has started needs a LogScope for its
// error to reach the caller.
[[noreturn]] void fatal(const Error& error);

}  // namespace mayfly
