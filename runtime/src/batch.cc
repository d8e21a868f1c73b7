#include <mayfly/batch.h>
#include <mayfly/log.h>

#include "runtime/src/error_json.h"

namespace mayfly::runtime {
namespace {

void log_failed(std::string_view identifier, const ErrorReport& report) {
  LogField record("itemIdentifier", identifier);
  log_error("a record failed", report, {&record, 1});
}

}  // namespace

void log_failed_record(std::string_view identifier) { log_failed(identifier, current_exception_report()); }

void log_failed_record(std::string_view identifier, const Error& error) { log_failed(identifier, report_of(error)); }

}  // namespace mayfly::runtime
