// Everything that a caller, a runtime and extensions can send to an execution
// environment, in any order, with processes that exit and time that passes in
// between: each request gets one reply that its reader can read, each accepted
// invocation one answer, and the end leaves nothing behind.
//
// The bytes are steps, one after another up to a 0x1E byte; the first byte of all
// chooses the settings (kManaged ...):
//   >REQUEST    from a caller, as in request_text.h
//   <REQUEST    from inside; $ID, $INVOCATION and $EXTENSION stand for the ids that
//               were given last; a 0x1D byte ends a part of the body
//   x0 HOW      process 0 exits, "signal: killed"
//   !           the time of the next alarm comes
//   -           the peer of the next request goes away in its middle

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "emulator/apis/extensions_api.h"
#include "emulator/apis/runtime_api.h"
#include "emulator/apis/telemetry_api.h"
#include "emulator/invoke/function_api.h"
#include "emulator/invoke/invoke_api.h"
#include "emulator/invoke/url_front.h"
#include "emulator/json_check.h"
#include "emulator/lifecycle/managed_lifecycle.h"
#include "emulator/lifecycle/on_demand_lifecycle.h"
#include "emulator/response_stream.h"
#include "emulator/telemetry/journal.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/request_text.h"

namespace {

using namespace mayfly::emulator;
namespace asio = boost::asio;
using mayfly::core::HttpExchange;
using mayfly::core::HttpReply;

enum Choice : std::uint8_t {
  kManaged = 1,
  kVerified = 2,
  kSignedUrl = 4,
  kUrlInParts = 8,
  kTenants = 16,
  kJsonLog = 32
};

// A request that was read already.
class Exchange final : public HttpExchange {
 public:
  Exchange(std::string text, bool peer_leaves) : text_(std::move(text)), leaves_(peer_leaves) {
    request_ = read_request(text_);
    target_ = std::string(request_.path) + "?" + std::string(request_.query);
    parts_ = request_.body;
  }

  std::string_view method() const override { return request_.method; }
  std::string_view target() const override { return target_; }
  std::string_view path() const override { return request_.path; }
  std::string_view query() const override { return request_.query; }
  std::string_view field(std::string_view name) const override {
    for (const auto& field : request_.fields) {
      if (mayfly::core::same_field_name(field.name, name)) return field.value;
    }
    return {};
  }
  bool has_field(std::string_view name) const override {
    for (const auto& field : request_.fields) {
      if (mayfly::core::same_field_name(field.name, name)) return true;
    }
    return false;
  }
  std::vector<mayfly::core::HttpField> fields() const override { return request_.fields; }
  std::string peer_address() const override { return "127.0.0.1"; }

  asio::awaitable<Body> read_body(std::size_t limit_bytes) override {
    Body body;
    body.size = parts_.size();
    if (leaves_) {
      body.state = Body::broken;
    } else if (parts_.size() > limit_bytes) {
      body.state = Body::too_large;
    } else {
      body.bytes = parts_;
    }
    parts_ = {};
    co_return body;
  }
  asio::awaitable<Part> read_part() override {
    co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
    Part part;
    part.bytes = parts_.substr(0, parts_.find('\x1d'));
    parts_.remove_prefix(std::min(parts_.size(), part.bytes.size() + 1));
    part.broken = leaves_ && part.bytes.empty();
    co_return part;
  }
  std::string_view trailer(std::string_view name) const override { return field("trailer-" + std::string(name)); }
  bool peer_waits() override { return !leaves_; }

  asio::awaitable<void> reply(HttpReply reply) override {
    check(reply);
    // What the function itself has said may be anything.
    if (reply.status >= 400 && is_api_path(request_.path) && reply.content_type == "application/json") {
      FUZZ_CHECK(json_problem(reply.body).empty());
    }
    co_return;
  }
  asio::awaitable<bool> begin_reply(HttpReply head) override {
    check(head);
    co_return !leaves_;
  }
  asio::awaitable<bool> write(std::string_view) override {
    FUZZ_CHECK(replied_ && !ended_);
    co_return !leaves_;
  }
  asio::awaitable<bool> end_reply() override {
    FUZZ_CHECK(replied_ && !std::exchange(ended_, true));
    co_return !leaves_;
  }

 private:
  void check(const HttpReply& reply) {
    FUZZ_CHECK(!std::exchange(replied_, true));
    FUZZ_CHECK(reply.status >= 100 && reply.status <= 599);
    if (request_.path.starts_with("/2015-03-31/functions/") && reply.status >= 400) {
      bool names_it = false;
      for (const auto& [name, value] : reply.fields) names_it |= name == "x-amzn-ErrorType" && !value.empty();
      FUZZ_CHECK(names_it);
    }
  }

  const std::string text_;
  const bool leaves_;
  RawRequest request_;
  std::string target_;
  std::string_view parts_;
  bool replied_ = false, ended_ = false;
};

Settings settings_of(std::uint8_t choices) {
  Settings settings;
  settings.task_root = "/nowhere";
  settings.verify_signatures = choices & kVerified;
  settings.callers = {"AKIDEXAMPLE", "secret", ""};
  settings.tenant_isolation = choices & kTenants;
  settings.log_format = choices & kJsonLog ? LogFormat::json : LogFormat::text;
  settings.tell_platform_events = true;
  FunctionUrl url;
  url.signed_only = choices & kSignedUrl;
  url.in_parts = choices & kUrlInParts;
  url.cors.emplace();
  settings.url = url;
  if (choices & kManaged) manage(settings, 2);
  return settings;
}

// One environment without sockets and processes.
class Sandbox final : public Orders {
 public:
  explicit Sandbox(std::uint8_t choices)
      : settings_(settings_of(choices)),
        journal_(settings_, observer_, Clock::time_point{}, 1, "stream"),
        invoke_api_(io_, settings_, [this](auto call, auto done) { return submit(std::move(call), std::move(done)); }),
        url_front_(io_, settings_, [this](auto call, auto done) { return submit(std::move(call), std::move(done)); }),
        function_api_(settings_) {
    if (settings_.is_managed()) {
      lifecycle_ = std::make_unique<ManagedLifecycle>(settings_, *this, journal_);
      lifecycle_->start();
    } else {
      lifecycle_ = std::make_unique<OnDemandLifecycle>(settings_, *this, journal_);
    }
    run();
  }

  void step(std::string_view text) {
    if (text.empty()) return;
    const char kind = text.front();
    text.remove_prefix(1);
    if (kind == '>' || kind == '<') {
      request(kind == '>', text);
    } else if (kind == 'x' && text.size() >= 1) {
      auto id = static_cast<ProcessId>(static_cast<unsigned char>(text[0]) - '0');
      text.remove_prefix(std::min<std::size_t>(text.size(), 2));
      exit(id, text);
    } else if (kind == '!') {
      ring();
    } else if (kind == '-') {
      peer_leaves_ = true;
    }
    run();
  }

  // The end: every step of it is given time, and everybody has got an answer.
  void finish() {
    lifecycle_->shut_down();
    run();
    for (int rings = 0; rings < 8 && !lifecycle_->has_ended(); ++rings) {
      ring();
      run();
      for (ProcessId id = 0; id < alive_.size(); ++id) exit(id, "signal: killed");
      run();
    }
    FUZZ_CHECK(lifecycle_->has_ended());
    close_generation();
    run();
    FUZZ_CHECK(callers_.empty());
    FUZZ_CHECK(serving_ == 0);
  }

 private:
  struct Generation {
    Generation(asio::io_context& io, Lifecycle& lifecycle, const Settings& settings, Journal& journal)
        : telemetry(io),
          runtime_api(io, lifecycle, settings),
          extensions_api(io, lifecycle, settings),
          telemetry_api(lifecycle, telemetry, journal, settings.is_managed()) {}
    Telemetry telemetry;
    RuntimeApi runtime_api;
    ExtensionsApi extensions_api;
    TelemetryApi telemetry_api;
  };
  struct Caller {
    std::uint32_t number;
    std::function<void(Answer)> on_answer;
    std::shared_ptr<ResponseStream> stream;
    Answer held;
  };

  // ---- Orders
  Clock::time_point now() override { return time_; }
  mayfly::core::WallTime wall_now() override { return mayfly::core::WallTime(time_.time_since_epoch()); }
  std::string new_uuid() override {
    auto number = std::to_string(++uuids_);
    return "00000000-0000-4000-8000-" + std::string(12 - number.size(), '0') + number;
  }
  void set_alarm(Clock::time_point at) override { alarm_at_ = at; }
  std::vector<std::string> new_generation() override {
    close_generation();
    generation_ = std::make_shared<Generation>(io_, *lifecycle_, settings_, journal_);
    journal_.set_telemetry(&generation_->telemetry);
    alive_.assign(2, false);
    return {"agent"};
  }
  mayfly::expected<void, LaunchFailure> start_runtime() override {
    alive_.at(kRuntime) = true;
    return {};
  }
  mayfly::expected<void, LaunchFailure> start_extension(ProcessId id, const std::string&) override {
    alive_.at(id) = true;
    return {};
  }
  void send_signal(ProcessId, int) override {}
  void hand_to_runtime(const RuntimeEvent& event) override {
    id_ = event.invocation->request_id;
    invocation_id_ = event.invocation_id;
    generation_->runtime_api.hand_out(event);
  }
  void hand_to_extension(const std::string& identifier, const ExtensionEvent& event) override {
    extension_ = identifier;
    generation_->extensions_api.hand_out(identifier, event);
  }
  void answer(const Invocation& invocation, Answer answer) override {
    Caller& caller = caller_of(invocation);
    if (answer.stream) {
      caller.stream = answer.stream;
      std::exchange(caller.on_answer, nullptr)(std::move(answer));
    } else if (auto stream = std::exchange(caller.stream, nullptr)) {
      stream->end(std::move(answer));
    } else {
      FUZZ_CHECK(caller.on_answer);
      std::exchange(caller.on_answer, nullptr)(std::move(answer));
    }
  }
  void ended(const Invocation& invocation) override {
    Caller& caller = caller_of(invocation);
    FUZZ_CHECK(!caller.on_answer && !caller.stream);
    std::erase_if(callers_, [&](const Caller& one) { return one.number == invocation.number; });
  }
  void drain_output() override {}
  void flush_telemetry() override {}
  int max_memory_mb() override { return 1; }
  void freeze() override {}
  void thaw() override {}
  void settled() override {}

  // ----
  Caller& caller_of(const Invocation& invocation) {
    auto caller = std::ranges::find(callers_, invocation.number, &Caller::number);
    FUZZ_CHECK(caller != callers_.end());
    return *caller;
  }

  bool submit(std::shared_ptr<Invocation> invocation, std::function<void(Answer)> on_answer) {
    if (!lifecycle_->is_free()) return false;
    invocation->number = ++invocations_;
    callers_.push_back({invocation->number, std::move(on_answer), nullptr, {}});
    lifecycle_->invoke(std::move(invocation));
    return true;
  }

  void close_generation() {
    if (!generation_) return;
    journal_.set_telemetry(nullptr);
    generation_->runtime_api.close();
    generation_->extensions_api.close();
    generation_->telemetry_api.close();
    generation_->telemetry.close();
    generation_.reset();
  }

  void request(bool from_caller, std::string_view text) {
    auto exchange = std::make_shared<Exchange>(with_ids(text), std::exchange(peer_leaves_, false));
    if (exchange->path().empty() || exchange->path().front() != '/') return;
    if (!from_caller && !generation_) return;
    asio::co_spawn(io_, serve(exchange, from_caller ? nullptr : generation_), asio::detached);
  }

  asio::awaitable<void> serve(std::shared_ptr<Exchange> exchange, std::shared_ptr<Generation> generation) {
    ++serving_;
    auto path = exchange->path();
    if (!generation) {
      if (!is_api_path(path)) {
        co_await url_front_.serve(*exchange);
      } else if (function_api_.serves(*exchange)) {
        co_await function_api_.serve(*exchange);
      } else {
        co_await invoke_api_.serve(*exchange);
      }
    } else if (path.starts_with("/2018-06-01/")) {
      co_await generation->runtime_api.serve(*exchange);
    } else if (path.starts_with("/2020-01-01/")) {
      co_await generation->extensions_api.serve(*exchange);
    } else if (path == "/2022-07-01/telemetry") {
      co_await generation->telemetry_api.serve(*exchange);
    }
    --serving_;
  }

  std::string with_ids(std::string_view text) const {
    std::string out(text);
    for (const auto& [word, id] : {std::pair<std::string_view, const std::string&>{"$ID", id_},
                                   {"$INVOCATION", invocation_id_},
                                   {"$EXTENSION", extension_}}) {
      if (auto at = out.find(word); at != out.npos) out.replace(at, word.size(), id);
    }
    return out;
  }

  void exit(ProcessId id, std::string_view how) {
    if (id >= alive_.size() || !alive_[id]) return;
    alive_[id] = false;
    lifecycle_->process_exited(id, how, how == "signal: killed");
  }

  void ring() {
    if (alarm_at_ == Clock::time_point::max()) return;
    time_ = std::max(time_, alarm_at_) + std::chrono::milliseconds(1);
    alarm_at_ = Clock::time_point::max();
    lifecycle_->alarm();
  }

  void run() {
    io_.restart();
    while (io_.poll() > 0) {
    }
  }

  asio::io_context io_;
  const Settings settings_;
  const Observer observer_ = [](const Observation&) {};
  Journal journal_;
  InvokeApi invoke_api_;
  UrlFront url_front_;
  FunctionApi function_api_;
  std::unique_ptr<Lifecycle> lifecycle_;
  std::shared_ptr<Generation> generation_;

  Clock::time_point time_{std::chrono::hours(1)};
  Clock::time_point alarm_at_ = Clock::time_point::max();
  std::vector<bool> alive_;
  std::vector<Caller> callers_;
  std::string id_, invocation_id_, extension_;
  int uuids_ = 0;
  std::uint32_t invocations_ = 0;
  int serving_ = 0;
  bool peer_leaves_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(bytes), size);
  if (text.empty()) return 0;
  Sandbox sandbox(static_cast<std::uint8_t>(text.front()));
  text.remove_prefix(1);
  while (!text.empty()) {
    auto step = text.substr(0, text.find('\x1e'));
    text.remove_prefix(std::min(text.size(), step.size() + 1));
    sandbox.step(step);
  }
  sandbox.finish();
  return 0;
}
