// Any delivery and any lines, made into log records, metrics and spans: what is
// sent can be read, and holds as many records as it says.

#include <cstdint>
#include <protozero/pbf_reader.hpp>
#include <string>

#include <mayfly/telemetry_record.h>

#include "extensions/telemetry/log_text.h"
#include "extensions/telemetry/otlp_logs.h"
#include "extensions/telemetry/otlp_metrics.h"
#include "extensions/telemetry/otlp_traces.h"
#include "tests/fuzz/check.h"

using namespace mayfly::telemetry;

namespace {

bool inside(std::string_view part, std::string_view text) {
  return part.empty() || (part.data() >= text.data() && part.data() + part.size() <= text.data() + text.size());
}

// The items of an Export*ServiceRequest; each must be a message to its end.
std::size_t items(const std::string& request) {
  std::size_t count = 0;
  protozero::pbf_reader reader(request);
  while (reader.next(1)) {
    auto resource = reader.get_message();
    while (resource.next(2)) {
      auto scope = resource.get_message();
      while (scope.next()) {
        bool item = scope.tag() == 2;
        auto fields = scope.get_message();
        while (fields.next()) fields.skip();
        count += item;
      }
    }
  }
  return count;
}

void encode(std::string_view delivery) {
  Settings settings;
  Resource resource(settings);
  resource.set_instance_id("i");
  Invocations invocations(XRay::join, true);
  OtlpLogsEncoder logs(resource);
  OtlpTracesEncoder traces(resource);
  OtlpMetricsEncoder::Sources sources;
  sources.usage = UsageReader("/nowhere", "/nowhere");
  OtlpMetricsEncoder metrics(resource, std::move(sources));
  mayfly::extension::TelemetryBatch batch(delivery, delivery.size());
  for (const auto& record : batch) {
    invocations.note(record);
    RecordContext context{invocations.current(), invocations, {}};
    for (Encoder* encoder :
         {static_cast<Encoder*>(&logs), static_cast<Encoder*>(&traces), static_cast<Encoder*>(&metrics)}) {
      encoder->add(record, context);
    }
  }
  invocations.end("timeout");
  RecordContext context{invocations.current(), invocations, {}};
  traces.end("timeout", context);
  metrics.end("timeout", context);
  if (auto n = logs.records(); n > 0) FUZZ_CHECK(items(logs.seal()->body) == n);
  if (auto n = traces.records(); n > 0) FUZZ_CHECK(items(traces.seal()->body) == n);
  if (auto n = metrics.records(); n > 0) FUZZ_CHECK(items(metrics.seal()->body) >= n);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(bytes), size);
  StackTrace trace;
  for (auto rest = text; !rest.empty();) {
    auto line = rest.substr(0, rest.find('\n'));
    auto told = parse_text_line(line);
    FUZZ_CHECK(inside(told.message, line) && inside(told.level, line) && inside(told.request_id, line));
    trace.continues(line);
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
  }
  encode(text);
  return 0;
}
