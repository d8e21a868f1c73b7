#include "emulator/cli/timeline.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <span>
#include <string_view>

#include "emulator/cli/process_phases.h"

namespace mayfly::emulator {
namespace {

struct Look {
  std::string_view block, ascii, colour;
};
// In the order of Phase.
constexpr std::array<Look, kPhases> kLooks{{
    {" ", " ", ""},
    {"▒", "i", "\033[33m"},
    {"█", "#", "\033[32m"},
    {"▄", "=", "\033[32m"},
    {"▓", "+", "\033[35m"},
    {"▓", "+", "\033[35m"},
    {"·", ".", "\033[2m"},
    {"~", "~", "\033[2m"},
    {"×", "X", "\033[1;31m"},
}};

constexpr std::size_t kLongestName = 20;
constexpr int kFrozenCells = 4;      // what is frozen lasts, so it is not to scale
constexpr double kTickColumns = 10;  // at least this far apart

struct Axis {
  std::int64_t from, until;
  int columns;

  double column_of(std::int64_t at) const {
    return static_cast<double>(at - from) / static_cast<double>(until - from) * columns;
  }
  int cell_of(std::int64_t at) const { return std::clamp(static_cast<int>(std::floor(column_of(at))), 0, columns - 1); }
};

std::vector<Phase> cells_of(const ProcessRow& row, const Axis& axis) {
  std::vector<std::array<double, kPhases>> share(static_cast<std::size_t>(axis.columns), std::array<double, kPhases>{});
  for (const PhaseSpan& span : row.spans) {
    double begin = std::max(0.0, axis.column_of(span.begin));
    double end = std::min<double>(axis.columns, axis.column_of(span.end));
    for (int c = static_cast<int>(begin); c < axis.columns && c < end; ++c) {
      double part = std::min<double>(end, c + 1) - std::max<double>(begin, c);
      share[static_cast<std::size_t>(c)][static_cast<std::size_t>(span.phase)] += part;
    }
  }
  std::vector<Phase> cells;
  for (const auto& parts : share) {
    auto most = std::ranges::max_element(parts);
    cells.push_back(*most > 0 ? static_cast<Phase>(most - parts.begin()) : Phase::absent);
  }
  // However short: that it happened must be seen.
  for (const PhaseSpan& span : row.spans) {
    bool must_show = span.phase == Phase::init || span.phase == Phase::handler || span.phase == Phase::streaming;
    if (must_show && span.end > axis.from) cells[static_cast<std::size_t>(axis.cell_of(span.begin))] = span.phase;
  }
  for (std::int64_t kill : row.kills) {
    if (kill < axis.from) continue;
    cells[static_cast<std::size_t>(axis.cell_of(kill))] = Phase::killed;
  }
  return cells;
}

std::string tick_label(double value, int decimals) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

// Round steps (1, 2, 5, 10 ...) in milliseconds, or seconds when it lasts that long.
std::string axis_line(const Axis& axis, std::size_t margin, std::int64_t shown_until) {
  bool seconds = shown_until - axis.from >= 1'000'000'000;
  double unit = seconds ? 1e9 : 1e6;
  double total = static_cast<double>(axis.until - axis.from) / unit;
  double least = total * kTickColumns / axis.columns;
  double power = std::pow(10.0, std::floor(std::log10(least)));
  double step = power * 10;
  for (double factor : {1.0, 2.0, 5.0}) {
    if (power * factor >= least) {
      step = power * factor;
      break;
    }
  }
  int decimals = std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9)));
  std::string line(margin, ' ');
  const std::size_t end = margin + static_cast<std::size_t>(axis.columns);
  const std::string_view suffix = seconds ? " s" : " ms";
  for (int i = 0;; ++i) {
    auto at = margin + static_cast<std::size_t>(std::lround(i * step / total * axis.columns));
    std::string label = i == 0 ? "0" : tick_label(i * step, decimals);
    if (at + label.size() + suffix.size() > end) break;
    line.resize(std::max(line.size(), at), ' ');
    line += label;
  }
  line += suffix;
  return line + "\n";
}

std::string row_line(const ProcessRow& row, const std::vector<Phase>& cells, std::size_t margin,
                     const TimelineStyle& style) {
  std::string out = " " + row.name.substr(0, kLongestName);
  out.resize(margin, ' ');
  auto last = std::find_if(cells.rbegin(), cells.rend(), [](Phase p) { return p != Phase::absent; });
  for (auto cell = cells.begin(); cell != last.base();) {
    auto run_end = std::find_if(cell, last.base(), [&](Phase p) { return p != *cell; });
    const Look& look = kLooks[static_cast<std::size_t>(*cell)];
    if (style.colour) out += look.colour;
    for (; cell != run_end; ++cell) out += style.ascii ? look.ascii : look.block;
    if (style.colour && !look.colour.empty()) out += "\033[0m";
  }
  return out + "\n";
}

}  // namespace

std::string draw_timeline(const std::vector<Observation>& observations, std::int64_t from_ns,
                          const TimelineStyle& style) {
  if (observations.empty()) return {};
  // The moment between the last `next` and the freeze is not worth its columns.
  const bool frozen = observations.size() > 1 && observations.back().kind == Observation::Kind::frozen;
  std::span drawn(observations.data(), observations.size() - (frozen ? 1 : 0));
  ProcessPhases collected;
  for (const Observation& o : drawn) collected.take(o);

  std::size_t widest = 0;
  std::int64_t until = std::max(drawn.back().elapsed_ns, from_ns + 1'000);
  const std::int64_t shown_until = until;
  Axis axis{from_ns, until, 0};
  std::vector<ProcessRow> rows = collected.finish(until);
  std::erase_if(rows, [&](const ProcessRow& row) { return row.spans.empty() || row.spans.back().end <= from_ns; });
  for (const ProcessRow& row : rows) widest = std::max(widest, std::min(row.name.size(), kLongestName));
  if (rows.empty()) return {};

  const std::size_t margin = widest + 3;
  axis.columns = std::max(20, style.width - static_cast<int>(margin) - 1);
  if (frozen) {
    axis.until += (until - from_ns) * kFrozenCells / (axis.columns - kFrozenCells);
    for (ProcessRow& row : rows) {
      if (row.spans.back().end == until) row.spans.push_back({Phase::frozen, until, axis.until});
    }
  }
  std::string out = axis_line(axis, margin, shown_until);
  for (const ProcessRow& row : rows) out += row_line(row, cells_of(row, axis), margin, style);
  return out;
}

}  // namespace mayfly::emulator
