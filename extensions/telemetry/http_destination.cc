#include "extensions/telemetry/http_destination.h"

#include <mayfly/log.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "core/http_field.h"
#include "extensions/telemetry/batch_halves.h"
#include "extensions/telemetry/otlp_envelope.h"
#include "extensions/telemetry/random.h"

namespace mayfly::telemetry {
namespace {

using core::Deadline;
using core::Errc;
using core::HttpAnswer;
using core::Outcome;
using std::chrono::milliseconds;

constexpr std::size_t kMaxAnswerBytes = 64 * 1024;
constexpr std::size_t kQuotedBytes = 200;  // of an answer, in a log line

Delivery::Options delivery_options(const HttpDestination::Options& options, bool has_secrets) {
  bool otlp = options.encoding == Encoding::otlp;
  Delivery::Options delivery;
  delivery.queue_bytes = options.queue_bytes;
  delivery.protocol = otlp ? Protocol::otlp : Protocol::ndjson;
  delivery.retry_500 = options.retry_500;
  delivery.refreshable = has_secrets;
  delivery.timeout = options.timeout;
  delivery.halve = otlp ? halve_otlp : halve_lines;
  return delivery;
}

// The first line, without control bytes and not too long.
std::string first_line(std::string_view body) {
  std::string line(body.substr(0, std::min(body.find_first_of("\r\n"), kQuotedBytes)));
  std::ranges::replace_if(
      line, [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, '?');
  return line;
}

}  // namespace

HttpDestination::HttpDestination(Options options)
    : options_(std::move(options)),
      wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      compressor_(options_.compression),
      head_(options_.encoding, options_.route.host(), options_.targets, options_.headers, options_.secrets),
      delivery_(delivery_options(options_, head_.has_references())) {}

HttpDestination::~HttpDestination() {
  close([](const QueuedBatch&) { return Place::shutdown; });
  if (thread_.joinable()) thread_.join();
  ::close(wake_fd_);
}

// ---- the event loop's side

void HttpDestination::start_thread() {
  if (!thread_.joinable() && !closed_) thread_ = std::thread([this] { serve(); });
  wake_up_.notify_one();
}

void HttpDestination::enqueue(SharedBatch batch) {
  std::lock_guard lock(mutex_);
  delivery_.enqueue(std::move(batch));
  start_thread();
}

bool HttpDestination::recover(QueuedBatch batch) {
  std::lock_guard lock(mutex_);
  if (closed_ || !delivery_.recover(std::move(batch))) return false;
  start_thread();
  return true;
}

void HttpDestination::count_lost(std::uint64_t records, Place cause) {
  std::lock_guard lock(mutex_);
  delivery_.count_lost(records, cause);
}

void HttpDestination::enter(Window window) {
  std::lock_guard lock(mutex_);
  delivery_.enter(window, Moment::now());
  if (delivery_.queue().in_flight()) eventfd_write(wake_fd_, 1);
  wake_up_.notify_one();
}

bool HttpDestination::settled() {
  std::lock_guard lock(mutex_);
  return delivery_.settled(Moment::now());
}

bool HttpDestination::stalled() {
  std::lock_guard lock(mutex_);
  return delivery_.breaker_is_open() && !delivery_.queue().empty();
}

void HttpDestination::was_late() {
  std::lock_guard lock(mutex_);
  delivery_.was_late(Moment::now());
}

std::size_t HttpDestination::queued_bytes() {
  std::lock_guard lock(mutex_);
  return delivery_.queue().bytes();
}

bool HttpDestination::shed() {
  std::lock_guard lock(mutex_);
  return delivery_.shed();
}

std::vector<QueuedBatch> HttpDestination::unsent() {
  std::lock_guard lock(mutex_);
  return delivery_.queue().unsent();
}

Account HttpDestination::account() {
  std::lock_guard lock(mutex_);
  return delivery_.queue().account();
}

DeliveryCounters HttpDestination::counters() {
  std::lock_guard lock(mutex_);
  return delivery_.counters();
}

void HttpDestination::close(const BatchQueue::Keep& keep) {
  std::lock_guard lock(mutex_);
  closed_ = true;
  delivery_.leave(keep);
  eventfd_write(wake_fd_, 1);
  wake_up_.notify_one();
}

// ---- the thread's side

void HttpDestination::serve() {
  std::unique_lock lock(mutex_);
  while (!closed_) {
    auto request = delivery_.start(Moment::now());
    if (!request) {
      auto rest = delivery_.wait(Moment::now());
      if (rest == Delivery::kForever) {
        wake_up_.wait(lock);
      } else {
        wake_up_.wait_for(lock, rest);
      }
      continue;
    }
    lock.unlock();
    Reply reply = post(*request);
    request.reset();  // its memory goes with the batch
    lock.lock();
    if (closed_) return;  // close() has counted the batch
    delivery_.ended(reply, Moment::now(), random_bits());
    bool unreachable = reply.kind == Reply::Kind::unanswered && delivery_.breaker_is_open();
    bool again = !delivery_.queue().empty() && delivery_.queue().oldest().batch == payload_of_;
    if (!again) {
      payload_of_.reset();
      payload_ = {};
    }
    lock.unlock();
    if (unreachable && !std::exchange(no_secret_ ? told_secret_ : told_unreachable_, true)) {
      std::string what = no_secret_ ? "a secret is not to be had" : "the backend is not reached";
      log.warn(what + "; records wait in memory, the oldest go first when it is full",
               {{"destination", options_.name}, {"cause", failure_}});
    }
    if (options_.changed) options_.changed();
    lock.lock();
  }
}

Reply HttpDestination::post(const Request& request) {
  const SharedBatch& batch = request.batch;
  bool compressed = options_.compression != Compression::none;
  if (compressed && payload_of_ != batch) {
    payload_of_ = batch;
    if (!compressor_.compress(batch->body, payload_)) payload_of_.reset();
  }
  compressed = compressed && payload_of_;  // without memory for it, it goes as it is
  std::string_view payload = compressed ? std::string_view(payload_) : std::string_view(batch->body);

  Reply reply;
  if (auto ready = prepare_head(request.fresh_credentials); !ready) {
    if (ready.error().code == Errc::interrupted) reply.kind = Reply::Kind::abandoned;
    no_secret_ = true;
    failure_ = ready.error().message;
    return reply;
  }
  no_secret_ = false;
  auto coding = compressed ? content_encoding(options_.compression) : std::string_view();
  auto head = head_.text(batch->signal, coding, payload.size());
  auto answer = exchange(head.reveal(), payload, reply.sent);
  if (answer) return read(**answer, batch->records);
  if (answer.error().code == Errc::interrupted) {
    reply.kind = Reply::Kind::abandoned;
    return reply;
  }
  // A connection that was kept may have ended during a freeze: not the backend's fault.
  reply.reused = answer.error().code == Errc::unanswered && transport_ && transport_->reused();
  failure_ = answer.error().message;
  return reply;
}

Outcome<void> HttpDestination::prepare_head(bool fresh) {
  auto until = attempt_deadline();
  if (!until) return core::fail(Errc::interrupted, "closed");
  // Whoever may be frozen has no end of its own to wait for.
  return head_.prepare(fresh, until->is_never() ? Deadline::after(options_.timeout) : *until);
}

Outcome<const HttpAnswer*> HttpDestination::exchange(std::string_view head, std::string_view body, bool& sent) {
  sent = false;
  for (;;) {
    auto until = attempt_deadline();
    if (!until) return core::fail(Errc::interrupted, "closed");
    if (!transport_) {
      auto opened = open_transport(options_.route, kMaxAnswerBytes, wake_fd_);
      if (!opened) return unexpected(opened.error());
      transport_ = std::move(*opened);
    }
    if (!sent) {
      auto out = transport_->send(head, body, *until);
      if (!out && out.error().code == Errc::interrupted) continue;
      if (!out) return unexpected(out.error());
      sent = true;
    }
    auto answer = transport_->receive(*until);
    if (!answer && answer.error().code == Errc::interrupted) continue;
    return answer;
  }
}

std::optional<Deadline> HttpDestination::attempt_deadline() {
  std::lock_guard lock(mutex_);
  eventfd_t ignored;
  eventfd_read(wake_fd_, &ignored);
  if (closed_) return std::nullopt;
  auto until = delivery_.give_up_at();
  if (until == Steady::max()) return Deadline::never();
  return Deadline::after(until - std::chrono::steady_clock::now());
}

Reply HttpDestination::read(const HttpAnswer& answer, std::size_t records) {
  Reply reply;
  reply.kind = Reply::Kind::answered;
  reply.status = answer.status();
  reply.retry_after = retry_after(answer.field("Retry-After"), answer.field("Date"));
  auto judged = verdict(options_.encoding == Encoding::otlp ? Protocol::otlp : Protocol::ndjson, reply.status,
                        options_.retry_500);
  if (judged == Verdict::delivered) {
    std::string why;
    if (options_.encoding == Encoding::otlp) reply.rejected = rejected_items(answer.body(), why);
    if (options_.encoding == Encoding::ndjson) reply.rejected = 0;
    if (reply.rejected.value_or(0) > 0 && !std::exchange(told_rejected_, true)) {
      log.warn("the backend rejected records",
               {{"destination", options_.name}, {"records", *reply.rejected}, {"answer", first_line(why)}});
    }
    return reply;
  }
  bool sent_again = judged == Verdict::later || (judged == Verdict::split && records > 1);
  if (!sent_again && !std::exchange(told_refused_, true)) {
    log.warn("the backend refuses records; they are dropped",
             {{"destination", options_.name}, {"status", reply.status}, {"answer", first_line(answer.body())}});
  }
  return reply;
}

}  // namespace mayfly::telemetry
