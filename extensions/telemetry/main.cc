// mayfly-telemetry: an external extension that forwards what the Telemetry API
// tells to the destinations named in the environment (see settings.h).
//
// It must never slow, fail or bill the function. So nothing but register, listen
// and subscribe happens before the first `next`, and a mistake in the settings is
// one log line and not an exit: Lambda fails a function whose extension exits.

#include <errno.h>  // program_invocation_short_name

#include <csignal>
#include <cstdlib>

#include <mayfly/log.h>

#include "core/environment.h"
#include "core/uri.h"
#include "extensions/telemetry/daemon.h"
#include "extensions/telemetry/heap.h"
#include "extensions/telemetry/settings.h"

int main() {
  mayfly::telemetry::configure_heap();
  std::signal(SIGPIPE, SIG_IGN);  // standard output may be closed

  auto address = mayfly::core::env("AWS_LAMBDA_RUNTIME_API");
  if (!address) {
    mayfly::log.fatal("AWS_LAMBDA_RUNTIME_API is not set: mayfly-telemetry is started by Lambda, from /opt/extensions");
    return 1;
  }
  auto runtime_api = mayfly::core::parse_host_port(*address);
  if (!runtime_api) {
    mayfly::log.fatal("AWS_LAMBDA_RUNTIME_API: " + runtime_api.error().message);
    return 1;
  }
  auto settings = mayfly::telemetry::read_settings();
  mayfly::telemetry::Daemon daemon(std::move(*runtime_api), settings);
  // Without destructors: a name look-up that a thread may still be in cannot be
  // interrupted, and all records are accounted for.
  std::_Exit(daemon.run(program_invocation_short_name));
}
