#include "emulator/invoke/url_front.h"

#include <mayfly/json/writer.h>

#include <algorithm>

#include "core/clock.h"
#include "emulator/identifiers.h"
#include "emulator/invoke/function_url.h"
#include "emulator/mailbox.h"
#include "emulator/response_stream.h"
#include "emulator/trace_id.h"

namespace mayfly::emulator {

namespace asio = boost::asio;
using core::HttpExchange;
using core::HttpReply;

namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

// Status, header fields and cookies before a streamed body.
constexpr std::size_t kMaxPreludeBytes = 256 * 1024;

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

// A URL that streams makes nothing of an answer that came whole: the caller gets
// it as it is, envelope and all.
std::optional<UrlAnswer> verbatim(Answer answer) {
  return UrlAnswer{
      200,
      {{"content-type", answer.content_type.empty() ? "application/json" : std::move(answer.content_type)}},
      std::move(answer.payload)};
}

HttpReply reply_of(Answer answer, bool streams) {
  if (answer.aborted || !answer.error_type.empty()) return failure_page();
  auto found = streams ? verbatim(std::move(answer)) : url_answer(answer.payload);
  if (!found) return failure_page();
  return {found->status, {}, std::move(found->fields), std::move(found->body)};
}

// The head of the reply to a streamed response, once it has come, and in `body`
// what came with it. Nothing: it failed before, or has no sound prelude.
asio::awaitable<std::optional<UrlAnswer>> read_beginning(ResponseStream& stream, const std::string& content_type) {
  bool has_prelude = core::same_field_name(content_type, kPreludeType);
  std::string got;
  for (std::size_t searched = 0; got.size() < kMaxPreludeBytes;) {
    auto part = co_await stream.read();
    got += part;
    if (!has_prelude) {
      if (part.empty() && !stream.how_it_ended().error_type.empty()) break;
      UrlAnswer plain{200, {{"content-type", content_type}}, std::move(got)};
      co_return plain;
    }
    if (auto end = got.find(kPreludeEnd, searched); end != got.npos) {
      auto head = url_prelude(std::string_view(got).substr(0, end));
      if (head) head->body = got.substr(end + kPreludeEnd.size());
      co_return head;
    }
    if (part.empty()) break;
    searched = got.size() - std::min(got.size(), kPreludeEnd.size() - 1);
  }
  co_return std::nullopt;
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
  invocation.in_parts = settings_.url->in_parts;
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
  Fields ours{{"x-amzn-RequestId", invocation->request_id}, {"x-amzn-Trace-Id", invocation->trace_id}};
  std::ranges::move(cors_fields, std::back_inserter(ours));
  if (answer->stream) {
    co_await reply_in_parts(exchange, *answer, ours);
    co_return;
  }
  HttpReply reply = reply_of(std::move(*answer), invocation->in_parts);
  put(reply.fields, ours);
  co_await exchange.reply(std::move(reply));
}

asio::awaitable<void> UrlFront::reply_in_parts(HttpExchange& exchange, const Answer& answer, const Fields& ours) {
  auto stream = answer.stream;
  auto beginning = co_await read_beginning(*stream, answer.content_type);
  bool bodiless = beginning && (beginning->status == 204 || beginning->status == 304);
  if (!beginning || bodiless) {
    stream->abandon();
    HttpReply reply = failure_page();
    if (bodiless) reply = {beginning->status, {}, std::move(beginning->fields), {}};
    put(reply.fields, ours);
    co_return co_await exchange.reply(std::move(reply));
  }
  HttpReply head{beginning->status, {}, std::move(beginning->fields), {}};
  put(head.fields, ours);
  bool there = co_await exchange.begin_reply(std::move(head));
  if (there) there = co_await exchange.write(beginning->body);
  while (there) {
    auto part = co_await stream->read();
    if (part.empty()) break;
    there = co_await exchange.write(part);
  }
  if (!there) co_return stream->abandon();
  // A response that breaks off shows as one: its end is missing.
  const Answer& end = stream->how_it_ended();
  if (!end.aborted && end.error_type.empty()) co_await exchange.end_reply();
}

}  // namespace mayfly::emulator
