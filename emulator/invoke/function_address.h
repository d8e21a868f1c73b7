// Which function a request means: its name in the path, maybe an ARN, and the
// Qualifier in the query; and whether that one is served here.

#pragma once

#include <string>
#include <string_view>

#include "core/failure.h"
#include "emulator/invoke/function_name.h"
#include "emulator/invoke/service_error.h"
#include "emulator/settings.h"

namespace mayfly::emulator {

// What stands before and behind a function's name in a path.
struct FunctionRoute {
  std::string_view prefix, suffix;
};

// The name, still encoded; empty: another path. A slash at the end, as older SDKs
// send it, is overlooked.
std::string_view name_in(std::string_view path, const FunctionRoute& route);

// The value of a name in a query, decoded; empty when it is not there.
// Errors: an escape that is broken.
expected<std::string, ServiceError> query_value(std::string_view query, std::string_view name);

// With region and account, those of `settings` where the request names none.
// Errors: 400 for what is no name or qualifier, 404 for a function, version or
// alias that is not served.
expected<FunctionName, ServiceError> addressed_function(const Settings& settings, std::string_view encoded_name,
                                                        std::string_view query);

std::string arn_of(const FunctionName& function);

}  // namespace mayfly::emulator
