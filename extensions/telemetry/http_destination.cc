#include "extensions/telemetry/http_destination.h"

#include <mayfly/log.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "core/http_field.h"
#include "extensions/telemetry/random.h"

namespace mayfly::telemetry {
namespace {

using core::Deadline;
using core::Errc;
using core::HttpAnswer;
using core::Outcome;
using std::chrono::milliseconds;

// Nobody waits for it: the event loop goes on without the answer much earlier.
constexpr milliseconds kAttemptTimeout{5'000};
// An answer that takes longer than this is not worth holding an invocation for.
constexpr milliseconds kPrompt{200};
constexpr milliseconds kFinalTry{300};  // with an open breaker, at shutdown
constexpr std::size_t kMaxAnswerBytes = 1024 * 1024;
constexpr int kMaxAttempts = 30;
constexpr std::size_t kQuotedBytes = 200;  // of an answer, in a log line

std::string request_head(const HttpDestination::Options& options) {
  std::string head = "POST " + options.target + " HTTP/1.1\r\n";
  core::append_field(head, "Host", options.route.backend.host_port());
  core::append_field(head, "User-Agent", "mayfly-telemetry");
  core::append_field(head, "Content-Type",
                     options.encoding == Encoding::otlp ? "application/x-protobuf" : "application/x-ndjson");
  if (auto coding = content_encoding(options.compression); !coding.empty())
    core::append_field(head, "Content-Encoding", coding);
  for (const auto& header : options.headers) core::append_field(head, header.name, header.value);
  return head;
}

// The first line, without control bytes and not too long.
std::string first_line(std::string_view body) {
  std::string line(body.substr(0, std::min(body.find_first_of("\r\n"), kQuotedBytes)));
  std::ranges::replace_if(
      line, [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, '?');
  return line;
}

}  // namespace

// What came of sending one batch.
struct HttpDestination::Attempt {
  enum class Outcome { settled, later, no_answer, abandoned };
  Outcome outcome = Outcome::no_answer;
  Place place = Place::delivered;  // settled
  std::size_t rejected = 0;
  std::optional<milliseconds> retry_after;
  milliseconds took{0};
};

HttpDestination::HttpDestination(Options options)
    : options_(std::move(options)),
      name_(options_.name),
      head_(request_head(options_)),
      wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      compressor_(options_.compression),
      queue_(options_.queue_bytes) {}

HttpDestination::~HttpDestination() {
  close();
  if (thread_.joinable()) thread_.join();
  ::close(wake_fd_);
}

// ---- the event loop's side

void HttpDestination::enqueue(SharedBatch batch) {
  std::lock_guard lock(mutex_);
  queue_.push(std::move(batch));
  if (!thread_.joinable() && !closed_) thread_ = std::thread([this] { serve(); });
  wake_up_.notify_one();
}

void HttpDestination::wake() { wake_up_.notify_one(); }

bool HttpDestination::settled(milliseconds patience) {
  std::lock_guard lock(mutex_);
  if (queue_.empty() && !queue_.in_flight()) return true;
  if (late_ && !final_) return true;
  return !queue_.in_flight() && pause() >= patience;
}

void HttpDestination::was_late() {
  std::lock_guard lock(mutex_);
  late_ = true;
}

void HttpDestination::hurry(Deadline until) {
  std::lock_guard lock(mutex_);
  final_ = until;
  final_try_ = pause() > milliseconds{0};
  interrupt();
}

Account HttpDestination::close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
  queue_.drop_all(Place::shutdown);
  interrupt();
  return queue_.account();
}

void HttpDestination::interrupt() {
  eventfd_write(wake_fd_, 1);
  wake_up_.notify_one();
}

// ---- the thread's side

milliseconds HttpDestination::pause() const { return final_try_ ? milliseconds{0} : breaker_.wait(Moment::now()); }

void HttpDestination::serve() {
  std::unique_lock lock(mutex_);
  while (!closed_) {
    if (queue_.empty()) {
      wake_up_.wait(lock);
      continue;
    }
    if (auto rest = pause(); rest > milliseconds{0}) {
      wake_up_.wait_for(lock, rest);
      continue;
    }
    SharedBatch batch = queue_.take();
    ++attempts_;
    lock.unlock();
    Attempt attempt = post(batch);
    lock.lock();
    if (closed_) return;  // close() has counted the batch
    settle(attempt);
    lock.unlock();
    if (options_.changed) options_.changed();
    lock.lock();
  }
}

HttpDestination::Attempt HttpDestination::post(const SharedBatch& batch) {
  bool compress = options_.compression != Compression::none;
  if (compress && payload_of_ != batch) {
    payload_of_ = batch;
    if (!compressor_.compress(batch->body, payload_)) payload_of_.reset();
  }
  std::string_view payload = compress ? std::string_view(payload_) : std::string_view(batch->body);
  std::string head = head_;
  core::append_field(head, "Content-Length", std::to_string(payload.size()));
  head += "\r\n";

  auto began = std::chrono::steady_clock::now();
  auto answer = exchange(head, payload);
  // A kept connection may have ended during a freeze: not the backend's fault.
  if (!answer && answer.error().code == Errc::unanswered && transport_ && transport_->reused())
    answer = exchange(head, payload);

  Attempt attempt;
  if (answer) {
    attempt = judge(**answer);
  } else if (answer.error().code == Errc::interrupted) {
    attempt.outcome = Attempt::Outcome::abandoned;
  } else if (!std::exchange(told_unreachable_, true)) {
    log.warn("the backend is not reached; records wait in memory, the oldest go first when it is full",
             {{"destination", name_}, {"cause", answer.error().message}});
  }
  attempt.took = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - began);
  return attempt;
}

Outcome<const HttpAnswer*> HttpDestination::exchange(std::string_view head, std::string_view body) {
  bool sent = false;
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
  if (!final_) return Deadline::after(kAttemptTimeout);
  if (std::exchange(final_try_, false) && final_->remaining() > kFinalTry) return Deadline::after(kFinalTry);
  return *final_;
}

HttpDestination::Attempt HttpDestination::judge(const HttpAnswer& answer) {
  Attempt attempt;
  if (is_retryable(answer.status())) {
    attempt.outcome = Attempt::Outcome::later;
    attempt.retry_after = retry_after(answer.field("Retry-After"), answer.field("Date"));
    return attempt;
  }
  attempt.outcome = Attempt::Outcome::settled;
  attempt.place = place_of(answer.status());
  if (attempt.place == Place::delivered) {
    std::string why;
    if (options_.read_rejected) attempt.rejected = options_.read_rejected(answer.body(), why);
    if (attempt.rejected > 0 && !std::exchange(told_rejected_, true)) {
      log.warn("the backend rejected records",
               {{"destination", name_}, {"records", attempt.rejected}, {"answer", first_line(why)}});
    }
  } else if (!std::exchange(told_refused_, true)) {
    log.warn("the backend refuses records; they are dropped",
             {{"destination", name_}, {"status", answer.status()}, {"answer", first_line(answer.body())}});
  }
  return attempt;
}

void HttpDestination::settle(const Attempt& attempt) {
  switch (attempt.outcome) {
    case Attempt::Outcome::abandoned: --attempts_; return queue_.put_back();
    case Attempt::Outcome::settled:
      attempts_ = 0;
      payload_ = {};
      payload_of_.reset();
      breaker_.succeeded();
      late_ = attempt.took > kPrompt;
      return queue_.settle(attempt.place, attempt.rejected);
    case Attempt::Outcome::later: breaker_.answered_later(Moment::now(), attempt.retry_after, random_bits()); break;
    case Attempt::Outcome::no_answer: breaker_.no_answer(Moment::now(), random_bits()); break;
  }
  if (attempts_ < kMaxAttempts) return queue_.put_back();
  attempts_ = 0;
  queue_.settle(Place::expired);
}

}  // namespace mayfly::telemetry
