#include "emulator/url_front.h"

#include <mayfly/json/writer.h>

#include <algorithm>

#include "core/clock.h"
#include "emulator/function_url.h"
#include "emulator/identifiers.h"
#include "emulator/mailbox.h"
#include "emulator/trace_id.h"

namespace mayfly::emulator {

namespace asio = boost::asio;
using core::HttpExchange;
using core::HttpReply;

namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

// A refusal of the service in front of the function.
HttpReply refusal(unsigned status, std::string_view type, std::string_view key, std::string_view message) {
  HttpReply reply{status, "application/json", {}, {}};
  reply.fields = {{"x-amzn-RequestId", new_uuid()}, {"x-amzn-ErrorType", std::string(type)}};
  json::Writer(reply.body).begin_object().member(key, message).end_object();
  return reply;
}

// All that a caller hears of a function that failed, or answered nonsense.
HttpReply failure_page() { return {502, "application/json", {}, "Internal Server Error"}; }

HttpReply too_large() {
  return refusal(413, "RequestEntityTooLargeException", "Message",
                 "Request must be smaller than 6291456 bytes for the InvokeFunction operation");
}

HttpReply too_many() {
  auto reply = refusal(429, "TooManyRequestsException", "message", "Rate Exceeded.");
  reply.fields.emplace_back("Retry-After", "1");
  return reply;
}

HttpReply refusal(const SignatureFault& fault) {
  if (fault.type == "MissingAuthenticationTokenException") {
    return refusal(403, "AccessDeniedException", "Message", "Forbidden");
  }
  return refusal(403, fault.type, "message", fault.message);
}

HttpReply reply_of(Answer answer) {
  if (answer.aborted || !answer.error_type.empty()) return failure_page();
  auto found = url_answer(answer.payload);
  if (!found) return failure_page();
  return {found->status, {}, std::move(found->fields), std::move(found->body)};
}

// In place of what the function says about the same.
void put(Fields& fields, const Fields& ours) {
  for (const auto& [name, value] : ours) {
    std::erase_if(fields, [&](const auto& one) { return core::same_field_name(one.first, name) && name != "vary"; });
    fields.emplace_back(name, value);
  }
}

bool is_preflight(const HttpExchange& exchange) {
  return exchange.method() == "OPTIONS" && exchange.has_field("Origin") &&
         exchange.has_field("Access-Control-Request-Method");
}

HttpReply preflight_reply(const HttpExchange& exchange, const Cors& cors) {
  return {200,
          {},
          preflight_fields(cors, exchange.field("Origin"), exchange.field("Access-Control-Request-Method"),
                           exchange.field("Access-Control-Request-Headers")),
          {}};
}

}  // namespace

bool is_api_path(std::string_view path) {
  constexpr std::string_view kDate = "/0000-00-00/";
  if (path.size() < kDate.size()) return false;
  return std::ranges::equal(path.substr(0, kDate.size()), kDate,
                            [](char c, char form) { return form == '0' ? c >= '0' && c <= '9' : c == form; });
}

// Fills the invocation; or says why there is none.
std::optional<HttpReply> UrlFront::admit(const HttpExchange& exchange, const HttpExchange::Body& body,
                                         Invocation& invocation) const {
  if (body.state == body.too_large) return too_large();
  RawRequest request{exchange.method(), exchange.path(), exchange.query(), exchange.fields(), body.bytes};
  UrlContext context;
  context.time = core::wall_now();
  if (settings_.url->signed_only) {
    auto fault = signature_fault(request, settings_.callers, settings_.region, context.time);
    if (fault) return refusal(*fault);
    context.access_key_id = settings_.callers.access_key_id;
    context.account_id = settings_.account_id;
  }
  invocation.request_id = context.request_id = new_uuid();
  invocation.trace_id = context.trace_id = complete_trace_id(exchange.field("X-Amzn-Trace-Id"));
  invocation.invoked_arn =
      "arn:aws:lambda:" + settings_.region + ":" + settings_.account_id + ":function:" + settings_.function_name;
  context.source_ip = exchange.peer_address();
  context.port = port_;
  context.url_id = settings_.function_name;
  invocation.event = url_event(request, context);
  if (invocation.event.size() > InvokeApi::kMaxPayloadBytes) return too_large();
  return std::nullopt;
}

asio::awaitable<void> UrlFront::serve(HttpExchange& exchange) {
  const auto& cors = settings_.url->cors;
  Fields cors_fields;
  if (cors && exchange.has_field("Origin")) {
    if (is_preflight(exchange)) co_return co_await exchange.reply(preflight_reply(exchange, *cors));
    cors_fields = cross_origin_fields(*cors, exchange.field("Origin"));
  }
  auto body = co_await exchange.read_body(InvokeApi::kMaxPayloadBytes);
  if (body.state == body.broken) co_return;

  auto invocation = std::make_shared<Invocation>();
  auto refused = admit(exchange, body, *invocation);
  body = {};
  auto answers = std::make_shared<Mailbox<Answer>>(io_);
  if (!refused && !submit_(invocation, [answers](Answer answer) { answers->put(std::move(answer)); })) {
    refused = too_many();
  }
  if (refused) {
    put(refused->fields, cors_fields);
    co_return co_await exchange.reply(std::move(*refused));
  }
  auto answer = co_await answers->take();
  if (!answer) co_return;
  HttpReply reply = reply_of(std::move(*answer));
  put(reply.fields, {{"x-amzn-RequestId", invocation->request_id}, {"x-amzn-Trace-Id", invocation->trace_id}});
  put(reply.fields, cors_fields);
  co_await exchange.reply(std::move(reply));
}

}  // namespace mayfly::emulator
