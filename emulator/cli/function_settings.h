// From options to what the environment runs: Settings, checked.
//
// [A] AWS Lambda Developer Guide, "Working with Lambda environment variables"
//     (reserved names, 4 KB) and "Lambda quotas".

#pragma once

#include <string>
#include <string_view>

#include "emulator/cli/options.h"
#include "emulator/settings.h"

namespace mayfly::emulator::cli {

// The program's file is not looked at yet. Errors: kUsage for values and files
// named by options; kCannotStart for extension folders.
Decided<Settings> settings_from(const Arguments& arguments, const Variables& variables);

// What the function gets beside Lambda's own variables, read now: --env over later
// --env-file over earlier ones over [env].
Decided<std::vector<GivenVariable>> given_environment(const Arguments& arguments, const Variables& variables);
Decided<std::vector<std::pair<std::string, std::string>>> user_environment(const Arguments& arguments,
                                                                           const Variables& variables);

// "9001", ":9001", "localhost:9001", "127.0.0.1:9001", "[::1]:9001"; port 0 is
// allowed. localhost is 127.0.0.1. `option` is for messages.
Decided<core::Origin> parse_listen(std::string_view text, std::string_view option = "--listen");

// Appends what `text` defines: lines of NAME=VALUE with #-comments, quotes and
// `export`, or, when it begins with '{', SAM's JSON: {"Parameters": {...}},
// {"<function>": {...}} or plain {"NAME": "value"}. `file` is for messages.
Decided<void> read_env_file(std::string_view text, std::string_view file, std::string_view function_name,
                            std::vector<std::pair<std::string, std::string>>& out);

}  // namespace mayfly::emulator::cli
