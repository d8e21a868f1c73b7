// What a function or an extension reports to Lambda when it fails.

#pragma once

#include <exception>
#include <string>
#include <utility>

#include <mayfly/result.h>

namespace mayfly {

//   throw mayfly::Error("Order.Invalid", "quantity must be positive");
//   return mayfly::unexpected(mayfly::Error("Order.Invalid", "..."));  // from a Result
//
// `type` becomes errorType, `message` becomes errorMessage of the error that the
// caller of the function sees; of a message over 64 KiB the beginning is sent.
// AWS advises `<category>.<reason>` for the type [A].
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

// What a function gives that can fail without an exception.
template <class T>
using Result = expected<T, Error>;

}  // namespace mayfly
