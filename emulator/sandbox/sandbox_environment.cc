#include "emulator/sandbox/sandbox_environment.h"

#include <algorithm>
#include <array>

namespace mayfly::emulator {

namespace {

// Set by Lambda and refused in a function's configuration [A].
constexpr std::array<std::string_view, 20> kReserved{
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_LAMBDA_RUNTIME_API",
    "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR",
    "AWS_LAMBDA_MAX_CONCURRENCY",
    "AWS_LAMBDA_METADATA_API",
};

// What the runtime sees and extensions do not [A].
constexpr std::array<std::string_view, 11> kHiddenFromExtensions{
    "AWS_EXECUTION_ENV",          "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_XRAY_CONTEXT_MISSING",
    "AWS_XRAY_DAEMON_ADDRESS",    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",           "_AWS_XRAY_DAEMON_ADDRESS",
    "_AWS_XRAY_DAEMON_PORT",      "_HANDLER",
    "AWS_LAMBDA_MAX_CONCURRENCY",
};

void set(Variables& variables, std::string_view name, std::string value) {
  auto found = std::ranges::find(variables, name, &Variables::value_type::first);
  if (found != variables.end()) {
    found->second = std::move(value);
  } else {
    variables.emplace_back(name, std::move(value));
  }
}

// As a POSIX shell reads it back.
std::string shell_quoted(std::string_view text) {
  auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-./:@%+,=").find(c) != std::string_view::npos;
  };
  if (!text.empty() && std::ranges::all_of(text, plain)) return std::string(text);
  std::string out = "'";
  for (char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

void set_function(Variables& variables, const Settings& settings) {
  set(variables, "_HANDLER", settings.handler);
  set(variables, "AWS_LAMBDA_FUNCTION_NAME", settings.function_name);
  set(variables, "AWS_LAMBDA_FUNCTION_VERSION", settings.function_version);
  set(variables, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", std::to_string(settings.memory_mb));
  set(variables, "AWS_LAMBDA_INITIALIZATION_TYPE", std::string(settings.initialization_type()));
  if (settings.is_managed()) set(variables, "AWS_LAMBDA_MAX_CONCURRENCY", std::to_string(settings.max_concurrency));
}

// What an image leaves to Lambda, no more: its paths and libraries are its own,
// and a region made up here would hide that of the user's AWS profile.
Variables variables_in_image(const Settings& settings, const core::Origin& runtime_api, std::string_view log_stream) {
  Variables variables{{"AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/" + settings.function_name},
                      {"AWS_LAMBDA_LOG_STREAM_NAME", std::string(log_stream)}};
  if (settings.is_managed()) set(variables, "AWS_LAMBDA_LOG_FORMAT", "JSON");
  for (const auto& [name, value] : settings.image_environment) set(variables, name, value);
  for (const auto& [name, value] : settings.credentials) set(variables, name, value);
  set_function(variables, settings);
  set(variables, "AWS_LAMBDA_RUNTIME_API", runtime_api.host_port());
  return variables;
}

}  // namespace

bool is_reserved_variable(std::string_view name) {
  return std::ranges::find(kReserved, name) != kReserved.end() || name == "AWS_LAMBDA_METADATA_TOKEN";
}

std::string reserved_variables_message(std::string_view names) {
  return "Lambda was unable to configure your environment variables because the environment variables you have "
         "provided "
         "contains reserved keys that are currently not supported for modification. Reserved keys used in this "
         "request: " +
         std::string(names);
}

Variables runtime_variables(const Settings& settings, const core::Origin& runtime_api, std::string_view log_stream) {
  if (!settings.image_environment.empty()) return variables_in_image(settings, runtime_api, log_stream);
  const std::string task_root = settings.task_root.string();
  Variables variables{
      {"LANG", "en_US.UTF-8"},
      {"PATH", "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin"},
      {"LD_LIBRARY_PATH", "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:" + task_root + ":" +
                              task_root + "/lib:/opt/lib"},
      {"TZ", ":UTC"},
      {"AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR"},
      {"AWS_XRAY_DAEMON_ADDRESS", "169.254.100.1:2000"},
      {"_AWS_XRAY_DAEMON_ADDRESS", "169.254.100.1"},
      {"_AWS_XRAY_DAEMON_PORT", "2000"},
      {"AWS_LAMBDA_LOG_FORMAT", settings.log_format == LogFormat::json ? "JSON" : "Text"},
  };
  if (!settings.log_level.empty()) {
    set(variables, "AWS_LAMBDA_LOG_LEVEL", settings.log_level);
  } else if (settings.log_format == LogFormat::json) {
    set(variables, "AWS_LAMBDA_LOG_LEVEL", "INFO");
  }
  for (const auto& [name, value] : settings.environment) set(variables, name, value);
  for (const auto& [name, value] : settings.credentials) set(variables, name, value);
  set(variables, "AWS_REGION", settings.region);
  set(variables, "AWS_DEFAULT_REGION", settings.region);
  set_function(variables, settings);
  set(variables, "AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/" + settings.function_name);
  set(variables, "AWS_LAMBDA_LOG_STREAM_NAME", std::string(log_stream));
  set(variables, "AWS_LAMBDA_RUNTIME_API", runtime_api.host_port());
  set(variables, "LAMBDA_TASK_ROOT", task_root);
  set(variables, "LAMBDA_RUNTIME_DIR", "/var/runtime");
  return variables;
}

Variables extension_variables(const Settings& settings, const core::Origin& runtime_api, std::string_view log_stream) {
  auto variables = runtime_variables(settings, runtime_api, log_stream);
  std::erase_if(variables, [](const auto& variable) {
    return std::ranges::find(kHiddenFromExtensions, std::string_view(variable.first)) != kHiddenFromExtensions.end();
  });
  return variables;
}

std::string needed_variables(const Settings& settings, const core::Origin& runtime_api) {
  Variables needed{{"AWS_LAMBDA_RUNTIME_API", runtime_api.host_port()}};
  set_function(needed, settings);
  std::erase_if(needed, [](const auto& variable) {
    return variable.second.empty() || variable.first == "AWS_LAMBDA_INITIALIZATION_TYPE";
  });
  for (const auto& [name, value] : settings.environment) set(needed, name, value);
  std::string text;
  for (const auto& [name, value] : needed) {
    text += (text.empty() ? "" : " ") + name + "=" + shell_quoted(value);
  }
  return text;
}

}  // namespace mayfly::emulator
