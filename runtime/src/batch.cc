#include <mayfly/batch.h>
#include <mayfly/log.h>

#include "runtime/src/error_json.h"

namespace mayfly::runtime {

void log_failed_record(std::string_view identifier) {
  auto report = current_exception_report();
  std::string stack;
  for (const auto& frame : report.stack_trace) stack.append(stack.empty() ? "" : " < ").append(frame);
  log.error(report.message, {{"errorType", report.type}, {"itemIdentifier", identifier}, {"stackTrace", stack}});
}

void log_failed_record(std::string_view identifier, const Error& error) {
  log.error(error.message, {{"errorType", error.type}, {"itemIdentifier", identifier}});
}

}  // namespace mayfly::runtime
