#include "emulator/invoke/function_address.h"

#include "core/uri.h"

namespace mayfly::emulator {

namespace {

// The service's pattern, which is wider than what it then takes.
constexpr std::string_view kQualifierPattern = "satisfy regular expression pattern: (|[a-zA-Z0-9$_-]+)";

// One function is served: its name, and as qualifier its version or $LATEST.
expected<void, ServiceError> check_served(const Settings& settings, const FunctionName& function) {
  if (settings.any_function_name) return {};
  if (function.region != settings.region) {
    return unexpected(not_found("Functions from '" + function.region + "' are not reachable in this region ('" +
                                settings.region + "')"));
  }
  bool served = function.name == settings.function_name && function.account == settings.account_id &&
                (function.qualifier.empty() || function.qualifier == settings.function_version ||
                 function.qualifier == "$LATEST");
  if (!served) return unexpected(not_found("Function not found: " + arn_of(function)));
  return {};
}

}  // namespace

std::string_view name_in(std::string_view path, const FunctionRoute& route) {
  if (path.ends_with('/')) path.remove_suffix(1);
  if (!path.starts_with(route.prefix) || !path.ends_with(route.suffix)) return {};
  if (path.size() <= route.prefix.size() + route.suffix.size()) return {};
  auto name = path.substr(route.prefix.size(), path.size() - route.prefix.size() - route.suffix.size());
  return name.find('/') == name.npos ? name : std::string_view();
}

expected<std::string, ServiceError> query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    auto end = query.find('&');
    auto pair = query.substr(0, end);
    auto equals = pair.find('=');
    if (pair.substr(0, equals) == name) {
      auto value = core::percent_decode(equals == pair.npos ? std::string_view() : pair.substr(equals + 1));
      if (!value) return bad_value(std::string(name) + ": " + value.error().message);
      return std::move(*value);
    }
    query = end == query.npos ? std::string_view() : query.substr(end + 1);
  }
  return {};
}

expected<FunctionName, ServiceError> addressed_function(const Settings& settings, std::string_view encoded_name,
                                                        std::string_view query) {
  auto text = core::percent_decode(encoded_name);
  if (!text) return bad_value(text.error().message);
  auto name = parse_function_name(*text);
  if (!name) {
    ServiceError error{400, "ValidationException", name.error().message, "message", nullptr};
    if (name.error().code == core::Errc::out_of_range) {
      error.type = "InvalidParameterValueException";
      error.side = "User";
    }
    return unexpected(std::move(error));
  }
  auto qualifier = query_value(query, "Qualifier");
  if (!qualifier) return unexpected(qualifier.error());
  if (!qualifier->empty()) {
    if (!is_qualifier(*qualifier)) return bad_member(*qualifier, "qualifier", kQualifierPattern);
    if (!name->qualifier.empty() && name->qualifier != *qualifier)
      return bad_value("The derived qualifier from the function name does not match the specified qualifier.");
    name->qualifier = *qualifier;
  }
  // What callers of the official emulator and of cargo-lambda say: whatever is served.
  if (name->name == "function" || name->name == "_") name->name = settings.function_name;
  if (name->region.empty()) name->region = settings.region;
  if (name->account.empty()) name->account = settings.account_id;
  if (auto served = check_served(settings, *name); !served) return unexpected(served.error());
  return *name;
}

std::string arn_of(const FunctionName& function) {
  std::string arn = "arn:aws:lambda:" + function.region + ":" + function.account + ":function:" + function.name;
  if (!function.qualifier.empty()) arn += ":" + function.qualifier;
  return arn;
}

}  // namespace mayfly::emulator
