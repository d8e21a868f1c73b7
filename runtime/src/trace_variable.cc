#include "runtime/src/trace_variable.h"

#include <cstdlib>

namespace mayfly::runtime {
namespace {

constexpr const char* kName = "_X_AMZN_TRACE_ID";
constexpr std::size_t kUsualBytes = 512;

}  // namespace

TraceVariable::TraceVariable() { assignment_.reserve(kUsualBytes); }

TraceVariable::~TraceVariable() { unsetenv(kName); }

void TraceVariable::set(std::string_view trace_id) {
  if (trace_id.empty()) {
    unsetenv(kName);
    return;
  }
  // The environment must never point at a buffer that has moved.
  if (assignment_.capacity() < trace_id.size() + kUsualBytes / 2) {
    unsetenv(kName);
    assignment_.reserve(trace_id.size() + kUsualBytes);
  }
  assignment_.assign(kName).append("=").append(trace_id);
  putenv(assignment_.data());
}

}  // namespace mayfly::runtime
