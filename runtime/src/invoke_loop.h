// The loop of the Invoke phase: next, handler, response or error, and again.

#pragma once

#include <mayfly/runtime/handler.h>

#include "core/failure.h"
#include "runtime/src/runtime_api.h"
#include "runtime/src/trace_variable.h"

namespace mayfly::runtime {

// `trace`: where each invocation's tracing header goes; null: nowhere, because
// other loops run beside this one. Ends with an Errc: interrupted when the
// environment is to shut down, anything else when the Runtime API is gone.
core::Failure invoke_loop(RuntimeApi& api, const Handler& handler, TraceVariable* trace);

}  // namespace mayfly::runtime
