#include "emulator/service.h"

#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>

#include "core/http_server/http_server.h"
#include "emulator/environment.h"
#include "emulator/invoke_api.h"

namespace mayfly::emulator {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using core::Errc;
using core::fail;
using core::Outcome;

namespace {

// Invocations that wait, beyond which callers are told to come back later.
constexpr std::size_t kMaxWaiting = 1'000;
constexpr std::size_t kMaxWaitingBytes = 256 * 1024 * 1024;
// How long stop() waits for callers to take their last answer, and for the
// kernel to end what was killed.
constexpr std::chrono::seconds kFarewell{1};

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
  struct Waiting {
    std::shared_ptr<Invocation> invocation;
    std::function<void(Answer)> on_answer;
  };

  State(asio::io_context& context, Settings s, Observer o)
      : io(context),
        settings(std::move(s)),
        observer(std::move(o)),
        processes(context, [this] { check_stopped(); }),
        api(context, settings,
            [this](auto invocation, auto on_answer) { return submit(std::move(invocation), std::move(on_answer)); }),
        farewell(context) {}

  bool submit(std::shared_ptr<Invocation> invocation, std::function<void(Answer)> on_answer);
  void pump();
  void check_stopped();
  void finish();
  asio::awaitable<void> serve(core::HttpExchange& exchange);

  asio::io_context& io;
  const Settings settings;
  const Observer observer;
  const Clock::time_point origin = Clock::now();
  ProcessTable processes;
  InvokeApi api;
  std::unique_ptr<core::HttpServer> server;
  std::shared_ptr<Environment> environment;
  std::deque<Waiting> waiting;
  std::size_t waiting_bytes = 0;
  std::uint32_t invocations = 0;
  std::size_t serving = 0;  // requests to the Invoke API

  asio::steady_timer farewell;
  bool stopping = false;
  std::function<void()> done;
};

bool Service::State::submit(std::shared_ptr<Invocation> invocation, std::function<void(Answer)> on_answer) {
  if (stopping) {
    Answer answer;
    answer.aborted = true;
    on_answer(std::move(answer));
    return true;
  }
  bool full = waiting.size() >= kMaxWaiting || waiting_bytes + invocation->event.size() > kMaxWaitingBytes;
  if (!full) invocation->number = ++invocations;
  Observation what;
  what.kind = full ? Observation::Kind::throttled : Observation::Kind::invocation_accepted;
  what.time = core::wall_now();
  what.elapsed_ns = std::chrono::nanoseconds(Clock::now() - origin).count();
  what.number = invocation->number;
  what.request_id = invocation->request_id;
  if (observer) observer(what);
  if (full) return false;
  waiting_bytes += invocation->event.size();
  waiting.push_back({std::move(invocation), std::move(on_answer)});
  pump();
  return true;
}

void Service::State::pump() {
  if (waiting.empty() || stopping) return;
  if (!environment) {
    environment = std::make_shared<Environment>(io, settings, observer, origin, processes, [self = weak_from_this()] {
      auto state = self.lock();
      if (!state) return;
      state->pump();
      state->check_stopped();
    });
  }
  if (!environment->is_free()) return;
  auto next = std::move(waiting.front());
  waiting.pop_front();
  waiting_bytes -= next.invocation->event.size();
  environment->invoke(std::move(next.invocation), std::move(next.on_answer));
}

asio::awaitable<void> Service::State::serve(core::HttpExchange& exchange) {
  ++serving;
  co_await api.serve(exchange);
  --serving;
  check_stopped();
}

void Service::State::check_stopped() {
  if (!stopping || !done || (environment && !environment->has_ended())) return;
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
  if (server) server->stop();
  processes.stop_watching();
  finished();
}

Service::Service(asio::io_context& io, Settings settings, Observer observer)
    : state_(std::make_shared<State>(io, std::move(settings), std::move(observer))) {}

Service::~Service() {
  if (state_->server) state_->server->stop();
}

Outcome<core::Origin> Service::start() {
  const Settings& settings = state_->settings;
  for (const auto& folder : settings.extension_folders) {
    if (auto sound = check_folder(folder); !sound) return unexpected(sound.error());
  }
  core::HttpServerOptions options;
  options.host_names = {settings.listen.host};
  state_->server = std::make_unique<core::HttpServer>(
      state_->io, options,
      [self = std::weak_ptr<State>(state_)](core::HttpExchange& exchange) -> asio::awaitable<void> {
        if (auto state = self.lock()) co_await state->serve(exchange);
      });
  return state_->server->listen(settings.listen.host, settings.listen.port);
}

void Service::stop(std::function<void()> done) {
  State& state = *state_;
  if (state.stopping) return;
  state.stopping = true;
  state.done = std::move(done);
  for (auto& waiting : std::exchange(state.waiting, {})) {
    Answer answer;
    answer.aborted = true;
    waiting.on_answer(std::move(answer));
  }
  if (state.environment) {
    state.environment->shut_down();  // and settles, later
  } else {
    state.check_stopped();
  }
}

void Service::kill() {
  if (state_->stopping && state_->environment) state_->environment->kill();
}

}  // namespace mayfly::emulator
