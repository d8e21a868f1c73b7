// What clients ask about a function before they call it [A]: GetFunction,
// GetFunctionConfiguration, ListFunctions and GetAccountSettings, so that the AWS
// CLI's waiters, SDKs and tools find a function that is there and active. Answers
// are made of the settings; nothing can be changed.
//
// [A] the service model in botocore, and answers recorded from the service in
//     LocalStack's snapshot tests, read 2026-11.

#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "core/http_server/http_server.h"
#include "emulator/invoke/function_name.h"
#include "emulator/invoke/service_error.h"
#include "emulator/settings.h"

namespace mayfly::emulator {

class FunctionApi {
 public:
  explicit FunctionApi(const Settings& settings);

  bool serves(const core::HttpExchange& exchange) const { return operation_of(exchange).has_value(); }
  // Only what it serves.
  boost::asio::awaitable<void> serve(core::HttpExchange& exchange);

 private:
  enum class Operation { get_function, get_configuration, list_functions, account_settings };
  struct Wanted {
    Operation operation;
    std::string_view name;  // of the function, still encoded
  };
  static std::optional<Wanted> operation_of(const core::HttpExchange& exchange);
  using Answer = expected<std::string, ServiceError>;  // the body
  Answer answer(const Wanted& wanted, std::string_view query);
  Answer get_function(std::string_view encoded_name, std::string_view query, bool only_configuration);
  Answer list_functions(std::string_view query);
  std::string account_settings() const;
  std::string configuration(const FunctionName& function);

  const Settings& settings_;
  const std::string revision_id_;
  // Of the program as it was last asked about.
  std::string hashed_;  // path, size and time
  std::string code_sha256_;
};

}  // namespace mayfly::emulator
