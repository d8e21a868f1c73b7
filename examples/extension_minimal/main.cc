// Logs each invocation and, with its report, how long it took and the memory so far.

#include <mayfly/extension.h>
#include <mayfly/log.h>

namespace ext = mayfly::extension;

int main() {
  return ext::run({
      .on_invoke =
          [](const ext::Invoke& invoke) {
            mayfly::log.info("invoked", {{"request", invoke.request_id}});
          },
      .on_shutdown =
          [](const ext::Shutdown& shutdown) {
            mayfly::log.info("bye", {{"reason", shutdown.reason_text}});
          },
      .telemetry = {.types = {ext::TelemetryType::platform},
                    .on_records =
                        [](ext::TelemetryBatch& batch) {
                          for (const auto& record : batch) {
                            if (auto* report = std::get_if<ext::Report>(&record.event)) {
                              mayfly::log.info("report", {{"request", report->request_id},
                                                          {"ms", report->duration_ms.value_or(0)},
                                                          {"peak_mb", report->max_memory_used_mb.value_or(0)}});
                            }
                          }
                        }},
  });
}
