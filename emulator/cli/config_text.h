// --show-config: every setting with its value and who gave it, and what the
// function will find in its environment beside Lambda's own variables.

#pragma once

#include <string>
#include <string_view>

#include "emulator/cli/options.h"

namespace mayfly::emulator::cli {

// "timeout = 10   mayfly.toml:4", a line each; a section [env] at the end. The
// values of secrets are masked. Errors: as given_environment().
Decided<std::string> config_text(const Arguments& arguments, const Variables& variables);

// The settings alone, without variables of the function.
std::string settings_text(const Arguments& arguments);

// By its name, or because the value is a URL with a password.
bool is_secret(std::string_view name, std::string_view value);

}  // namespace mayfly::emulator::cli
