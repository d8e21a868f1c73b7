// AWS_LAMBDA_EXEC_WRAPPER: a program that is started in the place of the runtime
// and starts it, as AWS's own runtimes have it [A]:
//
//   WRAPPER /var/runtime/bootstrap ARGUMENT...
//
// [A] AWS Lambda Developer Guide, "Modifying the runtime environment", "Wrapper
//     scripts", read 2026-11.

#pragma once

namespace mayfly::runtime {

// Returns when there is no wrapper, or it has done its work already: it gets no
// variable of that name, or it would be started for ever. A wrapper that cannot be
// started throws, as make() of a HandlerSource does: Runtime.InvalidEntrypoint.
void start_wrapper(char** arguments);

}  // namespace mayfly::runtime
