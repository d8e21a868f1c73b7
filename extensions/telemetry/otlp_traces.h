// Platform records as OTLP spans: ExportTraceServiceRequest in protobuf.
//
// An invocation is a SERVER span with the function's name. It ends with
// platform.runtimeDone, or where there is none (Managed Instances, and what went
// wrong before the runtime could tell) with platform.report. The parts that
// Lambda measured are INTERNAL spans below it, named as Lambda names them:
// responseLatency, responseDuration, runtimeOverhead, extensionOverhead. `init`
// and `restore` are children of the invocation that waited for them, and traces
// of their own when none did. README.md has every attribute.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "extensions/telemetry/encoder.h"
#include "extensions/telemetry/ending.h"
#include "extensions/telemetry/resource.h"

namespace mayfly::telemetry {

class OtlpTracesEncoder final : public Encoder {
 public:
  explicit OtlpTracesEncoder(Resource& resource) : resource_(resource) {}

  void add(const extension::TelemetryRecord& record, const RecordContext& context) override;
  void end(std::string_view reason, const RecordContext& context) override;
  std::size_t records() const override { return records_; }
  std::size_t bytes() const override { return spans_.size(); }
  SharedBatch seal() override;

 private:
  struct Span;
  // The start of an environment, until it is known which invocation waited for it.
  struct Preparation {
    std::string name;  // init, restore
    std::string initialization_type;
    std::string phase;
    std::string error_type;
    std::string status;
    std::optional<core::WallTime> start;
    core::WallTime end;
  };

  void begin(const extension::TelemetryRecord& record, const char* name, std::string_view type, std::string_view phase);
  template <class Report>
  void prepared(const extension::TelemetryRecord& record, const Report& report, const RecordContext& context);
  void write(const Preparation& preparation, const Invocation* invocation);
  void write_invocation(std::string_view request_id, const Invocation& invocation, const Ending& ending,
                        core::WallTime start, core::WallTime end, std::string_view tenant_id);
  template <class Event>
  void invocation_ended(const extension::TelemetryRecord& record, const Event& event, const RecordContext& context);
  void write_parts(const std::vector<extension::Span>& parts, const Invocation& invocation);
  void write(const Span& span);

  Resource& resource_;
  std::string spans_;  // Span messages, each with the tag and length of ScopeSpans.spans
  std::size_t records_ = 0;
  std::optional<Preparation> open_;   // initStart or restoreStart was there
  std::vector<Preparation> waiting_;  // for the first invocation; a few at most
  std::string span_;                  // scratch, kept for its capacity
};

}  // namespace mayfly::telemetry
