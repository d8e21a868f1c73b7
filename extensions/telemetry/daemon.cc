#include "extensions/telemetry/daemon.h"

#include <mayfly/log.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cassert>
#include <utility>

#include "extensions/telemetry/http_destination.h"
#include "extensions/telemetry/line_destination.h"
#include "extensions/telemetry/ndjson.h"
#include "extensions/telemetry/otlp_envelope.h"
#include "extensions/telemetry/otlp_logs.h"

namespace mayfly::telemetry {
namespace {

namespace ext = mayfly::extension;
using core::Deadline;
using ext::TelemetryType;
using std::chrono::milliseconds;

constexpr milliseconds kFlushCap{200};        // added to an invocation at most
constexpr milliseconds kDeadlineMargin{100};  // a late timer, and encoding on a small share of a CPU
constexpr milliseconds kEarlyFlush{500};      // before a deadline that the function may not survive
constexpr milliseconds kFreshness{1'000};
constexpr milliseconds kShutdownCap{1'500};
constexpr milliseconds kShutdownMargin{300};  // Lambda takes that much for itself
constexpr milliseconds kLastReport{100};
constexpr std::size_t kBatchBytes = 1024 * 1024;
constexpr std::size_t kBatchRecords = 1'000;

std::size_t index(Encoding encoding) { return static_cast<std::size_t>(encoding); }

TelemetryType type_of(const ext::TelemetryRecord& record) {
  if (std::holds_alternative<ext::FunctionLog>(record.event)) return TelemetryType::function;
  if (std::holds_alternative<ext::ExtensionLog>(record.event)) return TelemetryType::extension;
  return TelemetryType::platform;
}

}  // namespace

Daemon::Daemon(core::Origin runtime_api, const Settings& settings)
    : settings_(settings),
      loop_(std::move(runtime_api), *this, ext::on_managed_instances()),
      timer_(loop_.io()),
      freshness_(loop_.io()),
      resource_(settings) {}

Daemon::~Daemon() = default;

// ---- the Init phase

int Daemon::run(std::string_view name) {
  bool idle = !open_destinations();
  auto registration =
      idle ? loop_.register_extension(name, {"SHUTDOWN"}) : loop_.register_extension(name, {"INVOKE", "SHUTDOWN"});
  if (!registration) {
    log.fatal(registration.error().message);
    return 1;
  }
  resource_.set_account_id(registration->account_id);
  subscribed_ = !idle && subscribe();
  auto outcome = loop_.run();
  if (outcome) return 0;
  log.fatal(outcome.error().message);
  return 1;
}

bool Daemon::open_destinations() {
  auto complaints = settings_.complaints;
  auto backends = static_cast<std::size_t>(
      std::ranges::count(settings_.destinations, DestinationSettings::Kind::http, &DestinationSettings::kind));
  for (const auto& d : settings_.destinations) {
    switch (d.kind) {
      case DestinationSettings::Kind::standard_output:
        destinations_.push_back(LineDestination::standard_output());
        break;
      case DestinationSettings::Kind::file: {
        auto file = LineDestination::open_file(d.path);
        if (file) {
          destinations_.push_back(std::move(*file));
        } else {
          complaints.push_back(file.error().message);
        }
        break;
      }
      case DestinationSettings::Kind::http: {
        if (!d.takes(Signal::logs)) break;
        HttpDestination::Options options;
        options.name = d.name;
        options.route = {d.origin,
                         d.tls,
                         {d.certificate.empty() ? settings_.ca_file : d.certificate, settings_.tls_insecure},
                         settings_.proxies};
        options.target = d.targets[static_cast<std::size_t>(Signal::logs)];
        options.encoding = d.encoding;
        options.compression = d.compression;
        options.headers = d.headers;
        options.queue_bytes = settings_.queue_bytes / backends;
        // A small queue needs small batches, or each one would push all others out.
        batch_bytes_ = std::min(kBatchBytes, options.queue_bytes / 4);
        if (d.encoding == Encoding::otlp) options.read_rejected = rejected_items;
        options.changed = [this] { boost::asio::post(loop_.io(), [this] { destinations_changed(); }); };
        destinations_.push_back(std::make_unique<HttpDestination>(std::move(options)));
        break;
      }
    }
  }
  if (!destinations_.empty()) {
    for (const auto& complaint : complaints) log.warn(complaint);
    return true;
  }
  std::string line = "telemetry is not forwarded";
  for (const auto& complaint : complaints) line += (&complaint == complaints.data() ? ": " : "; ") + complaint;
  log.warn(line);
  return false;
}

bool Daemon::subscribe() {
  // Platform records tell when an invocation ends, whether they are forwarded or not.
  auto types = settings_.types;
  if (!settings_.forwards(TelemetryType::platform)) types.push_back(TelemetryType::platform);
  auto subscribed = loop_.subscribe(types, {});
  if (!subscribed) {
    log.warn("telemetry is not forwarded: " + subscribed.error().message);
    return false;
  }
  if (!*subscribed) log.info("there is no Telemetry API here: nothing to forward");
  return *subscribed;
}

// ---- records

void Daemon::received(ext::TelemetryBatch& batch) {
  for (const auto& record : batch) {
    ++received_;
    note(record);
    take(record);
    seal_large();
  }
  received_ += batch.malformed();
  malformed_ += batch.malformed();
  seal(Encoding::ndjson);

  if (phase_ == Phase::running && invocation_is_over()) return begin_flush();
  if (phase_ == Phase::closing) {
    seal(Encoding::otlp);
    return destinations_changed();
  }
  bool open = encoders_[index(Encoding::otlp)] && encoders_[index(Encoding::otlp)]->records() > 0;
  if (!open || freshness_armed_) return;
  freshness_armed_ = true;
  freshness_.expires_after(kFreshness);
  freshness_.async_wait([this](boost::system::error_code error) {
    freshness_armed_ = false;
    if (!error) seal(Encoding::otlp);
  });
}

// What the daemon itself learns from a record.
void Daemon::note(const ext::TelemetryRecord& record) {
  invocations_.note(record);
  if (auto* done = std::get_if<ext::RuntimeDone>(&record.event)) {
    done_id_ = done->request_id;
  } else if (auto* report = std::get_if<ext::Report>(&record.event)) {
    reported_id_ = report->request_id;
  } else if (auto* init = std::get_if<ext::InitStart>(&record.event)) {
    resource_.set_instance_id(init->instance_id);
  }
}

void Daemon::take(const ext::TelemetryRecord& record) {
  if (!settings_.forwards(type_of(record))) return;
  RecordContext context{invocations_.current(), invocations_, core::wall_now()};
  for (const auto& destination : destinations_) {
    auto& encoder = encoders_[index(destination->encoding())];
    if (encoder) continue;
    if (destination->encoding() == Encoding::ndjson) {
      encoder = std::make_unique<NdjsonEncoder>();
    } else {
      encoder = std::make_unique<OtlpLogsEncoder>(resource_);
    }
  }
  for (auto& encoder : encoders_) {
    if (encoder) encoder->add(record, context);
  }
}

void Daemon::seal(Encoding encoding) {
  auto& encoder = encoders_[index(encoding)];
  if (!encoder || encoder->records() == 0) return;
  SharedBatch batch = encoder->seal();
  for (auto& destination : destinations_) {
    if (destination->encoding() == encoding) destination->enqueue(batch);
  }
}

void Daemon::seal_large() {
  auto& encoder = encoders_[index(Encoding::otlp)];
  if (encoder && (encoder->bytes() >= batch_bytes_ || encoder->records() >= kBatchRecords)) seal(Encoding::otlp);
}

// ---- invocations

milliseconds Daemon::until_deadline() const { return std::chrono::floor<milliseconds>(deadline_ - core::wall_now()); }

void Daemon::invoked(const ext::Invoke& invoke) {
  if (!subscribed_) return loop_.next();
  phase_ = Phase::running;
  invoked_id_ = invoke.request_id;
  deadline_ = invoke.deadline;
  resource_.set_invoked_arn(invoke.invoked_function_arn);
  invocations_.invoked(invoke);
  for (auto& destination : destinations_) destination->wake();
  if (invocation_is_over()) return begin_flush();
  auto left = until_deadline();
  wait_running(left - std::min(kEarlyFlush, left / 2), false);
}

// The function is still running when the time is up: what there is goes out,
// and at the `last` time the daemon does not wait for the function any more.
void Daemon::wait_running(milliseconds wait, bool last) {
  timer_.expires_after(std::max(wait, milliseconds{0}));
  timer_.async_wait([this, last](boost::system::error_code error) {
    if (error || phase_ != Phase::running) return;
    seal(Encoding::otlp);
    if (last) return end_invocation();
    wait_running(until_deadline() - kDeadlineMargin, true);
  });
}

void Daemon::begin_flush() {
  phase_ = Phase::flushing;
  seal(Encoding::otlp);
  auto budget = std::clamp(until_deadline() - kDeadlineMargin, milliseconds{0}, kFlushCap);
  flush_until_ = Deadline::after(budget);
  timer_.expires_after(budget);
  timer_.async_wait([this](boost::system::error_code error) {
    if (error || phase_ != Phase::flushing) return;
    for (auto& destination : destinations_) {
      if (!destination->settled(milliseconds{0})) destination->was_late();
    }
    end_invocation();
  });
  destinations_changed();
}

bool Daemon::settled(Deadline deadline) {
  auto patience = std::chrono::ceil<milliseconds>(deadline.remaining());
  return std::ranges::all_of(destinations_, [&](auto& destination) { return destination->settled(patience); });
}

void Daemon::destinations_changed() {
  if (phase_ == Phase::flushing && settled(*flush_until_)) end_invocation();
  if (phase_ != Phase::closing) return;
  bool reported = !report_awaited_ || reported_id_ == invoked_id_;
  if (reported && settled(*flush_until_)) end_shutdown();
}

void Daemon::end_invocation() {
  phase_ = Phase::waiting;
  timer_.cancel();
  loop_.next();
}

// ---- the Shutdown phase

void Daemon::shut_down(const ext::Shutdown& shutdown) {
  if (!subscribed_) return loop_.stop();
  phase_ = Phase::closing;
  deadline_ = shutdown.deadline;
  auto budget = std::clamp(until_deadline() - kShutdownMargin, milliseconds{0}, kShutdownCap);
  flush_until_ = Deadline::after(budget);
  seal(Encoding::otlp);
  for (auto& destination : destinations_) destination->hurry(*flush_until_);

  // The report of the last invocation comes only now.
  report_awaited_ = !invoked_id_.empty() && settings_.forwards(TelemetryType::platform) && reported_id_ != invoked_id_;
  freshness_.expires_after(std::min(kLastReport, budget));
  freshness_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    report_awaited_ = false;
    destinations_changed();
  });
  timer_.expires_after(budget);
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error && phase_ == Phase::closing) end_shutdown();
  });
  destinations_changed();
}

void Daemon::end_shutdown() {
  phase_ = Phase::waiting;
  loop_.stop();
  std::string lost;
  std::uint64_t dropped = 0;
  for (auto& destination : destinations_) {
    Account account = destination->close();
    assert(account.balanced());
    dropped += account.dropped();
    for (std::size_t i = kFirstDropped; i < kPlaces; ++i) {
      auto place = static_cast<Place>(i);
      if (account.count(place) == 0) continue;
      lost += lost.empty() ? "" : ", ";
      lost.append(destination->name())
          .append(" ")
          .append(to_string(place))
          .append(" ")
          .append(std::to_string(account.count(place)));
    }
  }
  if (dropped == 0 && malformed_ == 0) return;
  log.warn("some telemetry was lost",
           {{"received", received_}, {"malformed", malformed_}, {"dropped", dropped}, {"where", lost}});
}

}  // namespace mayfly::telemetry
