// Environment variables, read once where a program starts and handed down.

#pragma once

#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

namespace mayfly::core {

// The variable's value, or `fallback` when it is not set. The view lives until
// the variable is changed.
inline std::string_view env_or(const char* name, std::string_view fallback) {
  const char* value = std::getenv(name);
  return value ? std::string_view(value) : fallback;
}

// Not set and set to nothing are the same: both mean "not given".
inline std::optional<std::string_view> env(const char* name) {
  const char* value = std::getenv(name);
  if (!value || !*value) return std::nullopt;
  return std::string_view(value);
}

}  // namespace mayfly::core
