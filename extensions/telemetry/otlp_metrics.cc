#include "extensions/telemetry/otlp_metrics.h"

#include <algorithm>
#include <protozero/pbf_writer.hpp>
#include <span>
#include <utility>
#include <variant>

#include "extensions/telemetry/otlp_envelope.h"
#include "extensions/telemetry/otlp_value.h"

namespace mayfly::telemetry {
namespace {

namespace ext = mayfly::extension;
using core::WallTime;
using protozero::pbf_tag_type;
using protozero::pbf_writer;

// Field numbers of opentelemetry/proto/metrics/v1/metrics.proto.
namespace metric {
enum : pbf_tag_type { kName = 1, kDescription = 2, kUnit = 3, kGauge = 5, kSum = 7, kHistogram = 9 };
}
namespace data {  // of Gauge, Sum, Histogram
enum : pbf_tag_type { kPoints = 1, kTemporality = 2, kMonotonic = 3 };
}
namespace number {
enum : pbf_tag_type { kStartTime = 2, kTime = 3, kDouble = 4, kInteger = 6, kAttributes = 7 };
}
namespace histogram {
enum : pbf_tag_type {
  kStartTime = 2,
  kTime = 3,
  kCount = 4,
  kSum = 5,
  kBuckets = 6,
  kBounds = 7,
  kMin = 11,
  kMax = 12
};
}
constexpr int kDelta = 1;

struct Definition {
  std::string_view name;
  std::string_view unit;
  std::string_view description;
};
constexpr Definition kCounterDefinitions[OtlpMetricsEncoder::kCounters] = {
    {"faas.invocations", "{invocation}", "Number of successful invocations"},
    {"faas.errors", "{error}", "Number of invocation errors"},
    {"faas.timeouts", "{timeout}", "Number of invocation timeouts"},
    {"faas.coldstarts", "{coldstart}", "Number of invocation cold starts"},
    {"mayfly.lambda.out_of_memory", "{error}", "Number of invocations that ran out of memory"},
    {"mayfly.lambda.dropped_records", "{record}", "Number of telemetry records that Lambda could not deliver"},
    {"mayfly.lambda.dropped_bytes", "By", "Size of the telemetry records that Lambda could not deliver"},
};

// "ExplicitBucketBoundaries" of the conventions for durations.
constexpr double kSeconds[] = {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10};
constexpr double kKiB = 1024, kMiB = 1024 * kKiB;
// From what is left of the smallest function to the largest.
constexpr double kMemory[] = {16 * kMiB,  32 * kMiB,   64 * kMiB,   128 * kMiB,  256 * kMiB,
                              512 * kMiB, 1024 * kMiB, 2048 * kMiB, 4096 * kMiB, 8192 * kMiB};
constexpr double kBytes[] = {kKiB, 4 * kKiB, 16 * kKiB, 64 * kKiB, 256 * kKiB,
                             kMiB, 4 * kMiB, 16 * kMiB, 64 * kMiB, 256 * kMiB};

struct DistributionDefinition : Definition {
  std::span<const double> bounds;
};
constexpr DistributionDefinition kDistributionDefinitions[OtlpMetricsEncoder::kDistributions] = {
    {{"faas.init_duration", "s", "Duration of the environment's initialization"}, kSeconds},
    {{"faas.invoke_duration", "s", "Duration of the invocation"}, kSeconds},
    {{"faas.mem_usage", "By", "Memory used by the environment, at most"}, kMemory},
    {{"faas.cpu_usage", "s", "CPU time of the environment for each invocation"}, kSeconds},
    {{"faas.net_io", "By", "Bytes received and sent by the environment for each invocation"}, kBytes},
    {{"mayfly.lambda.billed_duration", "s", "Duration that is billed"}, kSeconds},
    {{"mayfly.lambda.response_latency", "s", "Time from the invocation to the first byte of the response"}, kSeconds},
    {{"mayfly.lambda.response_duration", "s", "Time from the first to the last byte of the response"}, kSeconds},
    {{"mayfly.lambda.runtime_overhead", "s", "Time from the response to the runtime being ready again"}, kSeconds},
    {{"mayfly.lambda.extension_overhead", "s", "Time that extensions took after the runtime was ready"}, kSeconds},
    {{"mayfly.lambda.restore_duration", "s", "Duration of a SnapStart restore"}, kSeconds},
    {{"mayfly.lambda.produced_bytes", "By", "Size of the response"}, kBytes},
};

// By Source.
constexpr std::string_view kSourceNames[kSources] = {"platform", "function", "extension", "otlp"};

protozero::data_view view(std::string_view text) { return {text.data(), text.size()}; }

std::uint64_t unix_nano(WallTime time) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(time.time_since_epoch().count(), 0));
}

std::optional<double> from_ms(std::optional<double> ms) { return ms ? std::optional(*ms / 1000) : ms; }
std::optional<double> from_mib(std::optional<double> mib) { return mib ? std::optional(*mib * kMiB) : mib; }

}  // namespace

// Writes Metric messages that all speak of the same time.
class OtlpMetricsEncoder::Writer {
 public:
  Writer(std::string& out, WallTime start, WallTime time)
      : out_(out), start_(unix_nano(start)), time_(unix_nano(time)) {}

  using Attribute = std::pair<std::string_view, std::string_view>;

  void begin(const Definition& what) {
    metric_.clear();
    pbf_writer writer(metric_);
    writer.add_string(metric::kName, view(what.name));
    writer.add_string(metric::kDescription, view(what.description));
    writer.add_string(metric::kUnit, view(what.unit));
    data_.clear();
    points_here_ = 0;
  }
  template <class T>
  void point(T value, bool delta, std::initializer_list<Attribute> attributes = {}) {
    pbf_writer writer(data_);
    pbf_writer point(writer, data::kPoints);
    if (delta) point.add_fixed64(number::kStartTime, start_);
    point.add_fixed64(number::kTime, time_);
    if constexpr (std::is_same_v<T, double>) {
      point.add_double(number::kDouble, value);
    } else {
      point.add_sfixed64(number::kInteger, static_cast<std::int64_t>(value));
    }
    for (auto [key, text] : attributes) add_attribute(data_, number::kAttributes, key, text);
    ++points_here_;
  }
  // Nothing is written for a metric without points.
  void end_sum() {
    pbf_writer writer(data_);
    writer.add_enum(data::kTemporality, kDelta);
    writer.add_bool(data::kMonotonic, true);
    end(metric::kSum);
  }
  void end_gauge() { end(metric::kGauge); }

  template <class T>
  void gauge(const Definition& what, std::optional<T> value) {
    if (!value) return;
    begin(what);
    point(*value, false);
    end_gauge();
  }

  void histogram(const DistributionDefinition& what, const Histogram& h) {
    begin(what);
    {
      pbf_writer writer(data_);
      pbf_writer point(writer, data::kPoints);
      point.add_fixed64(histogram::kStartTime, start_);
      point.add_fixed64(histogram::kTime, time_);
      point.add_fixed64(histogram::kCount, h.count);
      point.add_double(histogram::kSum, h.sum);
      point.add_packed_fixed64(histogram::kBuckets, h.buckets.begin(),
                               h.buckets.begin() + static_cast<std::ptrdiff_t>(what.bounds.size()) + 1);
      point.add_packed_double(histogram::kBounds, what.bounds.begin(), what.bounds.end());
      point.add_double(histogram::kMin, h.min);
      point.add_double(histogram::kMax, h.max);
    }
    pbf_writer(data_).add_enum(data::kTemporality, kDelta);
    ++points_here_;
    end(metric::kHistogram);
  }

  std::size_t points() const { return points_; }

 private:
  void end(pbf_tag_type kind) {
    if (points_here_ == 0) return;
    pbf_writer(metric_).add_message(kind, data_);
    pbf_writer(out_).add_message(kItems, metric_);
    points_ += points_here_;
  }

  std::string& out_;
  const std::uint64_t start_;
  const std::uint64_t time_;
  std::string metric_;
  std::string data_;
  std::size_t points_here_ = 0;
  std::size_t points_ = 0;
};

OtlpMetricsEncoder::OtlpMetricsEncoder(Resource& resource, Sources sources)
    : resource_(resource), sources_(std::move(sources)), start_(sources_.now()) {}

// ---- summing up

void OtlpMetricsEncoder::add(const ext::TelemetryRecord& record, const RecordContext& context) {
  // What was before the first record is not the function's doing.
  if (!last_usage_) {
    last_usage_ = sources_.usage.read();
    if (record.time) start_ = std::min(start_, *record.time);
  }

  if (auto* done = std::get_if<ext::RuntimeDone>(&record.event)) {
    auto* invocation = context.invocations.find(done->request_id);
    if (invocation && invocation->given_up) return;
    ended(done->request_id, done->status, read_ending(*done, invocation && invocation->out_of_memory));
    observe(kInvokeDuration, from_ms(done->duration_ms));
    if (done->produced_bytes) observe(kProducedBytes, static_cast<double>(*done->produced_bytes));
    observe_spans(done->spans);
  } else if (auto* report = std::get_if<ext::Report>(&record.event)) {
    auto* invocation = context.invocations.find(report->request_id);
    auto ending = read_ending(*report, invocation && invocation->out_of_memory);
    bool told = invocation && (invocation->done || invocation->given_up);
    if (!told) {
      ended(report->request_id, report->status, ending);
      observe(kInvokeDuration, from_ms(report->duration_ms));
    } else if (ending.kind == Ending::Kind::out_of_memory) {
      count_out_of_memory(report->request_id);
    }
    observe_spans(report->spans);
    observe(kBilledDuration, from_ms(report->billed_duration_ms));
    observe(kMemoryUsage, from_mib(report->max_memory_used_mb));
    if (!init_reported_) observe(kInitDuration, from_ms(report->init_duration_ms));
  } else if (std::holds_alternative<ext::InitStart>(record.event)) {
    ++counters_[kColdStarts];
  } else if (auto* init = std::get_if<ext::InitReport>(&record.event)) {
    init_reported_ = true;
    observe(kInitDuration, from_ms(init->duration_ms));
    if (read_ending(init->status, {}).kind != Ending::Kind::success) ++counters_[kErrors];
  } else if (auto* restored = std::get_if<ext::RestoreReport>(&record.event)) {
    observe(kInitDuration, from_ms(restored->duration_ms));
    observe(kRestoreDuration, from_ms(restored->duration_ms));
    if (read_ending(restored->status, {}).kind != Ending::Kind::success) ++counters_[kErrors];
  } else if (auto* dropped = std::get_if<ext::LogsDropped>(&record.event)) {
    counters_[kDroppedRecords] += std::max<std::int64_t>(dropped->dropped_records.value_or(0), 0);
    counters_[kDroppedBytes] += std::max<std::int64_t>(dropped->dropped_bytes.value_or(0), 0);
  }
}

void OtlpMetricsEncoder::end(std::string_view reason, const RecordContext& context) {
  context.invocations.each_given_up([&](std::string_view request_id, const Invocation& invocation) {
    ended(request_id, reason, read_ending(reason, {}, invocation.out_of_memory));
  });
}

void OtlpMetricsEncoder::ended(std::string_view request_id, std::string_view status, const Ending& ending) {
  ++ended_;
  if (ending.kind == Ending::Kind::success) {
    ++counters_[kInvocations];
  } else {
    ++counters_[status == "timeout" ? kTimeouts : kErrors];
  }
  if (ending.kind == Ending::Kind::out_of_memory) count_out_of_memory(request_id);
}

// Both runtimeDone and report may tell.
void OtlpMetricsEncoder::count_out_of_memory(std::string_view request_id) {
  constexpr std::size_t kRemembered = 16;
  if (std::ranges::find(out_of_memory_, request_id) != out_of_memory_.end()) return;
  ++counters_[kOutOfMemory];
  out_of_memory_.emplace_back(request_id);
  if (out_of_memory_.size() > kRemembered) out_of_memory_.pop_front();
}

void OtlpMetricsEncoder::observe(Distribution which, std::optional<double> value, std::uint64_t times) {
  // Nothing of this can be negative, and what is not finite would spoil the sum.
  if (!value || !(*value >= 0 && *value < 1e18) || times == 0) return;
  auto& h = distributions_[which];
  auto bounds = kDistributionDefinitions[which].bounds;
  h.min = h.count == 0 ? *value : std::min(h.min, *value);
  h.max = h.count == 0 ? *value : std::max(h.max, *value);
  h.count += times;
  h.sum += *value * static_cast<double>(times);
  // A bucket holds what is above the bound before it, its own bound included.
  auto bucket = std::ranges::lower_bound(bounds, *value) - bounds.begin();
  h.buckets[static_cast<std::size_t>(bucket)] += times;
}

void OtlpMetricsEncoder::observe_spans(const std::vector<ext::Span>& spans) {
  constexpr std::pair<std::string_view, Distribution> kNames[] = {{"responseLatency", kResponseLatency},
                                                                  {"responseDuration", kResponseDuration},
                                                                  {"runtimeOverhead", kRuntimeOverhead},
                                                                  {"extensionOverhead", kExtensionOverhead}};
  for (const auto& span : spans) {
    for (auto [name, which] : kNames) {
      if (span.name == name) observe(which, span.duration_ms / 1000);
    }
  }
}

// The kernel counts for the environment and not for an invocation: what was used
// since the last batch is shared out evenly among those that have ended, so that
// count and sum are right whatever the flush policy is.
void OtlpMetricsEncoder::observe_usage(const Usage& usage) {
  if (ended_ == 0 || !last_usage_) return;
  auto share = static_cast<double>(ended_);
  if (usage.cpu_user_s && usage.cpu_system_s && last_usage_->cpu_user_s && last_usage_->cpu_system_s) {
    double used = *usage.cpu_user_s + *usage.cpu_system_s - *last_usage_->cpu_user_s - *last_usage_->cpu_system_s;
    observe(kCpuUsage, used / share, ended_);
  }
  if (usage.received_bytes && usage.sent_bytes && last_usage_->received_bytes && last_usage_->sent_bytes) {
    auto sum = [](const Usage& u) { return static_cast<double>(*u.received_bytes + *u.sent_bytes); };
    observe(kNetworkIo, (sum(usage) - sum(*last_usage_)) / share, ended_);
  }
}

// ---- sending

std::size_t OtlpMetricsEncoder::records() const {
  auto counters = std::ranges::count_if(counters_, [](auto n) { return n > 0; });
  auto distributions = std::ranges::count_if(distributions_, [](const auto& h) { return h.count > 0; });
  return static_cast<std::size_t>(counters + distributions);
}

SharedBatch OtlpMetricsEncoder::seal() {
  auto now = std::max(sources_.now(), start_);
  Usage usage = sources_.usage.read();
  observe_usage(usage);
  metrics_.clear();
  Writer writer(metrics_, start_, now);
  for (std::size_t i = 0; i < kCounters; ++i) {
    if (counters_[i] == 0) continue;
    writer.begin(kCounterDefinitions[i]);
    writer.point(counters_[i], true);
    writer.end_sum();
  }
  for (std::size_t i = 0; i < kDistributions; ++i) {
    if (distributions_[i].count > 0) writer.histogram(kDistributionDefinitions[i], distributions_[i]);
  }
  write_usage(writer, usage);
  write_self(writer);

  auto batch = otlp_batch(Signal::metrics, resource_.encoded(), metrics_, writer.points());
  counters_ = {};
  distributions_ = {};
  ended_ = 0;
  last_usage_ = usage;
  start_ = now;
  return batch;
}

void OtlpMetricsEncoder::write_usage(Writer& writer, const Usage& usage) {
  // What the kernel has counted since the last batch.
  auto grown = [&]<class T>(std::optional<T> Usage::*member) -> std::optional<T> {
    if (!last_usage_ || !((*last_usage_).*member) || !(usage.*member)) return std::nullopt;
    auto before = *((*last_usage_).*member), after = *(usage.*member);
    return after >= before ? std::optional<T>(after - before) : std::nullopt;
  };
  auto user = grown(&Usage::cpu_user_s), system = grown(&Usage::cpu_system_s);
  writer.begin({"mayfly.lambda.cpu_time", "s", "CPU time of the environment"});
  if (user) writer.point(*user, true, {{"cpu.mode", "user"}});
  if (system) writer.point(*system, true, {{"cpu.mode", "system"}});
  writer.end_sum();
  auto received = grown(&Usage::received_bytes), sent = grown(&Usage::sent_bytes);
  writer.begin({"mayfly.lambda.network_io", "By", "Bytes received and sent by the environment"});
  if (received) writer.point(*received, true, {{"network.io.direction", "receive"}});
  if (sent) writer.point(*sent, true, {{"network.io.direction", "transmit"}});
  writer.end_sum();

  writer.gauge({"mayfly.lambda.memory_used", "By", "Memory in use in the environment"}, usage.memory_bytes);
  writer.gauge({"mayfly.lambda.tmp_used", "By", "Bytes in use in /tmp"}, usage.tmp_bytes);
  writer.gauge({"mayfly.lambda.tmp_limit", "By", "Size of /tmp"}, usage.tmp_limit_bytes);
  writer.gauge({"mayfly.lambda.threads", "{thread}", "Threads of all processes"}, usage.threads);
  writer.gauge({"mayfly.lambda.file_descriptors", "{file_descriptor}", "Descriptors open in all processes"},
               usage.file_descriptors);

  if (auto cpu = grown(&Usage::own_cpu_s)) {
    writer.begin({"mayfly.telemetry.cpu_time", "s", "CPU time of the telemetry daemon"});
    writer.point(*cpu, true);
    writer.end_sum();
  }
  writer.gauge({"mayfly.telemetry.memory", "By", "Resident memory of the telemetry daemon"}, usage.own_memory_bytes);
}

void OtlpMetricsEncoder::write_self(Writer& writer) {
  if (!sources_.read_self) return;
  SelfTelemetry now;
  sources_.read_self(now);
  self_.destinations.resize(now.destinations.size());  // always the same ones, in the same order

  // One point for each for which `read` has grown.
  auto grown = [&](const Definition& what, std::size_t n, auto read, auto... attributes) {
    writer.begin(what);
    for (std::size_t i = 0; i < n; ++i) {
      auto before = read(self_, i), after = read(now, i);
      if (after > before) writer.point(after - before, true, {attributes(i)...});
    }
    writer.end_sum();
  };
  using Attribute = Writer::Attribute;
  grown(
      {"mayfly.telemetry.received", "{record}", "Records that came in"}, kSources,
      [](const SelfTelemetry& c, std::size_t i) { return c.received_from[i]; },
      [](std::size_t i) { return Attribute("source", kSourceNames[i]); });
  grown({"mayfly.telemetry.malformed", "{record}", "Records that could not be read"}, 1,
        [](const SelfTelemetry& c, std::size_t) { return c.malformed; });
  if (now.added > self_.added) {
    writer.begin({"mayfly.telemetry.added_time", "s", "Time for which invocations were held open to send telemetry"});
    writer.point(std::chrono::duration<double>(now.added - self_.added).count(), true);
    writer.end_sum();
  }

  using Of = SelfTelemetry::Destination;
  auto destination = [&](std::size_t i) { return Attribute("destination", now.destinations[i].name); };
  auto grown_each = [&](const Definition& what, auto read) {
    grown(
        what, now.destinations.size(),
        [read](const SelfTelemetry& c, std::size_t i) { return read(c.destinations[i]); }, destination);
  };
  grown_each({"mayfly.telemetry.delivered", "{record}", "Records that a destination took"},
             [](const Of& d) { return d.account.count(Place::delivered); });
  grown_each({"mayfly.telemetry.recovered", "{record}", "Records that an earlier life had left behind"},
             [](const Of& d) { return d.account.recovered(); });
  grown_each({"mayfly.telemetry.maybe_delivered", "{record}", "Records that may have arrived twice"},
             [](const Of& d) { return d.maybe_delivered; });
  grown_each({"mayfly.telemetry.retries", "{request}", "Requests for what had been in one before"},
             [](const Of& d) { return d.retries; });
  grown_each({"mayfly.telemetry.breaker_opened", "{event}", "Times that a destination was given a rest"},
             [](const Of& d) { return d.breaker_opened; });

  writer.begin({"mayfly.telemetry.requests", "{request}", "Requests, by outcome"});
  for (std::size_t i = 0; i < now.destinations.size(); ++i) {
    using Requests = DeliveryCounters;
    constexpr std::pair<std::string_view, std::uint64_t Requests::*> kOutcomes[] = {
        {"ok", &Requests::ok},
        {"partial", &Requests::partial},
        {"later", &Requests::later},
        {"refused", &Requests::refused},
        {"unanswered", &Requests::unanswered}};
    for (auto [outcome, member] : kOutcomes) {
      auto before = self_.destinations[i].*member, after = now.destinations[i].*member;
      if (after > before) writer.point(after - before, true, {destination(i), {"outcome", outcome}});
    }
  }
  writer.end_sum();

  writer.begin({"mayfly.telemetry.dropped", "{record}", "Records that were lost, by cause"});
  for (std::size_t i = 0; i < now.destinations.size(); ++i) {
    for (std::size_t p = kFirstDropped; p < kPlaces; ++p) {
      auto place = static_cast<Place>(p);
      auto before = self_.destinations[i].account.count(place), after = now.destinations[i].account.count(place);
      if (after > before) writer.point(after - before, true, {destination(i), {"cause", to_string(place)}});
    }
  }
  writer.end_sum();

  auto gauge_each = [&](const Definition& what, auto read) {
    writer.begin(what);
    for (std::size_t i = 0; i < now.destinations.size(); ++i) {
      writer.point(std::uint64_t{read(now.destinations[i])}, false, {destination(i)});
    }
    writer.end_gauge();
  };
  gauge_each({"mayfly.telemetry.queued", "{record}", "Records that wait in memory"},
             [](const Of& d) { return d.account.count(Place::queued) + d.account.count(Place::in_flight); });
  gauge_each({"mayfly.telemetry.queue_size", "By", "Memory that waiting records take"},
             [](const Of& d) { return d.queue_bytes; });
  gauge_each({"mayfly.telemetry.spooled", "{record}", "Records of which only a file is left"},
             [](const Of& d) { return d.account.count(Place::spooled); });
  self_ = std::move(now);
}

}  // namespace mayfly::telemetry
