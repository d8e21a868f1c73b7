// How the service refuses a request: status, the exception's name in
// x-amzn-ErrorType, and a body of which clients read the message. Its exceptions
// spell the message's key in two ways. Texts are the service's where they were
// recorded from it [A]; the others name the thing, its value and its limit.
//
// [A] the service model in botocore, and answers recorded from the service in
//     LocalStack's snapshot tests, read 2026-11. Where they disagree the recording
//     wins: what is too large is a RequestEntityTooLargeException, though the model
//     says RequestTooLargeException.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "core/failure.h"
#include "core/http_server/http_server.h"
#include "emulator/settings.h"

namespace mayfly::emulator {

struct ServiceError {
  unsigned status;
  std::string type;
  std::string message;
  const char* message_key = "message";
  const char* side = "User";  // or Service; null: the body has only the message
  const char* reason = nullptr;
};

core::HttpReply error_reply(const ServiceError& error, const std::string& request_id);

unexpected<ServiceError> bad_content(std::string message);  // InvalidRequestContentException
unexpected<ServiceError> bad_value(std::string message);    // InvalidParameterValueException
// `constraint`: what stands behind "Member must ".
unexpected<ServiceError> bad_member(std::string_view value, std::string_view field, std::string_view constraint);
ServiceError not_found(std::string message);
ServiceError too_large(std::size_t size, const char* invocation_type, std::size_t limit);
ServiceError unsupported_media_type();
ServiceError unknown_operation(std::string_view method, std::string_view path);
ServiceError wrong_method();
ServiceError too_many_calls();
ServiceError shut_down();
// Of a request whose signature is not what `settings` wants. A body that is too
// large has not been kept: its size is what is wrong then.
std::optional<ServiceError> signature_error(const Settings& settings, const core::HttpExchange& exchange,
                                            const core::HttpExchange::Body& body);

}  // namespace mayfly::emulator
