#include "emulator/timeline.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <span>
#include <string_view>

namespace mayfly::emulator {
namespace {

enum class Phase : std::uint8_t { absent, init, handler, streaming, after, waiting, frozen, killed };
constexpr std::size_t kPhases = 8;

struct Look {
  std::string_view block, ascii, colour;
};
constexpr std::array<Look, kPhases> kLooks{{
    {" ", " ", ""},
    {"▒", "i", "\033[33m"},
    {"█", "#", "\033[32m"},
    {"▄", "=", "\033[32m"},
    {"▓", "+", "\033[35m"},
    {"·", ".", "\033[2m"},
    {"~", "~", "\033[2m"},
    {"×", "X", "\033[1;31m"},
}};

constexpr std::size_t kLongestName = 20;
constexpr int kFrozenCells = 4;      // what is frozen lasts, so it is not to scale
constexpr double kTickColumns = 10;  // at least this far apart

struct Span {
  Phase phase;
  std::int64_t begin, end;
};

// What one process does, from one observation to the next.
struct Row {
  std::string name;
  bool external = false;
  bool has_event = false;  // an extension between an INVOKE event and its `next`
  Phase phase = Phase::absent;
  std::int64_t since = 0;
  std::vector<Span> spans;
  std::vector<std::int64_t> kills;

  void enter(Phase next, std::int64_t at) {
    if (phase != Phase::absent && at > since) spans.push_back({phase, since, at});
    phase = next;
    since = at;
  }
  bool alive() const { return phase != Phase::absent; }
};

class Rows {
 public:
  void take(const Observation& o) {
    const std::int64_t at = o.elapsed_ns;
    switch (o.kind) {
      case Observation::Kind::process_started: {
        ending_ = false;
        Row& row = named(o.process, o.external_extension);
        row.has_event = false;
        row.enter(Phase::init, at);
        break;
      }
      case Observation::Kind::process_ready:
      case Observation::Kind::process_idle:
        if (Row* row = find(o.process); row && row->alive() && !ending_) {
          row->has_event = false;
          row->enter(Phase::waiting, at);
        }
        break;
      case Observation::Kind::init_started: init_failed_ = false; break;
      case Observation::Kind::init_ended: init_failed_ = o.detail != "success"; break;
      case Observation::Kind::invocation_started:
        if (init_failed_) break;  // it is announced so that it can be answered, but nobody got the event
        for (Row& row : rows_) {
          if (!row.alive()) continue;
          row.has_event = row.external;
          row.enter(row.external ? Phase::waiting : Phase::handler, at);
        }
        break;
      case Observation::Kind::response_began:
        if (Row* row = find(o.process); row && row->alive()) row->enter(Phase::streaming, at);
        break;
      case Observation::Kind::responded:
        for (Row& row : rows_) {
          if (row.alive() && (!row.external || row.has_event)) row.enter(Phase::after, at);
        }
        break;
      case Observation::Kind::reset_started:
      case Observation::Kind::shutdown_started:
        ending_ = true;
        resetting_ = o.kind == Observation::Kind::reset_started;
        enter_all(Phase::after, at);
        break;
      case Observation::Kind::frozen: enter_all(Phase::frozen, at); break;
      case Observation::Kind::thawed: enter_all(Phase::waiting, at); break;
      case Observation::Kind::process_killed:
        if (Row* row = find(o.process); row && row->alive()) end(*row, o.detail == "SIGKILL", at);
        break;
      case Observation::Kind::process_exited:
        if (Row* row = find(o.process); row && row->alive()) {
          // Who leaves when asked to has not crashed; after a timeout no one is asked.
          if (!ending_ || (resetting_ && o.detail.starts_with("signal"))) row->kills.push_back(at);
          row->enter(Phase::absent, at);
        }
        break;
      default: break;
    }
  }

  // Extensions first, each kind in the order of their starts.
  std::vector<Row> finish(std::int64_t at) {
    enter_all(Phase::absent, at);
    std::ranges::stable_partition(rows_, [](const Row& row) { return row.external; });
    return std::move(rows_);
  }

 private:
  void end(Row& row, bool at_once, std::int64_t at) {
    if (at_once) row.kills.push_back(at);
    row.enter(at_once ? Phase::absent : Phase::after, at);
  }
  void enter_all(Phase phase, std::int64_t at) {
    for (Row& row : rows_) {
      if (row.alive()) row.enter(phase, at);
    }
  }
  Row* find(std::string_view name) {
    auto found = std::ranges::find(rows_, name, &Row::name);
    return found == rows_.end() ? nullptr : &*found;
  }
  Row& named(const std::string& name, bool external) {
    if (Row* row = find(name)) return *row;
    Row row;
    row.name = name;
    row.external = external;
    return rows_.emplace_back(std::move(row));
  }

  std::vector<Row> rows_;
  bool ending_ = false;  // a reset or shutdown is going on
  bool resetting_ = false;
  bool init_failed_ = false;
};

struct Axis {
  std::int64_t from, until;
  int columns;

  double column_of(std::int64_t at) const {
    return static_cast<double>(at - from) / static_cast<double>(until - from) * columns;
  }
  int cell_of(std::int64_t at) const { return std::clamp(static_cast<int>(std::floor(column_of(at))), 0, columns - 1); }
};

std::vector<Phase> cells_of(const Row& row, const Axis& axis) {
  std::vector<std::array<double, kPhases>> share(static_cast<std::size_t>(axis.columns), std::array<double, kPhases>{});
  for (const Span& span : row.spans) {
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
  for (const Span& span : row.spans) {
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

std::string row_line(const Row& row, const std::vector<Phase>& cells, std::size_t margin, const TimelineStyle& style) {
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
  Rows collected;
  for (const Observation& o : drawn) collected.take(o);

  std::size_t widest = 0;
  std::int64_t until = std::max(drawn.back().elapsed_ns, from_ns + 1'000);
  const std::int64_t shown_until = until;
  Axis axis{from_ns, until, 0};
  std::vector<Row> rows = collected.finish(until);
  std::erase_if(rows, [&](const Row& row) { return row.spans.empty() || row.spans.back().end <= from_ns; });
  for (const Row& row : rows) widest = std::max(widest, std::min(row.name.size(), kLongestName));
  if (rows.empty()) return {};

  const std::size_t margin = widest + 3;
  axis.columns = std::max(20, style.width - static_cast<int>(margin) - 1);
  if (frozen) {
    axis.until += (until - from_ns) * kFrozenCells / (axis.columns - kFrozenCells);
    for (Row& row : rows) {
      if (row.spans.back().end == until) row.spans.push_back({Phase::frozen, until, axis.until});
    }
  }
  std::string out = axis_line(axis, margin, shown_until);
  for (const Row& row : rows) out += row_line(row, cells_of(row, axis), margin, style);
  return out;
}

}  // namespace mayfly::emulator
