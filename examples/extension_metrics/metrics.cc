#include "metrics.h"

#include <mayfly/json/writer.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace ext = mayfly::extension;

namespace {

struct Metric {
  const char* name;
  const char* unit;
  std::optional<double> value;
};

// One line in CloudWatch's embedded metric format: CloudWatch makes metrics of it
// when it reads the log, without a call of its API.
std::string embedded_metrics(const std::string& function, const ext::TelemetryRecord& record,
                             const ext::Report& report) {
  const Metric metrics[] = {
      {"Duration", "Milliseconds", report.duration_ms},
      {"BilledDuration", "Milliseconds", report.billed_duration_ms},
      {"InitDuration", "Milliseconds", report.init_duration_ms},
      {"MaxMemoryUsed", "Megabytes", report.max_memory_used_mb},
  };
  auto time = std::chrono::floor<std::chrono::milliseconds>(record.time.value_or(std::chrono::system_clock::now()));
  std::string line;
  mayfly::json::Writer json(line);
  json.begin_object().key("_aws").begin_object().member("Timestamp", time.time_since_epoch().count());
  json.key("CloudWatchMetrics").begin_array().begin_object().member("Namespace", "Mayfly");
  json.key("Dimensions").begin_array().begin_array().value("FunctionName").end_array().end_array();
  json.key("Metrics").begin_array();
  for (const auto& metric : metrics) {
    if (metric.value) json.begin_object().member("Name", metric.name).member("Unit", metric.unit).end_object();
  }
  json.end_array().end_object().end_array().end_object();
  json.member("FunctionName", function).member("RequestId", report.request_id);
  for (const auto& metric : metrics) {
    if (metric.value) json.member(metric.name, *metric.value);
  }
  json.end_object();
  return line + "\n";
}

}  // namespace

ext::Options metrics_to(std::FILE* out) {
  auto function = std::make_shared<std::string>();
  return {
      .on_init = [function](const ext::Registration& registration) { *function = registration.function_name; },
      .telemetry = {.types = {ext::TelemetryType::platform},
                    .on_records =
                        [function, out](ext::TelemetryBatch& batch) {
                          for (const auto& record : batch) {
                            auto* report = std::get_if<ext::Report>(&record.event);
                            if (report) std::fputs(embedded_metrics(*function, record, *report).c_str(), out);
                          }
                          std::fflush(out);
                        }},
  };
}
