#include "emulator/cli/process_phases.h"

#include <algorithm>
#include <utility>

namespace mayfly::emulator {

void ProcessRow::enter(Phase next, std::int64_t at) {
  if (next == phase) return;
  if (phase != Phase::absent && at > since) spans.push_back({phase, since, at});
  phase = next;
  since = at;
}

// True: there is nothing else to it.
bool ProcessPhases::take_concurrent(const Observation& o) {
  if (o.kind != Observation::Kind::invocation_started && o.kind != Observation::Kind::invocation_ended)
    return o.kind == Observation::Kind::responded || o.kind == Observation::Kind::response_began;
  if (o.kind == Observation::Kind::invocation_started) {
    ++open_;
  } else if (open_ > 0) {
    --open_;
  }
  for (ProcessRow& row : rows_) {
    if (row.alive() && !row.external && !ending_ && !init_failed_)
      row.enter(open_ > 0 ? Phase::handler : Phase::waiting, o.elapsed_ns);
  }
  return true;
}

void ProcessPhases::take(const Observation& o) {
  if (concurrent_ && take_concurrent(o)) return;
  const std::int64_t at = o.elapsed_ns;
  switch (o.kind) {
    case Observation::Kind::process_started: {
      ending_ = false;
      ProcessRow& row = named(o.process, o.external_extension);
      row.has_event = false;
      row.enter(Phase::init, at);
      break;
    }
    case Observation::Kind::process_ready:
    case Observation::Kind::process_idle:
      if (ProcessRow* row = find(o.process); row && row->alive() && !ending_) {
        row->has_event = false;
        row->enter(Phase::waiting, at);
      }
      break;
    case Observation::Kind::init_started: init_failed_ = false; break;
    case Observation::Kind::init_ended: init_failed_ = o.detail != "success"; break;
    case Observation::Kind::invocation_started:
      if (init_failed_) break;  // it is announced so that it can be answered, but nobody got the event
      for (ProcessRow& row : rows_) {
        if (!row.alive()) continue;
        row.has_event = row.external;
        row.enter(row.external ? Phase::waiting : Phase::handler, at);
      }
      break;
    case Observation::Kind::response_began:
      if (ProcessRow* row = find(o.process); row && row->alive()) row->enter(Phase::streaming, at);
      break;
    case Observation::Kind::responded:
      for (ProcessRow& row : rows_) {
        if (row.alive() && (!row.external || row.has_event)) row.enter(Phase::after, at);
      }
      break;
    case Observation::Kind::reset_started:
    case Observation::Kind::shutdown_started:
      ending_ = true;
      resetting_ = o.kind == Observation::Kind::reset_started;
      enter_all(Phase::stopping, at);
      break;
    case Observation::Kind::frozen: enter_all(Phase::frozen, at); break;
    case Observation::Kind::thawed: enter_all(Phase::waiting, at); break;
    case Observation::Kind::process_killed:
      if (ProcessRow* row = find(o.process); row && row->alive()) end(*row, o.detail == "SIGKILL", at);
      break;
    case Observation::Kind::process_exited:
      if (ProcessRow* row = find(o.process); row && row->alive()) {
        // Who leaves when asked to has not crashed; after a timeout no one is asked.
        if (!ending_ || (resetting_ && o.detail.starts_with("signal"))) row->kills.push_back(at);
        row->enter(Phase::absent, at);
      }
      break;
    default: break;
  }
}

std::vector<ProcessRow> ProcessPhases::finish(std::int64_t at) {
  enter_all(Phase::absent, at);
  std::ranges::stable_partition(rows_, [](const ProcessRow& row) { return row.external; });
  return std::move(rows_);
}

void ProcessPhases::end(ProcessRow& row, bool at_once, std::int64_t at) {
  if (at_once) row.kills.push_back(at);
  row.enter(at_once ? Phase::absent : Phase::stopping, at);
}

void ProcessPhases::enter_all(Phase phase, std::int64_t at) {
  for (ProcessRow& row : rows_) {
    if (row.alive()) row.enter(phase, at);
  }
}

ProcessRow* ProcessPhases::find(std::string_view name) {
  auto found = std::ranges::find(rows_, name, &ProcessRow::name);
  return found == rows_.end() ? nullptr : &*found;
}

ProcessRow& ProcessPhases::named(const std::string& name, bool external) {
  if (ProcessRow* row = find(name)) return *row;
  ProcessRow row;
  row.name = name;
  row.external = external;
  return rows_.emplace_back(std::move(row));
}

}  // namespace mayfly::emulator
