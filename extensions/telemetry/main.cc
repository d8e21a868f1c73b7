// mayfly-telemetry: an external extension that forwards what the Telemetry API
// tells to the destinations named in the environment (see settings.h).
//
// It must never slow, fail or bill the function. So nothing but register, listen
// and subscribe happens before the first `next`, and a mistake in the settings is
// one log line and not an exit: Lambda fails a function whose extension exits.
//
// With an argument it is a tool for a pipeline instead: see kUsage.

#include <errno.h>  // program_invocation_short_name

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <mayfly/log.h>

#include "core/environment.h"
#include "core/uri.h"
#include "extensions/telemetry/check.h"
#include "extensions/telemetry/daemon.h"
#include "extensions/telemetry/heap.h"
#include "extensions/telemetry/settings.h"

namespace {

constexpr const char* kUsage =
    "mayfly-telemetry forwards logs, metrics and traces of a Lambda function.\n"
    "Lambda starts it from /opt/extensions, without arguments; variables of the\n"
    "environment say what goes where, for example\n"
    "  MAYFLY_TELEMETRY_DESTINATIONS=otlp+https://collector.example:4318\n"
    "\n"
    "  mayfly-telemetry --check          print what the variables here mean\n"
    "  mayfly-telemetry --check --send   also send one test record to each destination\n"
    "  mayfly-telemetry --version, --help\n"
    "\n"
    "--check exits with 0 when all is well, 1 when something is wrong with a variable\n"
    "or a destination; 2 is a wrong command line.\n";

int run_tool(int argc, char** argv) {
  std::string_view command = argv[1];
  bool send = argc == 3 && argv[2] == std::string_view("--send");
  if (command == "--check" && (argc == 2 || send)) {
    auto result = mayfly::telemetry::check(mayfly::telemetry::read_settings(), send);
    std::fputs(result.text.c_str(), stdout);
    return result.well ? 0 : 1;
  }
  if (argc == 2 && command == "--version") return std::puts("mayfly-telemetry " MAYFLY_VERSION), 0;
  if (argc == 2 && (command == "--help" || command == "-h")) return std::fputs(kUsage, stdout), 0;
  std::fputs(kUsage, stderr);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  mayfly::telemetry::configure_heap();
  std::signal(SIGPIPE, SIG_IGN);  // standard output may be closed
  std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error of the write
  if (argc > 1) return run_tool(argc, argv);

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
