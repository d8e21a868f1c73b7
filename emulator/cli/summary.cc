#include "emulator/cli/summary.h"

#include <mayfly/json/writer.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <vector>

#include "core/clock.h"
#include "emulator/cli/figures.h"

namespace mayfly::emulator::cli {
namespace {

constexpr std::size_t kLongestName = 20;

using Row = std::array<std::string, 8>;
constexpr std::array kHeads{"process", "starts", "init ms", "+ms/call", "CPU ms", "peak MB", "threads", "files"};

std::chrono::nanoseconds mean(std::chrono::nanoseconds sum, std::int64_t count) {
  return sum / std::max<std::int64_t>(count, 1);
}

// In one line and in one width, whatever the file is called.
std::string shown_name(std::string_view name) {
  std::string out(name.substr(0, kLongestName));
  std::ranges::replace_if(
      out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f; }, '?');
  return out;
}

Row row_of(const ProcessCost& cost) {
  auto known = [](bool is, std::string text) { return is ? std::move(text) : std::string("-"); };
  char megabytes[32];
  std::snprintf(megabytes, sizeof megabytes, "%.1f", static_cast<double>(cost.usage.peak_memory_kb) / 1'024);
  return {shown_name(cost.process),
          with_commas(cost.starts),
          known(cost.inits > 0, milliseconds(mean(cost.init, cost.inits))),
          known(cost.calls > 0, milliseconds(mean(cost.after_response, cost.calls))),
          milliseconds(cost.usage.cpu),
          known(cost.usage.peak_memory_kb > 0, megabytes),
          known(cost.usage.threads > 0, with_commas(cost.usage.threads)),
          known(cost.usage.threads > 0, with_commas(cost.usage.open_files))};
}

std::string table(const std::vector<ProcessCost>& costs, const Style& style) {
  std::vector<Row> rows(1);
  std::ranges::copy(kHeads, rows.front().begin());
  for (const auto& cost : costs) rows.push_back(row_of(cost));
  std::array<std::size_t, kHeads.size()> widths{};
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const Row& row : rows) {
    std::string line = row[0] + std::string(widths[0] - row[0].size(), ' ');
    for (std::size_t i = 1; i < row.size(); ++i) line += std::string(2 + widths[i] - row[i].size(), ' ') + row[i];
    out += "  " + paint(style, &row == &rows.front() ? Ink::dim : Ink::plain, line) + "\n";
  }
  return out;
}

void write_process(json::Writer& json, const ProcessCost& cost) {
  json.begin_object().member("process", cost.process).member("extension", cost.external_extension);
  json.member("starts", cost.starts);
  if (cost.inits > 0) json.member("initMs", as_ms(mean(cost.init, cost.inits)));
  if (cost.calls > 0) json.member("afterResponseMs", as_ms(mean(cost.after_response, cost.calls)));
  json.member("cpuMs", as_ms(cost.usage.cpu));
  if (cost.usage.peak_memory_kb > 0) json.member("peakMemoryKb", cost.usage.peak_memory_kb);
  if (cost.usage.threads > 0) json.member("threads", cost.usage.threads).member("openFiles", cost.usage.open_files);
  json.end_object();
}

}  // namespace

std::string summary_text(const Metrics& metrics, std::chrono::nanoseconds stopping, const Style& style) {
  const Totals& totals = metrics.totals();
  auto counted = [](std::int64_t n, const char* what) { return with_commas(n) + " " + what + (n == 1 ? "" : "s"); };
  std::string out = "stopped in " + duration_text(stopping) + ": " + counted(totals.calls, "call") + ", " +
                    counted(totals.errors, "error") + ", " + counted(totals.throttles, "throttle") + ", " +
                    with_commas(totals.billed_ms) + " ms, " + gb_seconds_text(totals.gb_seconds()) + "\n";
  auto costs = metrics.processes();
  return costs.empty() ? out : out + table(costs, style);
}

std::string summary_json(const Metrics& metrics) {
  const Totals& totals = metrics.totals();
  std::string out;
  json::Writer json(out);
  json.begin_object().member("time", core::rfc3339(core::wall_now())).member("type", "mayfly.summary");
  json.key("record").begin_object();
  json.member("calls", totals.calls).member("errors", totals.errors).member("throttles", totals.throttles);
  json.member("billedMs", totals.billed_ms).member("gbSeconds", totals.gb_seconds());
  json.key("processes").begin_array();
  for (const auto& cost : metrics.processes()) write_process(json, cost);
  json.end_array();
  json.end_object().end_object();
  return out + "\n";
}

}  // namespace mayfly::emulator::cli
