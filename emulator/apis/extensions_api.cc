#include "emulator/apis/extensions_api.h"

#include <mayfly/json/value.h>
#include <mayfly/json/writer.h>

#include "emulator/apis/api_reply.h"

namespace mayfly::emulator {

namespace asio = boost::asio;
using core::HttpExchange;
using core::HttpReply;

namespace {

constexpr std::string_view kPrefix = "/2020-01-01/extension/";
constexpr std::size_t kMaxBodyBytes = 1024 * 1024;

// True when the comma-separated list holds the word.
bool lists(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    auto comma = list.find(',');
    auto item = list.substr(0, comma);
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    if (item == word) return true;
    list = comma == list.npos ? std::string_view() : list.substr(comma + 1);
  }
  return false;
}

HttpReply refused(const char* type, const char* message) { return refusal({403, type, message}); }

unexpected<ApiError> bad_format(std::string message) {
  return unexpected(ApiError{403, "InvalidRequestFormat", std::move(message)});
}

expected<Registration, ApiError> read_registration(std::string_view body, bool external, bool managed) {
  if (body.empty()) return bad_format("unexpected end of JSON input");
  json::Document document;
  auto root = document.parse(body);
  if (!root) return bad_format(root.error().to_string());
  Registration registration;
  std::string bad_event;
  bool any = false;
  bool keys = false;
  auto status = root->each_field([&](std::string_view name, json::Value& value) {
    if (name == "configurationKeys") {
      return value.is_null() ? json::Status::ok : value.each_element([&](json::Value&) {
        keys = true;
        return json::Status::ok;
      });
    }
    if (name != "events" || value.is_null()) return json::Status::ok;
    return value.each_element([&](json::Value& element) {
      std::string_view event;
      auto read = element.get(event);
      if (read != json::Status::ok) return read;
      any = true;
      if (event == "INVOKE" && !managed) {
        registration.invoke = true;
      } else if (event == "SHUTDOWN" && external) {
        registration.shutdown = true;
      } else if (bad_event.empty()) {
        bad_event = std::string(event) + (event == "SHUTDOWN" ? ": ShutdownEventNotSupportedForInternalExtension"
                                                              : ": ErrorInvalidEventType");
      }
      return json::Status::ok;
    });
  });
  if (status != json::Status::ok) return bad_format("the body must be a JSON object with a list \"events\"");
  if (keys) return bad_format("configurationKeys are deprecated; use environment variables instead");
  if (managed && !external && any) bad_event = "No events allowed for internal extensions";
  if (!bad_event.empty()) return unexpected(ApiError{403, "Extension.InvalidEventType", bad_event});
  return registration;
}

std::string event_body(const ExtensionEvent& event) {
  std::string body;
  json::Writer writer(body);
  writer.begin_object();
  if (!event.invocation) {
    writer.member("eventType", "SHUTDOWN").member("deadlineMs", event.deadline_ms);
    writer.member("shutdownReason", event.shutdown_reason);
  } else {
    const Invocation& invocation = *event.invocation;
    writer.member("eventType", "INVOKE").member("deadlineMs", event.deadline_ms);
    writer.member("requestId", invocation.request_id).member("invokedFunctionArn", invocation.invoked_arn);
    if (!invocation.trace_id.empty()) {
      writer.key("tracing")
          .begin_object()
          .member("type", "X-Amzn-Trace-Id")
          .member("value", invocation.trace_id)
          .end_object();
    }
  }
  writer.end_object();
  return body;
}

HttpReply registered(const Settings& settings, const std::string& identifier, bool with_account) {
  HttpReply reply{200, "application/json", {{"Lambda-Extension-Identifier", identifier}}, {}};
  json::Writer writer(reply.body);
  writer.begin_object();
  if (with_account) writer.member("accountId", settings.account_id);
  writer.member("functionName", settings.function_name).member("functionVersion", settings.function_version);
  writer.member("handler", settings.handler).end_object();
  return reply;
}

HttpReply event_reply(const ExtensionEvent& event) {
  HttpReply reply{200, "application/json", {}, event_body(event)};
  if (!event.event_id.empty()) reply.fields.emplace_back("Lambda-Extension-Event-Identifier", event.event_id);
  return reply;
}

}  // namespace

ExtensionsApi::Events& ExtensionsApi::mailbox(const std::string& identifier) {
  Events& events = events_[identifier];
  if (!events) events = std::make_shared<Mailbox<ExtensionEvent>>(io_);
  return events;
}

void ExtensionsApi::close() {
  lifecycle_ = nullptr;
  for (auto& [identifier, events] : events_) events->close();
}

asio::awaitable<void> ExtensionsApi::serve(HttpExchange& exchange) {
  auto path = exchange.path();
  path = path.starts_with(kPrefix) ? path.substr(kPrefix.size()) : std::string_view();
  bool get = path == "event/next";
  bool post = path == "register" || path == "init/error" || path == "exit/error";
  if (!get && !post) return exchange.reply(no_such_route());
  std::string_view method = get ? "GET" : "POST";
  if (exchange.method() != method) return exchange.reply(wrong_method(std::string(method)));
  if (get) return next(exchange);
  if (path == "register") return register_extension(exchange);
  return error(exchange, path == "init/error");
}

asio::awaitable<void> ExtensionsApi::register_extension(HttpExchange& exchange) {
  auto body = co_await exchange.read_body(kMaxBodyBytes);
  if (!lifecycle_) co_return co_await exchange.reply(gone());
  if (body.state == body.broken) co_return;
  std::string name(exchange.field("Lambda-Extension-Name"));
  if (name.empty()) {
    co_return co_await exchange.reply(refused("Extension.InvalidExtensionName", "Empty extension name"));
  }
  auto registration = body.state == body.too_large
                          ? expected<Registration, ApiError>(bad_format("the body is over 1048576 bytes"))
                          : read_registration(body.bytes, lifecycle_->is_external(name), settings_.is_managed());
  if (!registration) co_return co_await exchange.reply(refusal(registration.error()));
  auto identifier = lifecycle_->extension_register(name, *registration);
  if (!identifier) co_return co_await exchange.reply(refusal(identifier.error()));

  co_await exchange.reply(
      registered(settings_, *identifier, lists(exchange.field("Lambda-Extension-Accept-Feature"), "accountId")));
}

asio::awaitable<void> ExtensionsApi::next(HttpExchange& exchange) {
  if (!lifecycle_) co_return co_await exchange.reply(gone());
  std::string identifier(exchange.field("Lambda-Extension-Identifier"));
  if (auto allowed = lifecycle_->extension_next(identifier); !allowed) {
    co_return co_await exchange.reply(refusal(allowed.error()));
  }
  auto events = mailbox(identifier);
  auto event = co_await events->take();
  if (!event) co_return co_await exchange.reply(gone());
  co_await exchange.reply(event_reply(*event));
}

asio::awaitable<void> ExtensionsApi::error(HttpExchange& exchange, bool init) {
  (void)co_await exchange.read_body(kMaxBodyBytes);  // Lambda ignores it
  if (!lifecycle_) co_return co_await exchange.reply(gone());
  auto identifier = exchange.field("Lambda-Extension-Identifier");
  std::string type(exchange.field("Lambda-Extension-Function-Error-Type"));
  Accepted allowed;
  if (type.empty() && !identifier.empty()) {
    allowed = unexpected(ApiError{403, "Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found"});
  } else {
    allowed =
        init ? lifecycle_->extension_init_error(identifier, type) : lifecycle_->extension_exit_error(identifier, type);
  }
  co_await exchange.reply(outcome(allowed));
}

}  // namespace mayfly::emulator
