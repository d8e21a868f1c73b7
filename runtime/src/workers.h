// Who runs the invocations of an environment: one worker, or many.
//
// On Managed Instances Lambda gives an environment up to AWS_LAMBDA_MAX_CONCURRENCY
// invocations at a time, each to a `next` that waits [A]. A worker is a thread
// with a connection and a handler of its own, which asks for the next invocation
// when it has answered one: a handler that blocks holds up nobody else, and
// workers share nothing that needs a lock.
//
// With one worker there is no thread, and the variable _X_AMZN_TRACE_ID is set.
// With more it is not: the environment is the process's, and changing it while
// another thread reads it is undefined. Context::trace_id() has it in both cases.
//
// [A] AWS Lambda Developer Guide, "Lambda Managed Instances", Building custom
//     runtimes, read 2026-11.

#pragma once

#include <cstddef>
#include <span>

#include <mayfly/runtime/handler.h>

#include "core/failure.h"
#include "core/uri.h"

namespace mayfly::runtime {

// What Lambda allows.
inline constexpr std::size_t kMaxWorkers = 1'600;

// AWS_LAMBDA_MAX_CONCURRENCY: 1 when it is not set, and, with a line in the log,
// when it is no number of 1..kMaxWorkers.
std::size_t worker_count();

// Runs a worker for each handler until the last of them has ended. One whose
// connection to the Runtime API cannot be kept ends alone, with a line in the
// log. Returns Errc::interrupted when `wake_fd` has become readable, and
// otherwise what the last worker's end was: the Runtime API is gone.
core::Failure run_workers(const core::Origin& origin, std::span<const Handler> handlers, int wake_fd);

}  // namespace mayfly::runtime
