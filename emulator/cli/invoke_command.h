// `mayfly invoke`: calls a function through the Invoke API. The answer alone goes
// to stdout; figures, log tail and errors go to stderr.

#pragma once

#include "core/uri.h"
#include "emulator/cli/options.h"

namespace mayfly::emulator::cli {

// The exit code; a Refusal when there was no answer, or one of the API's errors.
Decided<int> invoke_command(const Arguments& arguments, const Variables& variables);

struct Endpoint {
  core::Origin origin;
  std::string prefix;  // of the path
};

// "9000", "127.0.0.1:9000", "http://127.0.0.1:9000/prefix".
Decided<Endpoint> parse_endpoint(std::string_view text);

// What --payload or --client-context names: JSON, @FILE, file://FILE, -.
Decided<std::string> read_argument(std::string_view value);

}  // namespace mayfly::emulator::cli
