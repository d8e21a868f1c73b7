#include "emulator/cli/lambda_call.h"

#include <charconv>

#include <mayfly/json/value.h>

#include "core/http_field.h"
#include "emulator/cli/base64.h"

namespace mayfly::emulator::cli {
namespace {

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                 c == '.' || c == '~';
    auto byte = static_cast<unsigned char>(c);
    if (plain)
      out += c;
    else
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
  }
  return out;
}

// The number behind "`name`: " in a REPORT line.
std::optional<double> figure(std::string_view line, std::string_view name) {
  std::string label = "\t" + std::string(name) + ": ";
  auto at = line.find(label);
  if (at == line.npos) return std::nullopt;
  line.remove_prefix(at + label.size());
  double number = 0;
  auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), number);
  return error == std::errc{} ? std::optional(number) : std::nullopt;
}

std::optional<ReportLine> text_report(std::string_view line) {
  auto duration = figure(line, "Duration"), billed = figure(line, "Billed Duration");
  if (!duration || !billed) return std::nullopt;
  ReportLine report;
  report.duration_ms = *duration;
  report.billed_ms = static_cast<std::int64_t>(*billed);
  report.memory_mb = static_cast<int>(figure(line, "Memory Size").value_or(0));
  report.max_memory_mb = static_cast<int>(figure(line, "Max Memory Used").value_or(0));
  report.init_ms = figure(line, "Init Duration");
  return report;
}

// {"time":...,"type":"platform.report","record":{...,"metrics":{...}}}
std::optional<ReportLine> json_report(std::string_view line) {
  json::Document document;
  auto root = document.parse(line);
  if (!root) return std::nullopt;
  ReportLine report;
  bool found = false;
  auto metric = [&](std::string_view name, json::Value& value) {
    double number = 0;
    if (value.get(number) != json::Status::ok) return json::Status::ok;
    if (name == "durationMs") report.duration_ms = number;
    if (name == "billedDurationMs") report.billed_ms = static_cast<std::int64_t>(number), found = true;
    if (name == "memorySizeMB") report.memory_mb = static_cast<int>(number);
    if (name == "maxMemoryUsedMB") report.max_memory_mb = static_cast<int>(number);
    if (name == "initDurationMs") report.init_ms = number;
    return json::Status::ok;
  };
  auto in_record = [&](std::string_view name, json::Value& value) {
    return name == "metrics" && value.kind() == json::Kind::object ? value.each_field(metric) : json::Status::ok;
  };
  auto in_line = [&](std::string_view name, json::Value& value) {
    return name == "record" && value.kind() == json::Kind::object ? value.each_field(in_record) : json::Status::ok;
  };
  if (root->kind() != json::Kind::object || root->each_field(in_line) != json::Status::ok || !found)
    return std::nullopt;
  return report;
}

}  // namespace

std::string LambdaCall::request_head(const core::Origin& origin) const {
  std::string path = prefix + (streamed ? "/2021-11-15/functions/" : "/2015-03-31/functions/") +
                     percent_encoded(function_name) + (streamed ? "/response-streaming-invocations" : "/invocations");
  std::string query = qualifier.empty() ? "" : "Qualifier=" + percent_encoded(qualifier);
  std::vector<std::pair<std::string, std::string>> fields{
      {"Host", origin.host_port()},
      {"User-Agent", "mayfly"},
      {"Content-Type", "application/json"},
      {"Content-Length", std::to_string(payload.size())},
      {"X-Amz-Invocation-Type", asynchronous ? "Event" : "RequestResponse"}};
  if (!asynchronous) fields.emplace_back("X-Amz-Log-Type", "Tail");
  if (!client_context.empty()) fields.emplace_back("X-Amz-Client-Context", base64_encode(client_context));
  if (!caller.access_key_id.empty()) {
    sign(fields, {"POST", path, query, {}, payload}, caller, region, core::wall_now());
  }
  std::string head = "POST " + path + (query.empty() ? "" : "?" + query) + " HTTP/1.1\r\n";
  for (const auto& [name, value] : fields) core::append_field(head, name, value);
  return head + "\r\n";
}

std::optional<ReportLine> find_report(std::string_view log) {
  while (!log.empty()) {
    if (log.ends_with('\n')) log.remove_suffix(1);
    auto begin = log.rfind('\n') + 1;  // npos + 1 is 0
    auto line = log.substr(begin);
    if (line.starts_with("REPORT ")) {
      if (auto report = text_report(line)) return report;
    } else if (line.starts_with('{') && line.find("platform.report") != line.npos) {
      if (auto report = json_report(line)) return report;
    }
    log = log.substr(0, begin);
  }
  return std::nullopt;
}

CallAnswer read_answer(const core::HttpAnswer& answer) {
  CallAnswer out;
  out.status = answer.status();
  out.function_error = answer.field("X-Amz-Function-Error");
  out.executed_version = answer.field("X-Amz-Executed-Version");
  out.request_id = answer.field("x-amzn-RequestId");
  auto type = answer.field("x-amzn-ErrorType");
  out.error_type = type.substr(0, type.find_first_of(":#"));
  out.payload = answer.body();
  out.cold = answer.field("X-Mayfly-Start") == "cold";
  if (auto tail = answer.field("X-Amz-Log-Result"); !tail.empty()) out.log = base64_decode(tail).value_or("");
  out.report = find_report(out.log);
  return out;
}

}  // namespace mayfly::emulator::cli
