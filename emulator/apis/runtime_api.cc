#include "emulator/apis/runtime_api.h"

#include <mayfly/json/value.h>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cctype>

#include "core/http_field.h"
#include "emulator/apis/api_reply.h"
#include "emulator/identifiers.h"
#include "emulator/response_stream.h"

namespace mayfly::emulator {

namespace asio = boost::asio;
using core::HttpExchange;
using core::HttpReply;

namespace {

constexpr std::string_view kPrefix = "/2018-06-01/";
constexpr std::string_view kInvocation = "runtime/invocation/";

// Of a streamed response that does not say what it is; managed runtimes say so, too.
constexpr std::string_view kUnknownType = "application/octet-stream";

HttpReply pong() { return {200, "text/plain; charset=utf-8", {}, "pong"}; }

HttpReply too_large(std::size_t limit = RuntimeApi::kMaxResponseBytes) {
  return refusal(
      {413, "RequestEntityTooLarge", "Exceeded maximum allowed payload size (" + std::to_string(limit) + " bytes)."});
}

Answer too_large_answer(std::size_t limit) {
  Answer answer;
  answer.error_type = "Function.ResponseSizeTooLarge";
  answer.payload = error_json(answer.error_type, "Response payload size exceeded maximum allowed payload size (" +
                                                     std::to_string(limit) + " bytes).");
  return answer;
}

// As Answer::content_type has it: most functions answer JSON, and need no copy.
std::string content_type_of(const HttpExchange& exchange) {
  auto type = exchange.field("Content-Type");
  return type == "application/json" ? std::string() : std::string(type);
}

// What a streamed response that was read to its end says in its trailers.
void read_trailers(const HttpExchange& exchange, Answer& answer) {
  answer.error_type = exchange.trailer("Lambda-Runtime-Function-Error-Type");
  if (answer.error_type.empty()) return;
  auto body = exchange.trailer("Lambda-Runtime-Function-Error-Body");
  answer.payload = base64_decode(body).value_or(std::string(body));
}

Accepted bad_mode() {
  return unexpected(ApiError{400, "InvalidFunctionResponseMode", "Invalid function response mode"});
}

HttpReply event_reply(const RuntimeEvent& event) {
  const Invocation& invocation = *event.invocation;
  HttpReply reply{200, "application/json", {}, invocation.event};
  auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) reply.fields.emplace_back(name, value);
  };
  add("Lambda-Runtime-Aws-Request-Id", invocation.request_id);
  add("Lambda-Runtime-Deadline-Ms", std::to_string(event.deadline_ms));
  add("Lambda-Runtime-Invoked-Function-Arn", invocation.invoked_arn);
  add("Lambda-Runtime-Trace-Id", invocation.trace_id);
  add("Lambda-Runtime-Client-Context", invocation.client_context);
  add("Lambda-Runtime-Aws-Tenant-Id", invocation.tenant_id);
  add("Lambda-Runtime-Invocation-Id", event.invocation_id);
  return reply;
}

bool has_capital_word_after(std::string_view text, std::string_view prefix) {
  for (auto at = text.find(prefix); at != text.npos; at = text.find(prefix, at + 1)) {
    auto rest = text.substr(at + prefix.size());
    if (rest.size() >= 2 && std::isupper(static_cast<unsigned char>(rest[0])) &&
        std::isalpha(static_cast<unsigned char>(rest[1]))) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::string known_error_type(std::string_view given) {
  if (has_capital_word_after(given, "Runtime.") || has_capital_word_after(given, "Function."))
    return std::string(given);
  return given.starts_with("Function.") ? "Function.Unknown" : "Runtime.Unknown";
}

asio::awaitable<void> RuntimeApi::serve(HttpExchange& exchange) {
  auto path = exchange.path().substr(kPrefix.size());
  auto is = [&](std::string_view method) { return exchange.method() == method; };
  if (path == "ping") {
    if (!is("GET")) return exchange.reply(wrong_method("GET"));
    return exchange.reply(pong());
  }
  if (path == "runtime/invocation/next") {
    if (!is("GET")) return exchange.reply(wrong_method("GET"));
    return next(exchange);
  }
  if (path == "runtime/init/error") {
    if (!is("POST")) return exchange.reply(wrong_method("POST"));
    return init_error(exchange);
  }
  if (path.starts_with(kInvocation)) {
    path.remove_prefix(kInvocation.size());
    auto slash = path.find('/');
    auto what = slash == path.npos ? std::string_view() : path.substr(slash + 1);
    if (what == "response" || what == "error") {
      if (!is("POST")) return exchange.reply(wrong_method("POST"));
      return respond(exchange, path.substr(0, slash), what == "error");
    }
  }
  return exchange.reply(no_such_route());
}

asio::awaitable<void> RuntimeApi::next(HttpExchange& exchange) {
  auto workers = workers_;
  if (!lifecycle_) co_return co_await exchange.reply(gone());
  if (auto allowed = lifecycle_->runtime_next(); !allowed) co_return co_await exchange.reply(refusal(allowed.error()));
  auto event = co_await workers->take();
  if (!event) co_return co_await exchange.reply(gone());
  // Where there is one worker, it asks again, and gets the same event.
  if (settings_.is_managed() && !exchange.peer_waits()) co_return workers->put_back(std::move(*event));
  co_await exchange.reply(event_reply(*event));
}

asio::awaitable<void> RuntimeApi::respond(HttpExchange& exchange, std::string_view request_id, bool error) {
  auto first_byte = Clock::now();
  auto invocation_id = exchange.field("Lambda-Runtime-Invocation-Id");
  auto mode = exchange.field("Lambda-Runtime-Function-Response-Mode");
  // A caller who takes parts gets what comes in chunks as it comes, said or not:
  // aws-lambda-go streams without the mode.
  bool in_parts = mode == "streaming" || (mode.empty() && exchange.has_field("Transfer-Encoding") && lifecycle_ &&
                                          lifecycle_->wants_parts(request_id));
  if (!error && in_parts && lifecycle_ && lifecycle_->check_response(request_id, invocation_id, false)) {
    co_return co_await respond_in_parts(exchange, request_id, invocation_id);
  }
  // The body is read before a refusal, too, so that the connection lives on.
  auto body = co_await exchange.read_body(kMaxResponseBytes);
  if (!lifecycle_) co_return co_await exchange.reply(gone());
  if (body.state == body.broken) co_return;

  auto allowed = lifecycle_->check_response(request_id, invocation_id, error);
  if (allowed && !error && !mode.empty() && mode != "streaming") {
    allowed = bad_mode();
  }
  if (!allowed) co_return co_await exchange.reply(refusal(allowed.error()));
  if (body.state == body.too_large) {
    (void)lifecycle_->runtime_response_too_large(request_id, invocation_id, first_byte);
    co_return co_await exchange.reply(too_large());
  }
  if (!error) {
    (void)lifecycle_->runtime_response(request_id, invocation_id, std::move(body.bytes), first_byte,
                                       content_type_of(exchange));
  } else {
    if (exchange.field("Content-Type") == "application/vnd.aws.lambda.error.cause+json") {
      body.bytes = without_error_cause(body.bytes);
    }
    (void)lifecycle_->runtime_error(request_id, invocation_id, std::move(body.bytes),
                                    known_error_type(exchange.field("Lambda-Runtime-Function-Error-Type")), first_byte);
  }
  // The caller first: the answer is on its way to the coroutine that writes it.
  co_await asio::post(io_, asio::use_awaitable);
  co_await exchange.reply(accepted());
}

asio::awaitable<void> RuntimeApi::respond_in_parts(HttpExchange& exchange, std::string_view request_id,
                                                   std::string_view invocation_id) {
  // Null: the caller takes the response whole, so it is collected.
  auto stream = lifecycle_->wants_parts(request_id)
                    ? std::make_shared<ResponseStream>(io_, settings_.throttle_streaming)
                    : nullptr;
  const auto limit = stream ? kMaxStreamedBytes : kMaxResponseBytes;
  Answer begin, end;
  begin.stream = stream;
  end.content_type = content_type_of(exchange);
  if (stream) begin.content_type = exchange.has_field("Content-Type") ? exchange.field("Content-Type") : kUnknownType;
  lifecycle_->response_begins(request_id, std::move(begin), Clock::now());

  bool wanted = true;
  for (std::size_t size = 0; wanted;) {
    auto part = co_await exchange.read_part();
    if (!lifecycle_) co_return;
    if (part.broken) co_return lifecycle_->response_breaks(request_id);
    size += part.bytes.size();
    if (size > limit) {
      end = too_large_answer(limit);
      lifecycle_->response_ends(request_id, std::move(end), "error");
      co_await exchange.read_body(0);  // its rest
      co_return co_await exchange.reply(too_large(limit));
    }
    wanted = lifecycle_->response_continues(request_id, part.bytes.size());
    if (!wanted || part.bytes.empty()) break;
    if (!stream) {
      end.payload += part.bytes;
    } else {
      wanted = co_await stream->write(part.bytes);
      if (!lifecycle_) co_return;
    }
  }
  auto allowed = wanted ? Accepted() : lifecycle_->check_response(request_id, invocation_id, false);
  if (wanted) {
    read_trailers(exchange, end);
    lifecycle_->response_ends(request_id, std::move(end), "success");
  }
  co_await exchange.reply(outcome(allowed));
}

asio::awaitable<void> RuntimeApi::init_error(HttpExchange& exchange) {
  auto body = co_await exchange.read_body(kMaxResponseBytes);
  if (!lifecycle_) co_return co_await exchange.reply(gone());
  if (body.state == body.broken) co_return;
  if (body.state == body.too_large) {
    co_return co_await exchange.reply(too_large());
  }
  auto type = known_error_type(exchange.field("Lambda-Runtime-Function-Error-Type"));
  auto allowed = lifecycle_->runtime_init_error(std::move(body.bytes), std::move(type));
  co_await exchange.reply(outcome(allowed));
}

}  // namespace mayfly::emulator
