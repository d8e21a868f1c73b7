#include "emulator/telemetry/metrics.h"

#include <mayfly/json/writer.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <string_view>

namespace mayfly::emulator {

namespace {

using Kind = Observation::Kind;

double seconds(std::chrono::nanoseconds duration) { return std::chrono::duration<double>(duration).count(); }

void append_number(std::string& out, double value) {
  char text[32];
  out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

void begin_family(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  out.append("# HELP ").append(name).append(" ").append(help);
  out.append("\n# TYPE ").append(name).append(" ").append(type).append("\n");
}

// `labels` with their braces, or nothing.
void sample(std::string& out, std::string_view name, std::string_view labels, double value) {
  out.append(name).append(labels).append(" ");
  append_number(out, value);
  out += '\n';
}

void single(std::string& out, std::string_view name, std::string_view type, std::string_view help, double value) {
  begin_family(out, name, type, help);
  sample(out, name, {}, value);
}

// A file's name may hold anything; a label is UTF-8.
std::string label_value(std::string_view text) {
  bool utf8 = json::is_utf8(text);
  std::string out;
  for (char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += !utf8 && static_cast<unsigned char>(c) >= 0x80 ? '?' : c;
    }
  }
  return out;
}

}  // namespace

double gb_seconds(std::int64_t billed_ms, int memory_mb) {
  return static_cast<double>(billed_ms) / 1'000.0 * memory_mb / 1'024.0;
}

void ProcessCost::add(const ProcessUsage& of_one_process) {
  auto cpu = usage.cpu + of_one_process.cpu;
  usage.keep_highest(of_one_process);
  usage.cpu = cpu;
}

void Metrics::Histogram::add(std::chrono::nanoseconds duration) {
  auto bucket = std::ranges::lower_bound(kBounds, seconds(duration));
  ++counts_[static_cast<std::size_t>(bucket - kBounds.begin())];
  sum_ += duration;
}

void Metrics::Histogram::print(std::string& out, const char* name, const char* help) const {
  begin_family(out, name, "histogram", help);
  const std::string bucket = std::string(name) + "_bucket";
  std::int64_t count = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    count += counts_[i];
    std::string label = "{le=\"";
    if (i < kBounds.size()) {
      append_number(label, kBounds[i]);
    } else {
      label += "+Inf";
    }
    sample(out, bucket, label + "\"}", static_cast<double>(count));
  }
  sample(out, std::string(name) + "_sum", {}, seconds(sum_));
  sample(out, std::string(name) + "_count", {}, static_cast<double>(count));
}

void Metrics::observe(const Observation& o) {
  switch (o.kind) {
    case Kind::throttled: ++totals_.throttles; return;
    case Kind::init_ended:
      if (o.detail != "success") ++totals_.init_failures;
      return;
    case Kind::init_started:
      environments_.try_emplace(o.environment);
      if (o.number > 0) running_.insert(o.number);
      return;
    case Kind::invocation_started:
      running_.insert(o.number);
      environments_[o.environment].responded_ns = -1;
      return;
    case Kind::responded: environments_[o.environment].responded_ns = o.elapsed_ns; return;
    case Kind::invocation_ended: return count_call(o);
    case Kind::process_started:
    case Kind::process_ready:
    case Kind::process_idle:
    case Kind::process_measured: return observe_process(o, environments_[o.environment]);
    case Kind::shutdown_ended:
      if (auto gone = environments_.extract(o.environment)) {
        for (const auto& [name, process] : gone.mapped().processes) costs_[process.cost].add(process.usage);
      }
      return;
    default: return;
  }
}

void Metrics::count_call(const Observation& o) {
  running_.erase(o.number);
  const Report& report = o.report;
  ++totals_.calls;
  totals_.errors += report.status != "success";
  totals_.timeouts += report.status == "timeout";
  totals_.failures += report.status == "failure";
  totals_.billed_ms += report.billed_ms;
  totals_.billed_mb_ms += report.billed_ms * report.memory_mb;
  duration_.add(report.duration);
  if (report.init.count() > 0) init_duration_.add(report.init);
  after_response_.add(report.extensions);
}

void Metrics::observe_process(const Observation& o, Environment& environment) {
  if (o.kind == Kind::process_started) return start_process(o, environment);
  auto found = environment.processes.find(o.process);
  if (found == environment.processes.end()) return;  // an internal extension: of the runtime's process
  Process& process = found->second;
  ProcessCost& cost = costs_[process.cost];
  if (o.kind == Kind::process_measured) {
    process.usage = o.usage;
  } else if (o.kind == Kind::process_ready) {
    ++cost.inits;
    cost.init += std::chrono::nanoseconds(o.elapsed_ns - process.started_ns);
  } else {
    ++cost.calls;
    if (environment.responded_ns >= 0)
      cost.after_response += std::chrono::nanoseconds(o.elapsed_ns - environment.responded_ns);
  }
}

void Metrics::start_process(const Observation& o, Environment& environment) {
  auto cost = std::ranges::find(costs_, o.process, &ProcessCost::process);
  if (cost == costs_.end()) {
    cost = costs_.emplace(costs_.end());
    cost->process = o.process;
    cost->external_extension = o.external_extension;
  }
  ++cost->starts;
  Process& process = environment.processes[o.process];
  cost->add(process.usage);  // of its predecessor, before a reset
  process = {};
  process.cost = static_cast<std::size_t>(cost - costs_.begin());
  process.started_ns = o.elapsed_ns;
}

std::vector<ProcessCost> Metrics::processes() const {
  auto out = costs_;
  for (const auto& [number, environment] : environments_) {
    for (const auto& [name, process] : environment.processes) out[process.cost].add(process.usage);
  }
  return out;
}

std::string Metrics::page() const {
  std::string out;
  auto number = [](auto value) { return static_cast<double>(value); };
  single(out, "lambda_invocations_total", "counter", "Calls that reached the function, failed ones included.",
         number(totals_.calls));
  begin_family(out, "lambda_errors_total", "counter", "Failed calls, by the status of their platform.report.");
  sample(out, "lambda_errors_total", "{status=\"error\"}",
         number(totals_.errors - totals_.failures - totals_.timeouts));
  sample(out, "lambda_errors_total", "{status=\"failure\"}", number(totals_.failures));
  sample(out, "lambda_errors_total", "{status=\"timeout\"}", number(totals_.timeouts));
  single(out, "lambda_throttles_total", "counter", "Calls refused with 429.", number(totals_.throttles));
  single(out, "lambda_init_errors_total", "counter", "Init phases that failed.", number(totals_.init_failures));
  single(out, "lambda_concurrent_executions", "gauge", "Calls that an environment works on.", number(running_.size()));
  single(out, "lambda_environments", "gauge", "Execution environments that exist.", number(environments_.size()));
  duration_.print(out, "lambda_duration_seconds", "From the event to the function's answer.");
  init_duration_.print(out, "lambda_init_duration_seconds", "Init phases that a call has waited for.");
  after_response_.print(out, "lambda_post_runtime_extensions_duration_seconds",
                        "From the function's answer until the environment was free.");
  single(out, "lambda_billed_duration_seconds_total", "counter", "Billed Duration of the REPORT lines.",
         number(totals_.billed_ms) / 1'000);
  single(out, "lambda_billed_gb_seconds_total", "counter", "Billed Duration times memory size.", totals_.gb_seconds());
  print_processes(out);
  return out;
}

void Metrics::print_processes(std::string& out) const {
  const auto costs = processes();
  if (costs.empty()) return;
  auto family = [&](const char* name, const char* type, const char* help,
                    const std::function<double(const ProcessCost&)>& value) {
    begin_family(out, name, type, help);
    for (const auto& cost : costs) sample(out, name, "{process=\"" + label_value(cost.process) + "\"}", value(cost));
  };
  family("lambda_process_starts_total", "counter", "Starts of the runtime or extension.",
         [](const auto& cost) { return static_cast<double>(cost.starts); });
  family("lambda_process_init_seconds_total", "counter", "From its start to its first next.",
         [](const auto& cost) { return seconds(cost.init); });
  family("lambda_process_after_response_seconds_total", "counter", "From the function's answer to its next.",
         [](const auto& cost) { return seconds(cost.after_response); });
  family("lambda_process_cpu_seconds_total", "counter", "CPU time, descendants included; looked at once a second.",
         [](const auto& cost) { return seconds(cost.usage.cpu); });
  family("lambda_process_peak_memory_bytes", "gauge", "Highest resident memory of one process and its descendants.",
         [](const auto& cost) { return static_cast<double>(cost.usage.peak_memory_kb) * 1'024; });
  family("lambda_process_peak_threads", "gauge", "Most threads of one process and its descendants.",
         [](const auto& cost) { return static_cast<double>(cost.usage.threads); });
  family("lambda_process_peak_open_files", "gauge", "Most open files of one process and its descendants.",
         [](const auto& cost) { return static_cast<double>(cost.usage.open_files); });
}

}  // namespace mayfly::emulator
