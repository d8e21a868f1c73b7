#include "extensions/telemetry/platform_text.h"

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

namespace mayfly::telemetry {
namespace {

namespace ext = mayfly::extension;

// `decimals`: 0 or 2. Not by std::to_chars(double), which is 128 KB, most of it
// tables, and has the loader map libm at every start (see core/json_number.cc).
std::string number(double value, int decimals) {
  constexpr double kMax = 1e15;  // far beyond any duration, size or count
  if (!(value > -kMax && value < kMax)) return "?";
  bool negative = value < 0;
  double exact = (negative ? -value : value) * (decimals == 2 ? 100 : 1);
  auto scaled = static_cast<std::uint64_t>(exact);
  if (exact - static_cast<double>(scaled) >= 0.5) ++scaled;
  auto text = std::to_string(scaled);
  if (decimals == 2) {
    if (text.size() < 3) text.insert(0, 3 - text.size(), '0');
    text.insert(text.size() - 2, 1, '.');
  }
  return negative && scaled > 0 ? "-" + text : text;
}

void append(std::string& out, std::string_view label, std::optional<double> value, std::string_view unit,
            int decimals) {
  if (value) out.append("\t").append(label).append(": ").append(number(*value, decimals)).append(unit);
}

void append(std::string& out, std::string_view label, std::string_view value) {
  if (!value.empty()) out.append("\t").append(label).append(": ").append(value);
}

std::string list(const std::vector<std::string_view>& words, std::string_view comma) {
  std::string out = "[";
  for (auto word : words) out.append(out.size() > 1 ? comma : "").append(word);
  return out + "]";
}

std::string id(std::string_view word, std::string_view request_id) {
  return std::string(word) + " RequestId: " + std::string(request_id);
}

std::string report(const ext::Report& r) {
  auto out = id("REPORT", r.request_id);
  append(out, "Duration", r.duration_ms, " ms", 2);
  append(out, "Billed Duration", r.billed_duration_ms, " ms", 0);
  append(out, "Memory Size", r.memory_size_mb, " MB", 0);
  append(out, "Max Memory Used", r.max_memory_used_mb, " MB", 0);
  append(out, "Init Duration", r.init_duration_ms, " ms", 2);
  append(out, "Restore Duration", r.restore_duration_ms, " ms", 2);
  if (r.status != "success") append(out, "Status", r.status);
  append(out, "Error Type", r.error_type);
  return out;
}

}  // namespace

std::string platform_text(const ext::TelemetryRecord& record) {
  if (auto* r = std::get_if<ext::Report>(&record.event)) return report(*r);
  if (auto* r = std::get_if<ext::Start>(&record.event)) {
    auto out = id("START", r->request_id);
    return r->version.empty() ? out : out + " Version: " + std::string(r->version);
  }
  if (auto* r = std::get_if<ext::RuntimeDone>(&record.event)) {
    auto out = id("END", r->request_id);
    if (r->status != "success") append(out, "Status", r->status);
    append(out, "Error Type", r->error_type);
    return out;
  }
  if (auto* r = std::get_if<ext::InitStart>(&record.event)) {
    std::string out = "INIT_START";
    append(out, "Runtime Version", r->runtime_version);
    append(out, "Runtime Version ARN", r->runtime_version_arn);
    return out;
  }
  if (auto* r = std::get_if<ext::InitReport>(&record.event)) {
    std::string out = "INIT_REPORT";
    append(out, "Init Duration", r->duration_ms, " ms", 2);
    append(out, "Phase", r->phase);
    append(out, "Status", r->status);
    append(out, "Error Type", r->error_type);
    return out;
  }
  if (auto* r = std::get_if<ext::ExtensionState>(&record.event)) {
    std::string out = "EXTENSION";
    append(out, "Name", r->name);
    append(out, "State", r->state);
    append(out, "Events", list(r->events, ","));
    append(out, "Error Type", r->error_type);
    return out;
  }
  if (auto* r = std::get_if<ext::TelemetrySubscription>(&record.event)) {
    std::string out = "TELEMETRY";
    append(out, "Name", r->name);
    append(out, "State", r->state);
    append(out, "Types", list(r->types, ", "));
    return out;
  }
  if (auto* r = std::get_if<ext::LogsDropped>(&record.event)) {
    std::string out = "LOGS_DROPPED";
    append(out, "Records", r->dropped_records, "", 0);
    append(out, "Bytes", r->dropped_bytes, "", 0);
    append(out, "Reason", r->reason);
    return out;
  }
  return std::string(record.type);
}

}  // namespace mayfly::telemetry
