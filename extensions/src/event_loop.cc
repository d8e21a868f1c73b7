#include "extensions/src/event_loop.h"

#include <fcntl.h>

#include <chrono>
#include <utility>

#include "core/environment.h"

namespace mayfly::extension {
namespace {

// A connection that ends while `next` waits is made anew, three times in a row
// at most: the Extensions API is as much alive as the environment.
constexpr int kMaxLostConnections = 3;
constexpr std::chrono::milliseconds kRetryAfter{50};

}  // namespace

bool on_managed_instances() { return core::env_or("AWS_LAMBDA_INITIALIZATION_TYPE", "") == "lambda-managed-instances"; }

EventLoop::EventLoop(core::Origin runtime_api, Observer& observer, bool managed_instances)
    : runtime_api_(runtime_api),
      observer_(observer),
      managed_instances_(managed_instances),
      api_(std::move(runtime_api)),
      listener_(io_, [this](std::string body) {
        TelemetryBatch batch(body, body.capacity(), parser_);
        observer_.received(batch);
      }) {}

core::Outcome<Registration> EventLoop::register_extension(std::string_view name, std::vector<std::string_view> events) {
  if (managed_instances_) std::erase(events, "INVOKE");
  return api_.register_extension(name, events);
}

core::Outcome<bool> EventLoop::subscribe(const std::vector<TelemetryType>& types, const Buffering& buffering,
                                         Schema schema) {
  if (managed_instances_) schema = Schema::v2025_01_29;
  auto port = listener_.listen(runtime_api_.is_loopback());
  if (!port) return unexpected(port.error());
  return api_.subscribe(types, buffering, schema, *port);
}

core::Outcome<void> EventLoop::run() {
  next();
  io_.run();
  return outcome_;
}

void EventLoop::next() {
  if (auto sent = api_.send_next(); !sent) return next_failed(sent.error());
  wait_for_event();
}

void EventLoop::wait_for_event() {
  if (watched_fd_ != api_.fd() || !readable_.is_open()) {
    if (readable_.is_open()) readable_.close();
    watched_fd_ = api_.fd();
    readable_.assign(fcntl(watched_fd_, F_DUPFD_CLOEXEC, 0));
  }
  readable_.async_wait(readable_.wait_read, [this](boost::system::error_code error) {
    if (!error) event_readable();
  });
}

void EventLoop::event_readable() {
  auto event = api_.receive_next();
  if (!event) return next_failed(event.error());
  if (event->kind == Event::Kind::none) return wait_for_event();
  lost_connections_ = 0;
  // A connection that will not carry another request has another socket then.
  if (api_.fd() < 0) readable_.close();
  if (event->kind == Event::Kind::invoke) return observer_.invoked(event->invoke);
  observer_.shut_down(event->shutdown);
}

void EventLoop::next_failed(core::Failure failure) {
  readable_.close();
  bool lost = failure.code == core::Errc::unreachable || failure.code == core::Errc::unanswered ||
              failure.code == core::Errc::cut;
  // An event of a kind that is not known yet: nothing is to be done about it.
  if (failure.code == core::Errc::parse) return next();
  if (!lost || ++lost_connections_ > kMaxLostConnections) {
    outcome_ = unexpected(std::move(failure));
    return stop();
  }
  retry_.expires_after(kRetryAfter * lost_connections_);
  retry_.async_wait([this](boost::system::error_code error) {
    if (!error) next();
  });
}

}  // namespace mayfly::extension
