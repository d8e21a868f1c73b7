#include "emulator/telemetry/report_lines.h"

#include <cctype>
#include <cstdio>

namespace mayfly::emulator {

namespace {

std::string joined(const std::vector<std::string>& words, std::string_view separator) {
  std::string out;
  for (const auto& word : words) {
    if (!out.empty()) out += separator;
    out += word;
  }
  return out;
}

void add(std::string& line, std::string_view name, std::string_view value, std::string_view unit = {}) {
  line.append(name).append(": ").append(value);
  if (!unit.empty()) line.append(" ").append(unit);
}

}  // namespace

std::string two_decimals(std::chrono::nanoseconds duration) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", static_cast<double>(duration.count()) / 1e6);
  return text;
}

std::string init_start_line(std::string_view runtime_version, std::string_view region) {
  std::string line = "INIT_START ";
  add(line, "Runtime Version", runtime_version);
  line += '\t';
  add(line, "Runtime Version ARN",
      "arn:aws:lambda:" + std::string(region) + "::runtime:" + std::string(runtime_version));
  return line;
}

std::string start_line(std::string_view request_id, std::string_view version) {
  std::string line = "START ";
  add(line, "RequestId", request_id);
  line += ' ';
  add(line, "Version", version);
  return line;
}

std::string end_line(std::string_view request_id) { return "END RequestId: " + std::string(request_id); }

std::string report_line(const Report& report) {
  std::string line = "REPORT ";
  add(line, "RequestId", report.request_id);
  line += '\t';
  add(line, "Duration", two_decimals(report.duration + report.extensions), "ms");
  line += '\t';
  add(line, "Billed Duration", std::to_string(report.billed_ms), "ms");
  line += '\t';
  add(line, "Memory Size", std::to_string(report.memory_mb), "MB");
  line += '\t';
  add(line, "Max Memory Used", std::to_string(report.max_memory_mb), "MB");
  line += '\t';
  if (report.init.count() > 0) {
    add(line, "Init Duration", two_decimals(report.init), "ms");
    line += '\t';
  }
  if (report.status != "success") {
    add(line, "Status", report.status);
    line += '\t';
    if (report.status != "timeout" && !report.error_type.empty()) {
      add(line, "Error Type", report.error_type);
      line += '\t';
    }
  }
  return line;
}

std::string init_report_line(std::chrono::nanoseconds duration, std::string_view phase, std::string_view status,
                             std::string_view error_type) {
  std::string line = "INIT_REPORT ";
  add(line, "Init Duration", two_decimals(duration), "ms");
  line += '\t';
  add(line, "Phase", phase);
  line += '\t';
  add(line, "Status", status);
  if (status != "timeout" && !error_type.empty()) {
    line += '\t';
    add(line, "Error Type", error_type);
  }
  return line;
}

std::string extension_line(std::string_view name, std::string_view state, const std::vector<std::string>& events) {
  std::string line = "EXTENSION\t";
  add(line, "Name", name);
  line += '\t';
  add(line, "State", state);
  line += '\t';
  add(line, "Events", "[" + joined(events, ",") + "]");
  return line;
}

std::string telemetry_line(std::string_view name, const std::vector<std::string>& types) {
  auto capitals = types;
  for (auto& type : capitals) {
    if (!type.empty()) type[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(type[0])));
  }
  std::string line = "TELEMETRY\t";
  add(line, "Name", name);
  line += '\t';
  add(line, "State", "Subscribed");
  line += '\t';
  add(line, "Types", "[" + joined(capitals, ", ") + "]");
  return line;
}

std::string xray_line(std::string_view trace_id, std::string_view segment_id) {
  std::string line = "XRAY ";
  add(line, "TraceId", trace_id);
  line += '\t';
  add(line, "SegmentId", segment_id);
  line += '\t';
  add(line, "Sampled", "true");
  return line;
}

}  // namespace mayfly::emulator
