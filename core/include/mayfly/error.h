// What a function or an extension reports to Lambda when it fails.

#pragma once

#include <exception>
#include <string>
#include <utility>

#include <mayfly/result.h>

namespace mayfly {

// Throw it, or return it in a Result. `type` becomes errorType, `message`
// becomes errorMessage of the error that the caller of the function sees.
// AWS advises `<category>.<reason>` for the type, e.g. "Order.Invalid" [A].
//
// [A] AWS Lambda Developer Guide, "Building a custom runtime", Invocation
//     error, read 2026-11.
struct Error : std::exception {
  Error(std::string type_of_error, std::string message_of_error)
      : type(std::move(type_of_error)), message(std::move(message_of_error)) {}

  const char* what() const noexcept override { return message.c_str(); }

  std::string type;
  std::string message;
};

template <class T>
using Result = expected<T, Error>;

}  // namespace mayfly
