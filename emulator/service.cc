#include "emulator/service.h"

#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "core/http_server/http_server.h"
#include "emulator/invoke/function_api.h"
#include "emulator/invoke/invoke_api.h"
#include "emulator/invoke/url_front.h"
#include "emulator/pool.h"

namespace mayfly::emulator {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using core::Errc;
using core::fail;
using core::Outcome;

namespace {

// How long stop() waits for callers to take their last answer, and for the
// kernel to end what was killed.
constexpr std::chrono::seconds kFarewell{1};

// Every call of Managed Instances is a connection on either side.
void raise_descriptor_limit() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

Outcome<void> check_folder(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error))
    return fail(Errc::not_found, folder.string() + ": no folder of extensions is there");
  if (access(folder.c_str(), R_OK | X_OK) != 0)
    return fail(Errc::refused, folder.string() + ": the folder cannot be read");
  return {};
}

}  // namespace

struct Service::State : std::enable_shared_from_this<Service::State> {
  State(asio::io_context& context, Settings s, Observer o)
      : io(context),
        settings(std::move(s)),
        observer([this, told = std::move(o)](const Observation& what) {
          metrics.observe(what);
          if (told) told(what);
        }),
        processes(context, [this] { check_stopped(); }),
        pool(std::make_shared<Pool>(context, settings, observer, origin, processes, [this] { check_stopped(); })),
        api(context, settings,
            [this](auto invocation, auto on_answer) { return submit(std::move(invocation), std::move(on_answer)); }),
        url(context, settings,
            [this](auto invocation, auto on_answer) { return submit(std::move(invocation), std::move(on_answer)); }),
        functions(settings),
        farewell(context) {}

  bool submit(std::shared_ptr<Invocation> invocation, std::function<void(Answer)> on_answer);
  void tell(Observation::Kind kind, const Invocation& invocation);
  void tell(Observation::Kind kind, std::string detail);  // in no environment
  void open_groups();
  void start_pool();
  void check_stopped();
  void finish();
  bool shares_address() const {
    return settings.url && settings.url->listen == settings.listen && settings.listen.port;
  }
  asio::awaitable<void> serve(core::HttpExchange& exchange, bool is_url);
  std::unique_ptr<core::HttpServer> new_server(core::HttpServerOptions options, bool is_url);
  core::HttpReply metrics_reply(const core::HttpExchange& exchange) const;

  asio::io_context& io;
  Settings settings;  // only reload() changes them
  Metrics metrics;
  const Observer observer;
  const Clock::time_point origin = Clock::now();
  ProcessTable processes;
  std::shared_ptr<Pool> pool;
  InvokeApi api;
  UrlFront url;
  FunctionApi functions;
  std::unique_ptr<core::HttpServer> server, url_server;
  std::uint32_t invocations = 0;
  std::size_t serving = 0;  // requests
  std::size_t cut_off_events = 0;

  asio::steady_timer farewell;
  bool stopped = false;  // stop() was called
  std::function<void()> done;
};

void Service::State::tell(Observation::Kind kind, const Invocation& invocation) {
  Observation what;
  what.kind = kind;
  what.time = core::wall_now();
  what.elapsed_ns = std::chrono::nanoseconds(Clock::now() - origin).count();
  what.number = invocation.number;
  what.request_id = invocation.request_id;
  observer(what);
}

void Service::State::tell(Observation::Kind kind, std::string detail) {
  Observation what;
  what.kind = kind;
  what.time = core::wall_now();
  what.elapsed_ns = std::chrono::nanoseconds(Clock::now() - origin).count();
  what.detail = std::move(detail);
  observer(what);
}

bool Service::State::submit(std::shared_ptr<Invocation> invocation, std::function<void(Answer)> on_answer) {
  invocation->number = ++invocations;
  tell(Observation::Kind::invocation_accepted, *invocation);
  if (invocation->asynchronous && !stopped) {
    on_answer = [this, hear = std::move(on_answer)](Answer answer) {
      cut_off_events += answer.aborted;
      hear(std::move(answer));
    };
  }
  if (pool->submit(invocation, std::move(on_answer))) return true;
  tell(Observation::Kind::throttled, *invocation);
  return false;
}

// Cleans up after runs that were killed, which may hold ports that extensions want.
void Service::State::open_groups() {
  auto notes = processes.groups().open(settings.control_groups, settings.throttle_cpu);
  if (const auto& why = processes.views().limits().names_problem; !why.empty())
    notes.push_back("sandbox.localdomain does not resolve for the processes: " + why);
  for (auto& line : notes) {
    asio::post(io, [self = weak_from_this(), line = std::move(line)] {
      if (auto state = self.lock()) state->tell(Observation::Kind::notice, line);
    });
  }
}

std::unique_ptr<core::HttpServer> Service::State::new_server(core::HttpServerOptions options, bool is_url) {
  return std::make_unique<core::HttpServer>(
      io, std::move(options), [self = weak_from_this(), is_url](core::HttpExchange& exchange) -> asio::awaitable<void> {
        if (auto state = self.lock()) co_await state->serve(exchange, is_url);
      });
}

// From inside the io_context, as everything that is told.
void Service::State::start_pool() {
  if (!settings.is_managed() && settings.start_runtime) return;
  if (settings.is_managed()) raise_descriptor_limit();
  asio::post(io, [self = weak_from_this()] {
    auto state = self.lock();
    if (state && !state->stopped) state->pool->start();
  });
}

asio::awaitable<void> Service::State::serve(core::HttpExchange& exchange, bool is_url) {
  ++serving;
  if (is_url || (shares_address() && !is_api_path(exchange.path()))) {
    co_await url.serve(exchange);
  } else if (exchange.path() == "/metrics") {
    co_await exchange.reply(metrics_reply(exchange));
  } else if (functions.serves(exchange)) {
    co_await functions.serve(exchange);
  } else {
    co_await api.serve(exchange);
  }
  --serving;
  check_stopped();
}

core::HttpReply Service::State::metrics_reply(const core::HttpExchange& exchange) const {
  if (exchange.method() != "GET") return {405, {}, {{"Allow", "GET"}}, {}};
  return {200, Metrics::kContentType, {}, metrics.page()};
}

void Service::State::check_stopped() {
  if (!done || !pool->has_ended()) return;
  if (serving == 0 && processes.empty()) return finish();
  farewell.expires_after(kFarewell);
  farewell.async_wait([self = weak_from_this()](boost::system::error_code error) {
    auto state = self.lock();
    if (!error && state) state->finish();
  });
}

void Service::State::finish() {
  auto finished = std::exchange(done, nullptr);
  if (!finished) return;
  farewell.cancel();
  if (cut_off_events > 0) {  // nobody waits for their answer
    tell(Observation::Kind::notice, std::to_string(cut_off_events) + " accepted events did not run to their end");
  }
  if (server) server->stop();
  if (url_server) url_server->stop();
  processes.stop_watching();
  finished();
}

Service::Service(asio::io_context& io, Settings settings, Observer observer)
    : state_(std::make_shared<State>(io, std::move(settings), std::move(observer))) {}

Service::~Service() {
  if (state_->server) state_->server->stop();
  if (state_->url_server) state_->url_server->stop();
}

Outcome<core::Origin> Service::start() {
  const Settings& settings = state_->settings;
  for (const auto& folder : settings.extension_folders) {
    if (auto sound = check_folder(folder); !sound) return unexpected(sound.error());
  }
  core::HttpServerOptions options;
  // On all addresses this machine has more names than we know; a web page is
  // still refused by its Origin.
  bool everywhere = settings.listen.host == "0.0.0.0" || settings.listen.host == "::";
  options.host_names = {everywhere ? "*" : settings.listen.host};
  options.max_connections += settings.capacity();
  if (state_->shares_address()) options.open_to_browsers = [](auto path) { return !is_api_path(path); };
  state_->processes.views().open(settings);
  state_->server = state_->new_server(options, false);
  auto listening = state_->server->listen(settings.listen.host, settings.listen.port);
  if (listening) state_->open_groups();
  if (listening) state_->start_pool();
  if (listening && state_->shares_address()) state_->url.set_port(listening->port);
  return listening;
}

Outcome<core::Origin> Service::start_url() {
  const core::Origin& wanted = state_->settings.url->listen;
  if (state_->shares_address()) return wanted;
  core::HttpServerOptions options;
  options.refuse_browsers = false;
  options.max_connections += state_->settings.capacity();
  state_->url_server = state_->new_server(options, true);
  auto listening = state_->url_server->listen(wanted.host, wanted.port);
  if (listening) state_->url.set_port(listening->port);
  return listening;
}

const Enforcement& Service::enforcement() const { return state_->processes.groups().enforcement(); }

const FileLimits& Service::file_limits() const { return state_->processes.views().limits(); }

void Service::reload(std::string what, std::vector<std::pair<std::string, std::string>> environment) {
  if (state_->stopped) return;
  state_->settings.environment = std::move(environment);
  state_->tell(Observation::Kind::reloaded, std::move(what));
  state_->pool->retire();
}

void Service::stop(std::function<void()> done) {
  State& state = *state_;
  if (state.stopped) return;
  state.stopped = true;
  state.done = std::move(done);
  state.pool->shut_down();
  state.check_stopped();
}

void Service::kill() { state_->pool->kill(); }

const Metrics& Service::metrics() const { return state_->metrics; }

}  // namespace mayfly::emulator
