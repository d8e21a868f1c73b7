// `mayfly` under the name aws-lambda-rie: a drop-in for AWS's Runtime Interface
// Emulator [A], so that a copy or a link of the program can stand in its place
// inside images (`exec /usr/local/bin/aws-lambda-rie /var/runtime/bootstrap`).
//
// Options, variables, the search for a bootstrap, addresses, the path of calls,
// log lines and what a caller's script can depend on (statuses, the text of a
// timeout) are the RIE's. Its defects are not: emulator/README.md lists them.
//
// [A] github.com/aws/aws-lambda-runtime-interface-emulator, README and behaviour
//     of the binary in aws-sam-cli 1.16x, observed 2026-11.

#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/cli/message.h"
#include "emulator/cli/variables.h"
#include "emulator/observation.h"
#include "emulator/settings.h"

namespace mayfly::emulator::cli {

// The file's name of `program` (argv[0]) begins with aws-lambda-rie: downloads
// carry the machine's name behind it.
bool is_rie(std::string_view program);

enum class RieLevel { debug, info, warning, error, none };

struct RieSettings {
  Settings settings;
  RieLevel level = RieLevel::info;  // the least that is logged
  bool init_caching = false;        // asked for; it changes nothing
};

// `words` without the program's name. Options may stand anywhere, also behind
// the command; every other word is the command's. Without a command the first
// bootstrap of /var/task, /opt and /var/runtime is it; these folders, and
// /opt/extensions, are looked for below `root`.
// Errors: kUsage for values that cannot be.
Decided<RieSettings> rie_settings(const std::vector<std::string>& words, const Variables& variables,
                                  const std::filesystem::path& root = "/");

// A line of the log for stderr, newline included, or nothing when it is below
// `least`: "21 Nov 2026 15:05:27,182 [INFO] (rapid) init started: init".
std::string rie_log_line(RieLevel level, RieLevel least, std::string_view text, core::WallTime time);
std::string rie_log_line(const Observation& o, RieLevel least);

Decided<int> rie_command(const std::vector<std::string>& words, const Variables& variables);

}  // namespace mayfly::emulator::cli
