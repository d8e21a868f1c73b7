#include "extensions/telemetry/ending.h"

#include <algorithm>

namespace mayfly::telemetry {

namespace ext = mayfly::extension;

Ending read_ending(std::string_view status, std::string_view error_type, bool out_of_memory) {
  using Kind = Ending::Kind;
  if (status.empty() || status == "success") return {};
  if (out_of_memory || error_type == "Runtime.OutOfMemory") return {Kind::out_of_memory, "Runtime.OutOfMemory"};
  if (status == "timeout") return {Kind::timeout, error_type.empty() ? "Sandbox.Timedout" : error_type};
  return {Kind::error, error_type.empty() ? status : error_type};
}

Ending read_ending(const ext::RuntimeDone& done, bool out_of_memory) {
  return read_ending(done.status, done.error_type, out_of_memory);
}

Ending read_ending(const ext::Report& report, bool out_of_memory) {
  bool full = report.memory_size_mb && report.max_memory_used_mb &&
              *report.max_memory_used_mb >= *report.memory_size_mb && report.error_type == "Runtime.ExitError";
  return read_ending(report.status, report.error_type, out_of_memory || full);
}

std::string_view out_of_memory_line(std::string_view text) {
  constexpr std::string_view kStart = "RequestId: ", kEnd = " Error: Runtime exited with error: signal: killed";
  if (!text.starts_with(kStart)) return {};
  while (text.ends_with('\n')) text.remove_suffix(1);
  if (!text.ends_with(kEnd) || text.size() <= kStart.size() + kEnd.size()) return {};
  return text.substr(kStart.size(), text.size() - kStart.size() - kEnd.size());
}

}  // namespace mayfly::telemetry
