#include "emulator/invoke/invoke_api.h"

#include <algorithm>
#include <cctype>

#include "emulator/identifiers.h"
#include "emulator/invoke/function_address.h"
#include "emulator/invoke/service_error.h"
#include "emulator/invoke/streamed_answer.h"
#include "emulator/json_check.h"
#include "emulator/lifecycle/lifecycle.h"
#include "emulator/mailbox.h"
#include "emulator/trace_id.h"

namespace mayfly::emulator {

namespace asio = boost::asio;
using core::HttpExchange;
using core::HttpReply;

namespace {

using Operation = InvokeApi::Operation;

struct Route {
  Operation operation;
  FunctionRoute path;
};
constexpr Route kRoutes[] = {
    {Operation::invoke, {"/2015-03-31/functions/", "/invocations"}},
    {Operation::invoke_in_parts, {"/2021-11-15/functions/", "/response-streaming-invocations"}},
    {Operation::invoke_async, {"/2014-11-13/functions/", "/invoke-async"}},
};

bool is_tenant_id(std::string_view text) {
  constexpr std::string_view kSigns = "._:/=+-@ ";
  return text.size() <= 256 && std::ranges::all_of(text, [&](char c) {
           return std::isalnum(static_cast<unsigned char>(c)) != 0 || kSigns.find(c) != kSigns.npos;
         });
}

// What SDKs, curl and fetch() put on JSON; a type that says otherwise is refused.
// boto3 sends none.
bool may_be_json(std::string_view content_type) {
  auto type = content_type.substr(0, content_type.find(';'));
  while (type.ends_with(' ')) type.remove_suffix(1);
  std::string lower(type);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  constexpr std::string_view kUsual[] = {
      "",
      "application/json",
      "application/octet-stream",
      "binary/octet-stream",
      "application/x-amz-json-1.0",
      "application/x-amz-json-1.1",
      "application/x-www-form-urlencoded",
      "text/plain",
  };
  return std::ranges::find(kUsual, lower) != std::end(kUsual) || lower.ends_with("+json");
}

struct Call {
  enum Type { request_response, event, dry_run } type = request_response;
  std::size_t max_payload_bytes = InvokeApi::kMaxPayloadBytes;
  std::shared_ptr<Invocation> invocation = std::make_shared<Invocation>();
};

expected<Call::Type, ServiceError> invocation_type(const HttpExchange& exchange, Operation operation) {
  if (operation == Operation::invoke_async) return Call::event;
  bool in_parts = operation == Operation::invoke_in_parts;
  auto type = exchange.field("X-Amz-Invocation-Type");
  if (type.empty() || type == "RequestResponse") return Call::request_response;
  if (type == "DryRun") return Call::dry_run;
  if (type == "Event" && !in_parts) return Call::event;
  return bad_member(
      type, "invocationType",
      std::string("satisfy enum value set: [") + (in_parts ? "" : "Event, ") + "RequestResponse, DryRun]");
}

// Base64, and within it a JSON object; on its way to the runtime it is a field.
expected<std::string, ServiceError> client_context(const HttpExchange& exchange) {
  auto given = exchange.field("X-Amz-Client-Context");
  if (given.empty()) return {};
  if (given.size() > InvokeApi::kMaxClientContextBytes) {
    return bad_content("Client context must be no more than " + std::to_string(InvokeApi::kMaxClientContextBytes) +
                       " bytes of Base64, it is " + std::to_string(given.size()) + ".");
  }
  auto decoded = base64_decode(given);
  if (!decoded || !is_json_object(*decoded))
    return bad_content("Client context must be a valid Base64-encoded JSON object.");
  std::ranges::replace_if(
      *decoded, [](unsigned char c) { return c < 0x20; }, ' ');
  return std::move(*decoded);
}

expected<std::string, ServiceError> tenant_id(const Settings& settings, const HttpExchange& exchange) {
  auto given = exchange.field("X-Amz-Tenant-Id");
  if (!is_tenant_id(given)) return bad_value("The tenant ID must be 1 to 256 of [a-zA-Z0-9._:/=+\\-@ ].");
  if (settings.tenant_isolation && given.empty()) {
    return bad_value(
        "The invoked function is enabled with tenancy configuration. Add a valid tenant ID in your request and try "
        "again.");
  }
  return std::string(given);
}

expected<Call, ServiceError> read_head(const Settings& settings, const HttpExchange& exchange,
                                       std::string_view encoded_name, Operation operation) {
  Call call;
  Invocation& invocation = *call.invocation;
  auto type = invocation_type(exchange, operation);
  if (!type) return unexpected(type.error());
  call.type = *type;
  if (call.type == Call::event) {
    call.max_payload_bytes =
        operation == Operation::invoke_async ? InvokeApi::kMaxAsyncBytes : InvokeApi::kMaxEventBytes;
  }
  auto log_type = exchange.field("X-Amz-Log-Type");
  if (!log_type.empty() && log_type != "Tail" && log_type != "None")
    return bad_member(log_type, "logType", "satisfy enum value set: [Tail, None]");
  auto function = addressed_function(settings, encoded_name, exchange.query());
  if (!function) return unexpected(function.error());
  if (!may_be_json(exchange.field("Content-Type"))) return unexpected(unsupported_media_type());
  if (exchange.has_field("X-Amz-Durable-Execution-Name"))
    return bad_value("A durable execution name is for durable functions, which are not supported here.");

  invocation.in_parts = operation == Operation::invoke_in_parts;
  invocation.asynchronous = call.type == Call::event;
  invocation.invoked_arn = arn_of(*function);
  invocation.log_tail = log_type == "Tail" && call.type == Call::request_response;
  invocation.trace_id = complete_trace_id(exchange.field("X-Amzn-Trace-Id"));
  auto tenant = tenant_id(settings, exchange);
  if (!tenant) return unexpected(tenant.error());
  invocation.tenant_id = std::move(*tenant);
  if (call.type == Call::event) return call;  // they have no client context
  auto context = client_context(exchange);
  if (!context) return unexpected(context.error());
  invocation.client_context = std::move(*context);
  return call;
}

expected<void, ServiceError> read_payload(HttpExchange::Body body, Call& call) {
  if (body.state == body.too_large || body.size > call.max_payload_bytes) {
    const char* type = call.type == Call::event ? "Event" : "RequestResponse";
    return unexpected(too_large(body.size, type, call.max_payload_bytes));
  }
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

// For callers that were written against the official emulator: see Settings.
void use_emulator_status(HttpReply& reply, const Settings& settings, const Answer& answer) {
  if (answer.from_function) return;
  if (answer.error_type == "Sandbox.Timedout") {
    reply.content_type = "text/plain; charset=utf-8";
    reply.body = timeout_message(settings.timeout);
  } else {
    reply.status = 502;
  }
}

HttpReply answer_reply(const Settings& settings, const Invocation& invocation, Answer answer) {
  if (answer.aborted) return error_reply(shut_down(), invocation.request_id);
  HttpReply reply = answer_head(settings, invocation);
  reply.body = std::move(answer.payload);
  if (!answer.error_type.empty()) reply.fields.emplace_back("X-Amz-Function-Error", "Unhandled");
  // Lambda tells it only of a first start, by the Init Duration in REPORT.
  if (answer.cold) reply.fields.emplace_back("X-Mayfly-Start", "cold");
  if (settings.emulator_statuses) use_emulator_status(reply, settings, answer);
  if (invocation.log_tail) reply.fields.emplace_back("X-Amz-Log-Result", base64_encode(answer.log_tail));
  return reply;
}

HttpReply short_reply(unsigned status, const Invocation& invocation) {
  return {status, {}, {{"x-amzn-RequestId", invocation.request_id}, {"X-Amzn-Trace-Id", invocation.trace_id}}, {}};
}

// To InvokeAsync, which is deprecated and has a body of its own.
HttpReply async_reply(const Invocation& invocation) {
  HttpReply reply = short_reply(202, invocation);
  reply.content_type = "application/json";
  reply.body = R"({"Status":202})";
  return reply;
}

}  // namespace

asio::awaitable<void> InvokeApi::serve(HttpExchange& exchange) {
  for (const Route& route : kRoutes) {
    auto name = name_in(exchange.path(), route.path);
    if (name.empty()) continue;
    if (exchange.method() != "POST") return exchange.reply(error_reply(wrong_method(), new_uuid()));
    return invoke(exchange, name, route.operation);
  }
  return exchange.reply(error_reply(unknown_operation(exchange.method(), exchange.path()), new_uuid()));
}

asio::awaitable<void> InvokeApi::invoke(HttpExchange& exchange, std::string_view encoded_name,
                                        InvokeApi::Operation operation) {
  std::string request_id(exchange.field("x-amzn-RequestId"));
  bool bad_id = !request_id.empty() && !is_uuid(request_id);
  if (request_id.empty() || bad_id) request_id = new_uuid();

  auto call = read_head(settings_, exchange, encoded_name, operation);
  if (bad_id) call = bad_content("The request ID must be a UUID.");
  auto body = co_await exchange.read_body(kMaxPayloadBytes);
  if (body.state == body.broken) co_return;
  if (auto fault = signature_error(settings_, exchange, body)) {
    co_return co_await exchange.reply(error_reply(*fault, request_id));
  }
  if (!call) co_return co_await exchange.reply(error_reply(call.error(), request_id));
  call->invocation->request_id = request_id;
  if (auto sound = read_payload(std::move(body), *call); !sound) {
    co_return co_await exchange.reply(error_reply(sound.error(), request_id));
  }
  if (call->type == Call::dry_run) co_return co_await exchange.reply(short_reply(204, *call->invocation));

  auto answers = std::make_shared<Mailbox<Answer>>(io_);
  bool taken = submit_(call->invocation, [answers](Answer answer) { answers->put(std::move(answer)); });
  if (!taken) co_return co_await exchange.reply(error_reply(too_many_calls(), request_id));
  if (call->type == Call::event) {
    if (auto* answer = answers->peek(); answer && answer->aborted) {  // nothing more is run
      co_return co_await exchange.reply(error_reply(shut_down(), request_id));
    }
    bool deprecated = operation == Operation::invoke_async;
    HttpReply accepted = deprecated ? async_reply(*call->invocation) : short_reply(202, *call->invocation);
    co_return co_await exchange.reply(std::move(accepted));
  }
  auto answer = co_await answers->take();
  if (!answer) co_return;
  if (call->invocation->in_parts && !answer->aborted) {
    co_return co_await reply_with_events(exchange, answer_head(settings_, *call->invocation), std::move(*answer));
  }
  co_await exchange.reply(answer_reply(settings_, *call->invocation, std::move(*answer)));
}

}  // namespace mayfly::emulator
