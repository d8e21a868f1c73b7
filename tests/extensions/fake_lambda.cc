#include "fake_lambda.h"

#include <doctest/doctest.h>

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>

#include "core/http_connection.h"
#include "core/http_server/http_server.h"

namespace asio = boost::asio;
namespace core = mayfly::core;

struct FakeLambda::Server {
  Server(FakeLambda& lambda, Script s)
      : owner(lambda), script(s), http(io, {}, [this](core::HttpExchange& e) { return handle(e); }) {}

  asio::awaitable<void> handle(core::HttpExchange& exchange);
  asio::awaitable<void> next(core::HttpExchange& exchange);

  FakeLambda& owner;
  Script script;
  asio::io_context io{1};
  asio::steady_timer event_came{io};
  std::deque<std::string> events;
  core::HttpServer http;
  core::Origin origin;
};

asio::awaitable<void> FakeLambda::Server::handle(core::HttpExchange& exchange) {
  Call call{std::string(exchange.method()), std::string(exchange.path()), {}, {}};
  for (const char* name : {"Lambda-Extension-Name", "Lambda-Extension-Accept-Feature", "Lambda-Extension-Identifier",
                           "Lambda-Extension-Function-Error-Type"}) {
    if (exchange.has_field(name)) call.fields[name] = exchange.field(name);
  }
  auto body = co_await exchange.read_body(1 << 20);
  call.body = body.bytes;
  std::string path = call.path;
  owner.record(std::move(call));

  core::HttpReply reply;
  reply.content_type = "application/json";
  if (path == "/2020-01-01/extension/register") {
    reply.status = script.register_status;
    reply.body =
        R"({"functionName":"orders","functionVersion":"7","handler":"orders.handle","accountId":"123456789012"})";
    reply.fields.emplace_back("Lambda-Extension-Identifier", "8f9a2c1e-5b34-4c77-9d7e-0d6f5ab1c001");
    if (reply.status != 200)
      reply.body = R"({"errorMessage":"Empty extension name","errorType":"Extension.InvalidExtensionName"})";
  } else if (path == "/2022-07-01/telemetry") {
    reply.status = script.subscribe_status;
    reply.body = "\"OK\"";
    if (reply.status != 200) reply.body = R"({"errorMessage":"told so","errorType":"Telemetry.Told"})";
  } else if (path == "/2020-01-01/extension/event/next") {
    co_await next(exchange);
    co_return;
  } else {
    reply.status = 202;
    reply.body = "{\"status\":\"OK\"}\n";
  }
  co_await exchange.reply(std::move(reply));
}

asio::awaitable<void> FakeLambda::Server::next(core::HttpExchange& exchange) {
  if (script.drop_next > 0) {
    --script.drop_next;
    throw std::runtime_error("told to drop the connection");
  }
  boost::system::error_code ignored;
  while (events.empty()) {
    event_came.expires_at(asio::steady_timer::time_point::max());
    co_await event_came.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  core::HttpReply reply;
  reply.content_type = "application/json";
  reply.body = std::move(events.front());
  events.pop_front();
  co_await exchange.reply(std::move(reply));
}

FakeLambda::FakeLambda(Script script) : server_(std::make_unique<Server>(*this, script)) {
  auto origin = server_->http.listen("127.0.0.1", 0);
  REQUIRE(origin);
  server_->origin = *origin;
  thread_ = std::thread([this] { server_->io.run(); });
}

FakeLambda::~FakeLambda() {
  server_->io.stop();
  thread_.join();
}

std::string FakeLambda::address() const { return server_->origin.host_port(); }

static std::string in_ms(int ms) {
  return std::to_string(core::epoch_ms(core::wall_now() + std::chrono::milliseconds(ms)));
}

void FakeLambda::invoke(const std::string& request_id, int timeout_ms, const std::string& trace) {
  std::string tracing = trace.empty() ? "" : R"(,"tracing":{"type":"X-Amzn-Trace-Id","value":")" + trace + "\"}";
  event(R"({"eventType":"INVOKE","deadlineMs":)" + in_ms(timeout_ms) + R"(,"requestId":")" + request_id +
        R"(","invokedFunctionArn":"arn:aws:lambda:eu-west-1:123456789012:function:orders:live")" + tracing + "}");
}

void FakeLambda::shut_down(const std::string& reason, int budget_ms) {
  event(R"({"eventType":"SHUTDOWN","deadlineMs":)" + in_ms(budget_ms) + R"(,"shutdownReason":")" + reason + "\"}");
}

void FakeLambda::event(std::string json) {
  asio::post(server_->io, [this, text = std::move(json)]() mutable {
    server_->events.push_back(std::move(text));
    server_->event_came.cancel();
  });
}

void FakeLambda::drop_next(int n) {
  asio::post(server_->io, [this, n] { server_->script.drop_next += n; });
}

void FakeLambda::record(Call call) {
  std::lock_guard lock(mutex_);
  if (call.path == "/2020-01-01/extension/event/next") ++next_calls_;
  calls_.push_back(std::move(call));
  changed_.notify_all();
}

void FakeLambda::wait_next(int n) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return next_calls_ >= n; });
}

int FakeLambda::next_calls() {
  std::lock_guard lock(mutex_);
  return next_calls_;
}

int FakeLambda::deliver(const std::string& json, const std::string& more_fields, const std::string& host_name) {
  auto subscription = call("/2022-07-01/telemetry").body;
  std::string host = "http://sandbox.localdomain:";
  auto at = subscription.find(host);
  REQUIRE(at != subscription.npos);
  auto port = static_cast<std::uint16_t>(std::stoi(subscription.substr(at + host.size())));
  core::HttpConnection connection({"127.0.0.1", port}, {});
  std::string head = "POST / HTTP/1.1\r\n" + more_fields + "Host: " + host_name + ":" + std::to_string(port) +
                     "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(json.size()) +
                     "\r\n\r\n";
  auto answer = connection.exchange(head, json, core::Deadline::never());
  REQUIRE_MESSAGE(answer, (answer ? "" : answer.error().message));
  return (*answer)->status();
}

std::vector<Call> FakeLambda::calls() {
  std::lock_guard lock(mutex_);
  return calls_;
}

bool FakeLambda::was_called(const std::string& path) {
  for (const auto& c : calls()) {
    if (c.path == path) return true;
  }
  return false;
}

Call FakeLambda::call(const std::string& path) {
  for (auto& c : calls()) {
    if (c.path == path) return c;
  }
  FAIL("no call of " << path);
  return {};
}

std::string batch(const std::vector<std::string>& records) {
  std::string out = "[";
  for (const auto& r : records) out += (out.size() > 1 ? "," : "") + r;
  return out + "]";
}

std::string record(const std::string& type, const std::string& json) {
  return R"({"time":"2022-10-12T00:03:50.000Z","type":")" + type + R"(","record":)" + json + "}";
}

std::string runtime_done(const std::string& request_id) {
  return record("platform.runtimeDone",
                R"({"requestId":")" + request_id + R"(","status":"success","metrics":{"durationMs":1.5}})");
}
