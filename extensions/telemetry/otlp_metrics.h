// Platform records as OTLP metrics: ExportMetricsServiceRequest in protobuf, with
// delta temporality, since environments are many and short-lived.
//
// The nine faas.* are OpenTelemetry's [A]; what it has no name for is called
// mayfly.lambda.*, a prefix of our own, because OpenTelemetry may define anything
// below aws.lambda.* tomorrow and mean something else by it. mayfly.telemetry.*
// tells of the daemon. README.md has all of them.
//
// Records are summed up as they come and cost nothing but that; /proc is read
// when a batch is sealed, and a batch is due only when a record was summed up.
//
// [A] OpenTelemetry semantic conventions 1.44, "FaaS metrics", read 2026-11.

#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "extensions/telemetry/encoder.h"
#include "extensions/telemetry/ending.h"
#include "extensions/telemetry/resource.h"
#include "extensions/telemetry/self_telemetry.h"
#include "extensions/telemetry/usage.h"

namespace mayfly::telemetry {

class OtlpMetricsEncoder final : public Encoder {
 public:
  struct Sources {
    UsageReader usage = UsageReader();
    ReadSelfTelemetry read_self = nullptr;  // may be empty
    core::WallTime (*now)() = core::wall_now;
  };

  OtlpMetricsEncoder(Resource& resource, Sources sources);

  void add(const extension::TelemetryRecord& record, const RecordContext& context) override;
  void end(std::string_view reason, const RecordContext& context) override;
  // Figures that have something to tell; a batch has those of /proc and of the
  // daemon besides.
  std::size_t records() const override;
  std::size_t bytes() const override { return 0; }  // nothing is encoded before it is sealed
  SharedBatch seal() override;

  enum Counter : std::uint8_t {
    kInvocations,
    kErrors,
    kTimeouts,
    kColdStarts,
    kOutOfMemory,
    kDroppedRecords,
    kDroppedBytes,
    kCounters,
  };
  enum Distribution : std::uint8_t {
    kInitDuration,
    kInvokeDuration,
    kMemoryUsage,
    kCpuUsage,
    kNetworkIo,
    kBilledDuration,
    kResponseLatency,
    kResponseDuration,
    kRuntimeOverhead,
    kExtensionOverhead,
    kRestoreDuration,
    kProducedBytes,
    kDistributions,
  };

 private:
  struct Histogram {
    std::uint64_t count = 0;
    double sum = 0;
    double min = 0;
    double max = 0;
    std::array<std::uint64_t, 16> buckets{};
  };
  class Writer;

  void observe(Distribution which, std::optional<double> value, std::uint64_t times = 1);
  void observe_spans(const std::vector<extension::Span>& spans);
  void ended(std::string_view request_id, std::string_view status, const Ending& ending);
  void count_out_of_memory(std::string_view request_id);
  void observe_usage(const Usage& usage);

  void write_usage(Writer& writer, const Usage& usage);
  void write_self(Writer& writer);

  Resource& resource_;
  Sources sources_;
  core::WallTime start_;  // of the open batch
  std::array<std::int64_t, kCounters> counters_{};
  std::array<Histogram, kDistributions> distributions_{};
  std::uint64_t ended_ = 0;                // invocations in this batch
  bool init_reported_ = false;             // platform.report repeats the duration of an init
  std::deque<std::string> out_of_memory_;  // the last few that were counted
  std::optional<Usage> last_usage_;
  SelfTelemetry self_;   // as of the last batch
  std::string metrics_;  // scratch: Metric messages, each with the tag and length of ScopeMetrics.metrics
};

}  // namespace mayfly::telemetry
