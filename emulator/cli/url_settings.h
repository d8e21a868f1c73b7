// The options of the function's URL and of signed calls. They have the names and
// values of the service's FunctionUrlConfig.

#pragma once

#include <string_view>

#include "emulator/cli/options.h"
#include "emulator/settings.h"

namespace mayfly::emulator::cli {

// Settings::url, verify_signatures and callers; the rest is left alone.
// Errors: kUsage.
Decided<void> take_url_settings(const Arguments& arguments, const Variables& variables, Settings& settings);

// The AWS keys of this shell, the parts that are not there empty. With them callers
// sign and `mayfly invoke` does.
Credentials shell_credentials(const Variables& variables);

// A list of origins, which allows every method and field; or, when it begins with
// '{', JSON as `aws lambda create-function-url-config --cors` takes it.
Decided<Cors> parse_cors(std::string_view text);

}  // namespace mayfly::emulator::cli
