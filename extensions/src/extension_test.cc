#include <mayfly/extension_test.h>

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <span>
#include <thread>
#include <utility>

#include <mayfly/json/value.h>
#include <mayfly/json/writer.h>

#include "core/clock.h"
#include "core/http_connection.h"
#include "core/http_server/http_server.h"
#include "core/log_tap.h"
#include "extensions/src/program.h"
#include "extensions/src/stopped_threads.h"

namespace mayfly::extension::test {

namespace asio = boost::asio;

namespace {

constexpr std::string_view kIdentifier = "8f9a2c1e-5b34-4c77-9d7e-0d6f5ab1c001";
constexpr std::size_t kMaxBodyBytes = 1024 * 1024;

std::int64_t deadline_ms(std::chrono::milliseconds left) { return core::epoch_ms(core::wall_now() + left); }

// A member of a JSON object, as text; empty when there is none.
std::string member_of(const std::string& json, std::string_view name) {
  json::Document document;
  std::string found;
  if (auto root = document.parse(json)) {
    static_cast<void>(root->each_field([&](std::string_view key, json::Value& value) {
      std::string_view text;
      if (key == name && value.get(text) == json::Status::ok) found = text;
      return json::Status::ok;
    }));
  }
  return found;
}

std::string_view word(Shutdown::Reason reason) {
  switch (reason) {
    case Shutdown::Reason::spindown: return "spindown";
    case Shutdown::Reason::timeout: return "timeout";
    case Shutdown::Reason::failure: return "failure";
    case Shutdown::Reason::other: return "other";
  }
  return "";
}

std::string_view word(LogLevel level) {
  constexpr std::string_view kWords[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"};
  return kWords[static_cast<std::size_t>(level)];
}

core::Origin listening(core::HttpServer& server) {
  auto origin = server.listen("127.0.0.1", 0);
  if (!origin) throw Error("Test.NoPort", origin.error().message);
  return *std::move(origin);
}

}  // namespace

struct Environment::State final : core::LogTap {
  State(Options options, Settings s)
      : before(threads()),
        settings(std::move(s)),
        server(io, {}, [this](core::HttpExchange& e) { return handle(e); }),
        program(listening(server), std::move(options), Program::Kind::external, settings.managed_instances) {}

  // ---- the APIs, on the server's thread

  asio::awaitable<void> handle(core::HttpExchange& exchange);
  asio::awaitable<void> next(core::HttpExchange& exchange);
  core::HttpReply registered(const std::string& body);

  void push_event(std::string json) {
    asio::post(io, [this, text = std::move(json)]() mutable {
      queued_events.push_back(std::move(text));
      event_came.cancel();
    });
  }

  // ---- the test's thread

  template <class Condition>
  void wait(Condition condition) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return exit_code || condition(); });
  }
  bool subscribed_to(std::string_view event) {
    std::lock_guard lock(mutex);
    return !exit_code && std::find(events.begin(), events.end(), event) != events.end();
  }
  int deliver(std::string_view body);

  void take(LogLevel level, std::string_view message, std::span<const LogField> fields) override {
    std::string line = std::string(word(level)) + " " + std::string(message);
    for (const auto& field : fields) line += " " + std::string(field.name) + "=" + core::log_value(field);
    std::lock_guard lock(mutex);
    log.push_back(std::move(line));
  }

  const std::vector<pid_t> before;  // threads that are none of the extension's
  const Settings settings;

  // The server's own.
  asio::io_context io{1};
  asio::steady_timer event_came{io};
  std::deque<std::string> queued_events;
  core::HttpServer server;

  std::mutex mutex;  // all below, until the threads
  std::condition_variable changed;
  int next_calls = 0;
  int deliveries = 0;  // that the extension has done with
  std::vector<std::string> events;
  std::string subscription;
  std::optional<Error> init_error, exit_error;
  std::optional<int> exit_code;
  std::vector<std::string> log;

  Program program;
  std::deque<std::string> held_back;  // while frozen
  std::unique_ptr<StoppedThreads> frozen;
  pid_t server_thread_id = 0;
  std::thread server_thread, extension_thread;
};

core::HttpReply Environment::State::registered(const std::string& body) {
  std::vector<std::string> wanted;
  json::Document document;
  if (auto root = document.parse(body)) {
    static_cast<void>(root->each_field([&](std::string_view, json::Value& value) {
      return value.each_element([&](json::Value& element) {
        std::string_view event;
        auto status = element.get(event);
        if (status == json::Status::ok) wanted.emplace_back(event);
        return status;
      });
    }));
  }
  std::lock_guard lock(mutex);
  events = std::move(wanted);
  core::HttpReply reply(200, "application/json", {{"Lambda-Extension-Identifier", std::string(kIdentifier)}}, {});
  const auto& r = settings.registration;
  json::Writer writer(reply.body);
  writer.begin_object().member("functionName", r.function_name).member("functionVersion", r.function_version);
  writer.member("handler", r.handler);
  if (!r.account_id.empty()) writer.member("accountId", r.account_id);
  writer.end_object();
  return reply;
}

asio::awaitable<void> Environment::State::handle(core::HttpExchange& exchange) {
  auto body = co_await exchange.read_body(kMaxBodyBytes);
  auto path = exchange.path();
  core::HttpReply reply(202, "application/json", {}, "{\"status\":\"OK\"}\n");
  if (path == "/2020-01-01/extension/event/next") {
    co_await next(exchange);
    co_return;
  }
  if (path == "/2020-01-01/extension/register") {
    reply = registered(body.bytes);
  } else if (path == "/2022-07-01/telemetry") {
    if (settings.telemetry_api) {
      reply = core::HttpReply(200, "", {}, "\"OK\"");
    } else {
      reply.body = R"({"errorMessage":"Telemetry API is not supported","errorType":"Telemetry.NotSupported"})";
    }
    std::lock_guard lock(mutex);
    subscription = std::move(body.bytes);
  } else {
    Error error(member_of(body.bytes, "errorType"), member_of(body.bytes, "errorMessage"));
    std::lock_guard lock(mutex);
    (path.ends_with("/init/error") ? init_error : exit_error) = std::move(error);
  }
  co_await exchange.reply(std::move(reply));
}

asio::awaitable<void> Environment::State::next(core::HttpExchange& exchange) {
  {
    std::lock_guard lock(mutex);
    ++next_calls;
    changed.notify_all();
  }
  boost::system::error_code ignored;
  while (queued_events.empty()) {
    event_came.expires_at(asio::steady_timer::time_point::max());
    co_await event_came.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  core::HttpReply reply(200, "application/json", {}, std::move(queued_events.front()));
  queued_events.pop_front();
  co_await exchange.reply(std::move(reply));
}

int Environment::State::deliver(std::string_view body) {
  std::string where;
  {
    std::lock_guard lock(mutex);
    if (exit_code || !settings.telemetry_api) return 0;
    where = subscription;
  }
  constexpr std::string_view kHost = "http://sandbox.localdomain:";
  auto at = where.find(kHost);
  if (at == where.npos) return 0;
  auto port = static_cast<std::uint16_t>(std::stoi(where.substr(at + kHost.size())));
  core::HttpConnection connection({"127.0.0.1", port}, {});
  std::string head = "POST / HTTP/1.1\r\nHost: sandbox.localdomain:" + std::to_string(port) +
                     "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
                     "\r\n\r\n";
  auto answer = connection.exchange(head, body, core::Deadline::never());
  if (!answer) return 0;
  // The answer comes before on_records is called. What is posted from its own thread
  // now comes behind that; from this one it might come before.
  int done = 0;
  {
    std::lock_guard lock(mutex);
    done = deliveries;
  }
  auto& loop = program.loop().io();
  asio::post(loop, [this, &loop] {
    asio::post(loop, [this] {
      std::lock_guard lock(mutex);
      ++deliveries;
      changed.notify_all();
    });
  });
  wait([&] { return deliveries > done; });
  return (*answer)->status();
}

Environment::Environment(Options options, Settings settings)
    : state_(std::make_unique<State>(std::move(options), std::move(settings))) {
  State& s = *state_;
  s.server_thread = std::thread([&s] {
    {
      std::lock_guard lock(s.mutex);
      s.server_thread_id = gettid();
    }
    s.io.run();
  });
  s.extension_thread = std::thread([&s] {
    int code = s.program.begin() ? s.program.serve() : 1;
    std::lock_guard lock(s.mutex);
    s.exit_code = code;
    s.changed.notify_all();
  });
  s.wait([&s] { return s.next_calls > 0; });
}

Environment::~Environment() {
  shut_down();
  state_->extension_thread.join();
  state_->io.stop();
  state_->server_thread.join();
}

void Environment::invoke(const Invocation& invocation) {
  thaw();
  State& s = *state_;
  if (!s.subscribed_to("INVOKE")) return;
  std::string event;
  json::Writer writer(event);
  writer.begin_object().member("eventType", "INVOKE").member("deadlineMs", deadline_ms(invocation.timeout));
  writer.member("requestId", invocation.request_id).member("invokedFunctionArn", invocation.function_arn);
  if (!invocation.trace_id.empty()) {
    writer.key("tracing").begin_object().member("type", "X-Amzn-Trace-Id").member("value", invocation.trace_id);
    writer.end_object();
  }
  writer.end_object();
  int before = 0;
  {
    std::lock_guard lock(s.mutex);
    before = s.next_calls;
  }
  s.push_event(std::move(event));
  s.wait([&] { return s.next_calls > before; });
}

int Environment::deliver(const std::vector<std::string>& records) {
  std::string body = "[";
  for (const auto& record : records) {
    if (body.size() > 1) body += ',';
    body += record;
  }
  return deliver_raw(body + "]");
}

int Environment::deliver_raw(std::string_view body) {
  if (!state_->frozen) return state_->deliver(body);
  state_->held_back.emplace_back(body);
  return 0;
}

void Environment::freeze() {
  State& s = *state_;
  if (s.frozen || exit_code()) return;
  std::set<pid_t> others(s.before.begin(), s.before.end());
  {
    std::lock_guard lock(s.mutex);
    others.insert({gettid(), s.server_thread_id});
  }
  std::vector<pid_t> its_own;
  for (pid_t thread : threads()) {
    if (!others.contains(thread)) its_own.push_back(thread);
  }
  s.frozen = std::make_unique<StoppedThreads>(its_own);
}

void Environment::thaw() {
  state_->frozen.reset();
  for (; !state_->held_back.empty(); state_->held_back.pop_front()) state_->deliver(state_->held_back.front());
}

void Environment::shut_down(Shutdown::Reason reason, std::chrono::milliseconds budget) {
  thaw();
  State& s = *state_;
  if (!s.subscribed_to("SHUTDOWN")) return;
  std::string event;
  json::Writer writer(event);
  writer.begin_object().member("eventType", "SHUTDOWN").member("deadlineMs", deadline_ms(budget));
  writer.member("shutdownReason", word(reason)).end_object();
  s.push_event(std::move(event));
  s.wait([] { return false; });
}

std::optional<int> Environment::exit_code() const {
  std::lock_guard lock(state_->mutex);
  return state_->exit_code;
}
std::optional<Error> Environment::init_error() const {
  std::lock_guard lock(state_->mutex);
  return state_->init_error;
}
std::optional<Error> Environment::exit_error() const {
  std::lock_guard lock(state_->mutex);
  return state_->exit_error;
}
std::vector<std::string> Environment::events() const {
  std::lock_guard lock(state_->mutex);
  return state_->events;
}
std::string Environment::subscription() const {
  std::lock_guard lock(state_->mutex);
  return state_->subscription;
}
std::vector<std::string> Environment::log() const {
  std::lock_guard lock(state_->mutex);
  return state_->log;
}

// ---- records

std::string record(std::string_view type, std::string_view json) {
  std::string out;
  json::Writer(out)
      .begin_object()
      .member("time", core::rfc3339(core::wall_now()))
      .member("type", type)
      .key("record")
      .raw(json)
      .end_object();
  return out;
}

namespace {

std::string line(std::string_view type, std::string_view text) {
  std::string json;
  json::append_string(json, text);
  return record(type, json);
}

}  // namespace

std::string function_line(std::string_view text) { return line("function", text); }
std::string extension_line(std::string_view text) { return line("extension", text); }
std::string function_object(std::string_view json) { return record("function", json); }

std::string start(std::string_view request_id) {
  std::string json;
  json::Writer(json).begin_object().member("requestId", request_id).member("version", "$LATEST").end_object();
  return record("platform.start", json);
}

std::string runtime_done(std::string_view request_id, std::string_view status, double duration_ms) {
  std::string json;
  json::Writer writer(json);
  writer.begin_object().member("requestId", request_id).member("status", status);
  writer.key("metrics").begin_object().member("durationMs", duration_ms).end_object().end_object();
  return record("platform.runtimeDone", json);
}

std::string report(std::string_view request_id, const Measured& measured) {
  std::string json;
  json::Writer writer(json);
  writer.begin_object().member("requestId", request_id).member("status", measured.status);
  writer.key("metrics").begin_object().member("durationMs", measured.duration_ms);
  writer.member("billedDurationMs", measured.billed_duration_ms).member("memorySizeMB", measured.memory_size_mb);
  writer.member("maxMemoryUsedMB", measured.max_memory_used_mb);
  if (measured.init_duration_ms) writer.member("initDurationMs", *measured.init_duration_ms);
  writer.end_object().end_object();
  return record("platform.report", json);
}

}  // namespace mayfly::extension::test
