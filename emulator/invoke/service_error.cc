#include "emulator/invoke/service_error.h"

#include <mayfly/json/writer.h>

#include "core/clock.h"
#include "emulator/invoke/signature.h"
#include "emulator/invoke/validation_text.h"

namespace mayfly::emulator {

namespace {

// Of a path that is repeated in a message.
constexpr std::size_t kMostOfPath = 200;

}  // namespace

core::HttpReply error_reply(const ServiceError& error, const std::string& request_id) {
  core::HttpReply reply{error.status, "application/json", {}, {}};
  reply.fields = {{"x-amzn-RequestId", request_id}, {"x-amzn-ErrorType", error.type}};
  if (error.status == 429) reply.fields.emplace_back("Retry-After", "1");
  json::Writer writer(reply.body);
  writer.begin_object();
  if (error.reason) writer.member("Reason", error.reason);
  if (error.side) writer.member("Type", error.side);
  writer.member(error.message_key, error.message).end_object();
  return reply;
}

unexpected<ServiceError> bad_content(std::string message) {
  return unexpected(ServiceError{400, "InvalidRequestContentException", std::move(message)});
}

unexpected<ServiceError> bad_value(std::string message) {
  return unexpected(ServiceError{400, "InvalidParameterValueException", std::move(message)});
}

unexpected<ServiceError> bad_member(std::string_view value, std::string_view field, std::string_view constraint) {
  return unexpected(
      ServiceError{400, "ValidationException", validation_text(value, field, constraint), "message", nullptr});
}

ServiceError not_found(std::string message) {
  return {404, "ResourceNotFoundException", std::move(message), "Message"};
}

ServiceError too_large(std::size_t size, const char* invocation_type, std::size_t limit) {
  return {413, "RequestEntityTooLargeException",
          std::to_string(size) + " byte payload is too large for the " + invocation_type + " invocation type (limit " +
              std::to_string(limit) + " bytes)",
          "message", nullptr};
}

ServiceError unsupported_media_type() {
  return {415, "UnsupportedMediaTypeException", "The content type of the Invoke request body is not JSON."};
}

ServiceError unknown_operation(std::string_view method, std::string_view path) {
  std::string message(method);
  message.append(" ").append(path.substr(0, kMostOfPath));
  message +=
      " is not served here: Invoke, InvokeWithResponseStream, InvokeAsync, GetFunction, GetFunctionConfiguration, "
      "ListFunctions and GetAccountSettings are. What a function is and has is set by the options of mayfly run.";
  return {404, "UnknownOperationException", std::move(message), "Message"};
}

ServiceError wrong_method() { return {405, "MethodNotAllowedException", "Invoke is a POST", "Message"}; }

ServiceError too_many_calls() {
  return {429,
          "TooManyRequestsException",
          "Rate Exceeded.",
          "message",
          "User",
          "ReservedFunctionConcurrentInvocationLimitExceeded"};
}

ServiceError shut_down() {
  return {500, "ServiceException", "The execution environment was shut down before the function answered.", "Message",
          "Service"};
}

std::optional<ServiceError> signature_error(const Settings& settings, const core::HttpExchange& exchange,
                                            const core::HttpExchange::Body& body) {
  if (!settings.verify_signatures || body.state == body.too_large) return std::nullopt;
  RawRequest request{exchange.method(), exchange.path(), exchange.query(), exchange.fields(), body.bytes};
  auto fault = signature_fault(request, settings.callers, settings.region, core::wall_now());
  if (!fault) return std::nullopt;
  return ServiceError{403, std::move(fault->type), std::move(fault->message), "message", nullptr};
}

}  // namespace mayfly::emulator
