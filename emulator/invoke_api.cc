#include "emulator/invoke_api.h"

#include <mayfly/json/writer.h>

#include <algorithm>
#include <cctype>
#include <optional>

#include "core/clock.h"
#include "emulator/function_name.h"
#include "emulator/identifiers.h"
#include "emulator/json_check.h"
#include "emulator/mailbox.h"
#include "emulator/streamed_answer.h"
#include "emulator/trace_id.h"

namespace mayfly::emulator {

namespace asio = boost::asio;
using core::HttpExchange;
using core::HttpReply;

namespace {

// What stands before and behind a function's name in a path.
struct Route {
  std::string_view prefix, suffix;
};
constexpr Route kInvoke{"/2015-03-31/functions/", "/invocations"};
constexpr Route kInvokeInParts{"/2021-11-15/functions/", "/response-streaming-invocations"};

// Empty: another path.
std::string_view name_in(std::string_view path, const Route& route) {
  if (!path.starts_with(route.prefix) || !path.ends_with(route.suffix)) return {};
  if (path.size() <= route.prefix.size() + route.suffix.size()) return {};
  auto name = path.substr(route.prefix.size(), path.size() - route.prefix.size() - route.suffix.size());
  return name.find('/') == name.npos ? name : std::string_view();
}

// How the service refuses a request. Its exceptions spell the message's key in
// two ways; clients read either.
struct ServiceError {
  unsigned status;
  std::string type;
  std::string message;
  const char* message_key = "message";
  const char* side = "User";  // or Service; null: the body has only the message
  const char* reason = nullptr;
};

HttpReply error_reply(const ServiceError& error, const std::string& request_id) {
  HttpReply reply{error.status, "application/json", {}, {}};
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

ServiceError too_large(std::size_t size, bool asynchronous) {
  const char* type = asynchronous ? "Event" : "RequestResponse";
  auto limit = asynchronous ? InvokeApi::kMaxEventBytes : InvokeApi::kMaxPayloadBytes;
  ServiceError error{413, "RequestEntityTooLargeException", {}};
  error.message = std::to_string(size) + " byte payload is too large for the " + type + " invocation type (limit " +
                  std::to_string(limit) + " bytes)";
  error.side = nullptr;
  return error;
}

ServiceError unknown_operation() {
  return {404, "UnknownOperationException",
          "served here: POST /2015-03-31/functions/NAME/invocations and "
          "/2021-11-15/functions/NAME/response-streaming-invocations",
          "Message"};
}

ServiceError wrong_method() { return {405, "MethodNotAllowedException", "Invoke is a POST", "Message"}; }

ServiceError too_many() {
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

// The value of a name in a query string, still encoded; empty when not there.
std::string_view query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    auto end = query.find('&');
    auto pair = query.substr(0, end);
    auto equals = pair.find('=');
    if (pair.substr(0, equals) == name) return equals == pair.npos ? std::string_view() : pair.substr(equals + 1);
    query = end == query.npos ? std::string_view() : query.substr(end + 1);
  }
  return {};
}

// A body that is too large has not been kept: its size is what is wrong then.
std::optional<ServiceError> check_signature(const Settings& settings, const HttpExchange& exchange,
                                            const HttpExchange::Body& body) {
  if (!settings.verify_signatures || body.state == body.too_large) return std::nullopt;
  RawRequest request{exchange.method(), exchange.path(), exchange.query(), exchange.fields(), body.bytes};
  auto fault = signature_fault(request, settings.callers, settings.region, core::wall_now());
  if (!fault) return std::nullopt;
  return ServiceError{403, std::move(fault->type), std::move(fault->message), "message", nullptr};
}

expected<FunctionName, ServiceError> addressed_function(const Settings& settings, std::string_view encoded_name,
                                                        std::string_view query) {
  auto text = core::percent_decode(encoded_name);
  if (!text) return bad_value(text.error().message);
  auto name = parse_function_name(*text);
  if (!name) return bad_value(name.error().message);
  auto qualifier = core::percent_decode(query_value(query, "Qualifier"));
  if (!qualifier || (!qualifier->empty() && !is_qualifier(*qualifier)))
    return bad_value("Qualifier: not a version or alias");
  if (!qualifier->empty()) {
    if (!name->qualifier.empty() && name->qualifier != *qualifier) {
      return bad_value("The derived qualifier from the function name does not match the specified qualifier.");
    }
    name->qualifier = *qualifier;
  }
  if (name->region.empty()) name->region = settings.region;
  if (name->account.empty()) name->account = settings.account_id;
  return *name;
}

std::string arn_of(const FunctionName& function) {
  std::string arn = "arn:aws:lambda:" + function.region + ":" + function.account + ":function:" + function.name;
  if (!function.qualifier.empty()) arn += ":" + function.qualifier;
  return arn;
}

// One function is served: its name, and as qualifier its version or $LATEST.
bool is_served(const Settings& settings, const FunctionName& function) {
  if (settings.any_function_name) return true;
  return function.name == settings.function_name &&
         (function.qualifier.empty() || function.qualifier == settings.function_version ||
          function.qualifier == "$LATEST");
}

bool is_tenant_id(std::string_view text) {
  constexpr std::string_view kSigns = "._:/=+-@ ";
  return text.size() <= 256 && std::ranges::all_of(text, [&](char c) {
           return std::isalnum(static_cast<unsigned char>(c)) != 0 || kSigns.find(c) != kSigns.npos;
         });
}

struct Call {
  enum Type { request_response, event, dry_run } type = request_response;
  std::shared_ptr<Invocation> invocation = std::make_shared<Invocation>();
};

expected<Call, ServiceError> read_head(const Settings& settings, const HttpExchange& exchange,
                                       std::string_view encoded_name, bool in_parts) {
  Call call;
  Invocation& invocation = *call.invocation;
  invocation.in_parts = in_parts;
  auto type = exchange.field("X-Amz-Invocation-Type");
  if (type == "Event" && !in_parts) {
    call.type = Call::event;
    invocation.asynchronous = true;
  } else if (type == "DryRun") {
    call.type = Call::dry_run;
  } else if (!type.empty() && type != "RequestResponse") {
    return unexpected(
        ServiceError{400, "ValidationException",
                     "1 validation error detected: Value '" + std::string(type) +
                         "' at 'invocationType' failed to satisfy constraint: Member must satisfy enum value "
                         "set: [" +
                         (in_parts ? "" : "Event, ") + "RequestResponse, DryRun]",
                     "message", nullptr});
  }
  auto function = addressed_function(settings, encoded_name, exchange.query());
  if (!function) return unexpected(function.error());
  if (!is_served(settings, *function)) {
    return unexpected(
        ServiceError{404, "ResourceNotFoundException", "Function not found: " + arn_of(*function), "Message"});
  }
  invocation.invoked_arn = arn_of(*function);
  invocation.log_tail = exchange.field("X-Amz-Log-Type") == "Tail" && call.type == Call::request_response;
  invocation.trace_id = complete_trace_id(exchange.field("X-Amzn-Trace-Id"));
  invocation.tenant_id = exchange.field("X-Amz-Tenant-Id");
  if (!is_tenant_id(invocation.tenant_id))
    return bad_value("The tenant ID must be 1 to 256 of [a-zA-Z0-9._:/=+\\-@ ].");
  if (settings.tenant_isolation && invocation.tenant_id.empty()) {
    return bad_value(
        "The invoked function is enabled with tenancy configuration. Add a valid tenant ID in your request and try "
        "again.");
  }

  auto context = exchange.field("X-Amz-Client-Context");
  if (context.empty() || call.type == Call::event) return call;
  auto decoded = base64_decode(context);
  if (context.size() > InvokeApi::kMaxClientContextBytes || !decoded || !is_json_object(*decoded)) {
    return bad_content("Client context must be a valid Base64-encoded JSON object.");
  }
  // It travels in a header field.
  std::ranges::replace_if(
      *decoded, [](unsigned char c) { return c < 0x20; }, ' ');
  invocation.client_context = *decoded;
  return call;
}

expected<void, ServiceError> read_payload(HttpExchange::Body body, Call& call) {
  bool asynchronous = call.type == Call::event;
  auto limit = asynchronous ? InvokeApi::kMaxEventBytes : InvokeApi::kMaxPayloadBytes;
  if (body.state == body.too_large || body.size > limit) return unexpected(too_large(body.size, asynchronous));
  if (body.bytes.empty()) body.bytes = "{}";
  if (auto problem = json_problem(body.bytes); !problem.empty()) {
    return bad_content("Could not parse request body into json: Could not parse payload into json: " + problem);
  }
  call.invocation->event = std::move(body.bytes);
  return {};
}

HttpReply answer_head(const Settings& settings, const Invocation& invocation) {
  HttpReply reply{200, "application/json", {}, {}};
  reply.fields = {{"x-amzn-RequestId", invocation.request_id},
                  {"X-Amzn-Trace-Id", invocation.trace_id},
                  {"X-Amz-Executed-Version", settings.function_version}};
  return reply;
}

HttpReply answer_reply(const Settings& settings, const Invocation& invocation, Answer answer) {
  if (answer.aborted) return error_reply(shut_down(), invocation.request_id);
  HttpReply reply = answer_head(settings, invocation);
  reply.body = std::move(answer.payload);
  if (!answer.error_type.empty()) reply.fields.emplace_back("X-Amz-Function-Error", "Unhandled");
  if (invocation.log_tail) reply.fields.emplace_back("X-Amz-Log-Result", base64_encode(answer.log_tail));
  return reply;
}

HttpReply empty_reply(unsigned status, const Invocation& invocation) {
  return {status, {}, {{"x-amzn-RequestId", invocation.request_id}, {"X-Amzn-Trace-Id", invocation.trace_id}}, {}};
}

}  // namespace

asio::awaitable<void> InvokeApi::serve(HttpExchange& exchange) {
  auto name = name_in(exchange.path(), kInvoke);
  bool in_parts = name.empty();
  if (in_parts) name = name_in(exchange.path(), kInvokeInParts);
  if (name.empty()) return exchange.reply(error_reply(unknown_operation(), new_uuid()));
  if (exchange.method() != "POST") return exchange.reply(error_reply(wrong_method(), new_uuid()));
  return invoke(exchange, name, in_parts);
}

asio::awaitable<void> InvokeApi::invoke(HttpExchange& exchange, std::string_view encoded_name, bool in_parts) {
  std::string request_id(exchange.field("x-amzn-RequestId"));
  bool bad_id = !request_id.empty() && !is_uuid(request_id);
  if (request_id.empty() || bad_id) request_id = new_uuid();

  auto call = read_head(settings_, exchange, encoded_name, in_parts);
  if (bad_id) call = bad_content("The request ID must be a UUID.");
  auto body = co_await exchange.read_body(kMaxPayloadBytes);
  if (body.state == body.broken) co_return;
  if (auto fault = check_signature(settings_, exchange, body)) {
    co_return co_await exchange.reply(error_reply(*fault, request_id));
  }
  if (!call) co_return co_await exchange.reply(error_reply(call.error(), request_id));
  call->invocation->request_id = request_id;
  if (auto sound = read_payload(std::move(body), *call); !sound) {
    co_return co_await exchange.reply(error_reply(sound.error(), request_id));
  }
  if (call->type == Call::dry_run) co_return co_await exchange.reply(empty_reply(204, *call->invocation));

  auto answers = std::make_shared<Mailbox<Answer>>(io_);
  bool taken = submit_(call->invocation, [answers](Answer answer) { answers->put(std::move(answer)); });
  if (!taken) co_return co_await exchange.reply(error_reply(too_many(), request_id));
  if (call->type == Call::event) co_return co_await exchange.reply(empty_reply(202, *call->invocation));
  auto answer = co_await answers->take();
  if (!answer) co_return;
  if (in_parts && !answer->aborted) {
    co_return co_await reply_with_events(exchange, answer_head(settings_, *call->invocation), std::move(*answer));
  }
  co_await exchange.reply(answer_reply(settings_, *call->invocation, std::move(*answer)));
}

}  // namespace mayfly::emulator
