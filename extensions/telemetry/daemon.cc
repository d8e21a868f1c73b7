#include "extensions/telemetry/daemon.h"

#include <mayfly/log.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cassert>
#include <utility>

#include "extensions/telemetry/heap.h"
#include "extensions/telemetry/http_destination.h"
#include "extensions/telemetry/line_destination.h"
#include "extensions/telemetry/ndjson.h"
#include "extensions/telemetry/otlp_logs.h"
#include "extensions/telemetry/otlp_metrics.h"
#include "extensions/telemetry/otlp_traces.h"

namespace mayfly::telemetry {
namespace {

namespace ext = mayfly::extension;
using core::Deadline;
using ext::TelemetryType;
using std::chrono::milliseconds;

constexpr std::size_t kBatchBytes = 1024 * 1024;
constexpr std::size_t kBatchRecords = 1'000;
constexpr milliseconds kSaveMargin{50};  // before a deadline: to have it on disk
constexpr milliseconds kSaveSlack{5};
constexpr milliseconds kPlausible{1'000};  // what the telemetry of an answer may take to come

Source source_of(const ext::TelemetryRecord& record) {
  if (std::holds_alternative<ext::FunctionLog>(record.event)) return Source::function;
  if (std::holds_alternative<ext::ExtensionLog>(record.event)) return Source::extension;
  return Source::platform;
}

TelemetryType type_of(Source source) {
  return source == Source::function    ? TelemetryType::function
         : source == Source::extension ? TelemetryType::extension
                                       : TelemetryType::platform;
}

bool sends_spans(const Settings& settings) {
  return std::ranges::any_of(settings.destinations,
                             [](const DestinationSettings& d) { return d.takes(Signal::traces); });
}

}  // namespace

Daemon::Daemon(core::Origin runtime_api, const Settings& settings)
    : settings_(settings),
      secrets_(settings.aws, settings.proxies, settings.allow_dumps),
      loop_(std::move(runtime_api), *this, ext::on_managed_instances()),
      alarm_(loop_.io()),
      shadow_(loop_.io()),
      policy_(settings.flush, loop_.managed_instances()),
      persistence_(settings.spool_folder, settings.memory_mb),
      // A small queue needs small batches, or each one would push all others out.
      batch_bytes_(std::min(kBatchBytes, settings.queue_bytes / 4)),
      resource_(settings),
      invocations_(settings.xray, sends_spans(settings)) {
  // So that the ledger knows of every record that Lambda believes to be here.
  if (!settings.spool_folder.empty()) loop_.answer_when_taken();
}

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
  if (subscribed_) {
    policy_.began(Moment::now());
    // A tenth of a millisecond that Lambda does not wait for: `next` is sent by then.
    boost::asio::post(loop_.io(), [this] { open_receiver(); });
  } else if (open_receiver(); receiver_) {
    // What the SDK sends needs no Telemetry API.
    policy_.use_timer();
    policy_.began(Moment::now());
  }
  auto outcome = loop_.run();
  if (outcome) return 0;
  log.fatal(outcome.error().message);
  return 1;
}

bool Daemon::open_destinations() {
  auto complaints = settings_.complaints;
  for (const auto& d : settings_.destinations) {
    switch (d.kind) {
      case DestinationSettings::Kind::standard_output: add(LineDestination::standard_output(), d.types); break;
      case DestinationSettings::Kind::file: {
        auto file = LineDestination::open_file(d.path);
        if (file) {
          add(std::move(*file), d.types);
        } else {
          complaints.push_back(file.error().message);
        }
        break;
      }
      case DestinationSettings::Kind::http: {
        HttpDestination::Options options;
        options.name = d.name;
        options.route = {d.origin,
                         d.tls,
                         {d.certificate.empty() ? settings_.ca_file : d.certificate, settings_.tls_insecure},
                         settings_.proxies};
        options.targets = d.targets;
        options.encoding = d.encoding;
        options.compression = d.compression;
        options.timeout = d.timeout;
        options.retry_500 = settings_.retry_500;
        options.headers = d.headers;
        options.secrets = &secrets_;
        options.queue_bytes = settings_.queue_bytes;
        options.changed = [this] { boost::asio::post(loop_.io(), [this] { act(); }); };
        add(std::make_unique<HttpDestination>(std::move(options)), d.types);
        persistence_.add(*destinations_.back(), fingerprint(d));
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

void Daemon::add(std::unique_ptr<Destination> destination, const std::vector<TelemetryType>& types) {
  for (auto signal : {Signal::logs, Signal::metrics, Signal::traces}) {
    if (!destination->takes(signal)) continue;
    // Metrics and spans are made of platform records, whichever records are wanted as logs.
    auto wanted = signal == Signal::logs ? types : std::vector<TelemetryType>{TelemetryType::platform};
    auto lane = std::ranges::find_if(lanes_, [&](const Lane& l) {
      return l.encoding == destination->encoding() && l.signal == signal && l.immediate == destination->immediate() &&
             l.types == wanted;
    });
    if (lane == lanes_.end()) {
      lanes_.push_back({destination->encoding(), signal, destination->immediate(), std::move(wanted), {}, {}});
      lane = lanes_.end() - 1;
    }
    lane->destinations.push_back(destination.get());
  }
  destinations_.push_back(std::move(destination));
}

void Daemon::open_receiver() {
  bool wanted = std::ranges::any_of(destinations_, [](auto& d) { return d->encoding() == Encoding::otlp; });
  if (!settings_.receiver || !wanted) return;
  Receiver::Options options;
  options.address = *settings_.receiver;
  options.max_request_bytes = std::min(settings_.queue_bytes, Receiver::kMaxRequestBytes);
  options.resource = [this] { return resource_.known(); };
  options.take = [this](Batch batch) { enqueue(std::make_shared<Batch>(std::move(batch))); };
  receiver_.emplace(loop_.io(), std::move(options));
  if (auto bound = receiver_->listen(); !bound) {
    log.warn("what the function's own SDK sends is not forwarded: " + bound.error().message);
    receiver_.reset();
  }
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
  persistence_.open();
  open_encoders();
  for (const auto& record : batch) {
    ++self_.received;
    ++self_.received_from[static_cast<std::size_t>(source_of(record))];
    note(record);
    take(record);
  }
  self_.received += batch.malformed();
  self_.malformed += batch.malformed();
  for (auto& lane : lanes_) {
    if (lane.immediate) seal(lane);
  }
  if (reported_id_ == invoked_id_) policy_.reported();
  if (invocation_is_over()) answered();
  act();
}

// What the daemon itself learns from a record.
void Daemon::note(const ext::TelemetryRecord& record) {
  invocations_.note(record);
  if (auto* done = std::get_if<ext::RuntimeDone>(&record.event)) {
    done_id_ = done->request_id;
    done_at_ = record.time;
  } else if (auto* report = std::get_if<ext::Report>(&record.event)) {
    reported_id_ = report->request_id;
  } else if (auto* init = std::get_if<ext::InitStart>(&record.event)) {
    resource_.set_instance_id(init->instance_id);
  } else if (auto* dropped = std::get_if<ext::LogsDropped>(&record.event)) {
    self_.upstream_dropped +=
        static_cast<std::uint64_t>(std::max<std::int64_t>(dropped->dropped_records.value_or(0), 0));
  }
}

void Daemon::open_encoders() {
  if (std::exchange(encoders_open_, true)) return;
  for (auto& lane : lanes_) {
    lane.encoder = make_encoder(lane.encoding, lane.signal);
  }
}

std::unique_ptr<Encoder> Daemon::make_encoder(Encoding encoding, Signal signal) {
  if (encoding == Encoding::ndjson) return std::make_unique<NdjsonEncoder>();
  if (signal == Signal::traces) return std::make_unique<OtlpTracesEncoder>(resource_);
  if (signal == Signal::logs) {
    OtlpLogsEncoder::Options options;
    options.multiline = settings_.multiline;
    options.platform_text = settings_.platform_text;
    return std::make_unique<OtlpLogsEncoder>(resource_, options);
  }
  OtlpMetricsEncoder::Sources sources;
  sources.read_self = [this](SelfTelemetry& out) { read_self(out); };
  return std::make_unique<OtlpMetricsEncoder>(resource_, std::move(sources));
}

void Daemon::take(const ext::TelemetryRecord& record) {
  auto type = type_of(source_of(record));
  RecordContext context{invocations_.current(), invocations_, core::wall_now()};
  for (auto& lane : lanes_) {
    if (std::ranges::find(lane.types, type) == lane.types.end()) continue;
    lane.encoder->add(record, context);
    if (lane.immediate) continue;  // as a whole delivery
    if (lane.encoder->bytes() >= batch_bytes_ || lane.encoder->records() >= kBatchRecords) seal(lane);
  }
}

void Daemon::seal(Lane& lane) {
  if (lane.encoder->records() == 0) return;
  SharedBatch batch = lane.encoder->seal();
  for (auto* destination : lane.destinations) destination->enqueue(batch);
  bound_memory();
}

void Daemon::enqueue(const SharedBatch& batch) {
  for (auto& destination : destinations_) {
    if (destination->encoding() == Encoding::otlp && destination->takes(batch->signal)) destination->enqueue(batch);
  }
  bound_memory();
  act();
}

// Each destination holds its own queue to the bound. Together they may hold no
// more either, but what several wait to send is there only once. The one with the
// longest queue gives way: it is the one that is not being emptied.
void Daemon::bound_memory() {
  auto together = [&] {
    std::size_t sum = 0;
    for (auto& destination : destinations_) sum += destination->queued_bytes();
    return sum;
  };
  if (together() <= settings_.queue_bytes) return;
  std::vector<const Batch*> held;
  for (auto& destination : destinations_) {
    for (const auto& queued : destination->unsent()) held.push_back(queued.batch.get());
  }
  std::ranges::sort(held);
  held.erase(std::ranges::unique(held).begin(), held.end());
  std::size_t bytes = 0;
  for (const Batch* batch : held) bytes += batch->body.size();
  if (bytes <= settings_.queue_bytes) return;
  // More than is needed, so that this is seldom gone through.
  auto enough = settings_.queue_bytes / 8 * 7;
  while (together() > enough) {
    auto longest = std::ranges::max_element(destinations_, {}, [](auto& d) { return d->queued_bytes(); });
    if (!(*longest)->shed()) return;
  }
}

// ---- events

void Daemon::invoked(const ext::Invoke& invoke) {
  if (!subscribed_) return loop_.next();
  persistence_.open();
  invoked_id_ = invoke.request_id;
  answered_at_.reset();
  resource_.set_invoked_arn(invoke.invoked_function_arn);
  invocations_.invoked(invoke);
  policy_.invoked(Moment::now(), std::chrono::floor<milliseconds>(invoke.deadline - core::wall_now()));
  save_before(invoke.deadline, persistence_.longest_writing_time(settings_.queue_bytes));
  act();
  if (!invocation_is_over()) return;
  answered();
  act();
}

void Daemon::answered() {
  auto now = Moment::now();
  if (answered_at_) return;
  // The telemetry that tells of the answer has been buffered for a while.
  auto ago =
      done_id_ == invoked_id_ && done_at_ ? std::chrono::floor<milliseconds>(now.wall - *done_at_) : milliseconds{0};
  if (ago < milliseconds{0} || ago > kPlausible) ago = milliseconds{0};
  answered_at_ = now.wall - ago;
  shadow_.cancel();
  policy_.answered(now, ago);
}

void Daemon::shut_down(const ext::Shutdown& shutdown) {
  if (!subscribed_ && !receiver_) return loop_.stop();
  persistence_.open();
  closing_ = true;
  using Reason = ext::Shutdown::Reason;
  reset_ = shutdown.reason == Reason::timeout || shutdown.reason == Reason::failure;
  shadow_.cancel();
  if (!reset_) persistence_.load_all();
  std::string_view reason = shutdown.reason_text;
  if (shutdown.reason == Reason::timeout) reason = "timeout";
  if (shutdown.reason == Reason::failure) reason = "failure";
  invocations_.end(reason);
  RecordContext context{invocations_.current(), invocations_, core::wall_now()};
  for (auto& lane : lanes_) {
    if (lane.encoder) lane.encoder->end(reason, context);
  }
  // The report of the last invocation comes only now.
  bool report_due = !invoked_id_.empty() && settings_.forwards(TelemetryType::platform) && reported_id_ != invoked_id_;
  policy_.shut_down(Moment::now(), std::chrono::floor<milliseconds>(shutdown.deadline - core::wall_now()), report_due);
  act();
}

// ---- what follows from them

void Daemon::enter_window() {
  if (policy_.window() == window_) return;
  window_ = policy_.window();
  for (auto& destination : destinations_) destination->enter(window_);
}

void Daemon::act() {
  for (;;) {
    auto now = Moment::now();
    enter_window();
    auto orders = policy_.advance(now, open(), settled());
    if (orders.flush) {
      flush();
      continue;
    }
    if (orders.late) {
      for (auto& destination : destinations_) {
        if (!destination->settled()) destination->was_late();
      }
    }
    if (orders.stop) return end_shutdown();
    if (orders.next) {
      enter_window();  // first: a freeze may come as soon as it is asked for
      ask_next();
      continue;
    }
    if (policy_.window() == window_) break;
  }
  update_persistence();
  auto rest = policy_.alarm(Moment::now());
  if (!rest) {
    alarm_.cancel();
    return;
  }
  alarm_.expires_after(*rest);
  alarm_.async_wait([this](boost::system::error_code error) {
    if (!error) act();
  });
}

// Behind a queue that is not being emptied an open batch may as well grow: fewer
// and larger ones go out later.
bool Daemon::worth_sealing(const Lane& lane) {
  if (!lane.encoder || lane.encoder->records() == 0) return false;
  return closing_ || std::ranges::any_of(lane.destinations, [](Destination* d) { return !d->stalled(); });
}

bool Daemon::open() {
  return std::ranges::any_of(lanes_, [&](const Lane& lane) { return worth_sealing(lane); });
}

void Daemon::flush() {
  for (auto& lane : lanes_) {
    if (worth_sealing(lane)) seal(lane);
  }
}

bool Daemon::settled() {
  return std::ranges::all_of(destinations_, [](auto& destination) { return destination->settled(); });
}

void Daemon::ask_next() {
  if (answered_at_) self_.added += std::max(core::wall_now() - *answered_at_, std::chrono::nanoseconds{0});
  loop_.next();
  trim_heap();
}

// A function that runs into its deadline may take us with it, and the SHUTDOWN that
// should come then may never get a CPU: shortly before, what is not sent by then
// is copied to where the next life finds it.
void Daemon::save_before(core::WallTime deadline, milliseconds writing_time) {
  shadow_.expires_after(
      std::max(deadline - core::wall_now() - kSaveMargin - writing_time, std::chrono::nanoseconds{0}));
  shadow_.async_wait([this, deadline](boost::system::error_code error) {
    if (error || answered_at_ || closing_) return;
    for (auto& lane : lanes_) {
      if (lane.encoder) seal(lane);
    }
    // There may be less to write than was feared.
    auto writing = persistence_.writing_time();
    if (deadline - core::wall_now() > kSaveMargin + writing + kSaveSlack) return save_before(deadline, writing);
    persistence_.save_copies();
    update_persistence();
  });
}

void Daemon::update_persistence() {
  told_.resize(destinations_.size());
  auto open_records = [this](const Destination& destination) {
    auto found = std::ranges::find(destinations_, &destination, &std::unique_ptr<Destination>::get);
    // What is counted as lost is lost once more where nobody hears of it.
    std::uint64_t records =
        (*found)->account().dropped() - told_[static_cast<std::size_t>(found - destinations_.begin())];
    for (const Lane& lane : lanes_) {
      bool takes = std::ranges::find(lane.destinations, &destination) != lane.destinations.end();
      if (takes && lane.encoder) records += lane.encoder->records();
    }
    return records;
  };
  persistence_.update(open_records, window_.phase == Window::Phase::running);
}

void Daemon::read_self(SelfTelemetry& out) {
  out = self_;
  told_.clear();
  for (auto& destination : destinations_) {
    told_.push_back(destination->account().dropped());
    out.destinations.push_back({destination->counters(), std::string(destination->name()), destination->account(),
                                destination->queued_bytes()});
  }
}

void Daemon::end_shutdown() {
  flush();  // nothing is sent of it any more, but all of it is counted
  alarm_.cancel();
  loop_.stop();
  shadow_.cancel();
  persistence_.close(reset_);
  for (auto& destination : destinations_) destination->close([](const QueuedBatch&) { return Place::shutdown; });
  SelfTelemetry total;
  read_self(total);
  std::string lost;
  std::uint64_t dropped = 0;
  for (const auto& destination : total.destinations) {
    assert(destination.account.balanced());
    dropped += destination.account.dropped();
    for (std::size_t i = kFirstDropped; i < kPlaces; ++i) {
      auto place = static_cast<Place>(i);
      if (destination.account.count(place) == 0) continue;
      lost += lost.empty() ? "" : ", ";
      lost.append(destination.name).append(" ").append(to_string(place)).append(" ");
      lost += std::to_string(destination.account.count(place));
    }
  }
  if (dropped == 0 && total.malformed == 0) return;
  log.warn("some telemetry was lost",
           {{"received", total.received}, {"malformed", total.malformed}, {"dropped", dropped}, {"where", lost}});
}

}  // namespace mayfly::telemetry
