#include "emulator/cli/run_view.h"

#include "emulator/cli/figures.h"

namespace mayfly::emulator::cli {
namespace {

using Kind = Observation::Kind;

constexpr Ink kSourceInks[] = {Ink::cyan, Ink::magenta, Ink::blue, Ink::yellow};

}  // namespace

std::string RunView::observe(const Observation& o) {
  switch (view_) {
    case View::none: return {};
    case View::output: return o.kind == Kind::log_line ? o.detail + "\n" : "";
    case View::log:
      if (o.kind == Kind::log_line)
        return paint(style_, o.external_extension ? ink_of(o.process) : Ink::plain, o.detail) + "\n";
      return o.kind == Kind::platform_line ? paint(style_, Ink::dim, o.detail) + "\n" : "";
    case View::json: return observation_json(o);
    case View::timeline: return show(o);
  }
  return {};
}

std::string RunView::show(const Observation& o) {
  if (o.kind == Kind::log_line) return log_line(o);
  if (concurrent_) return concurrent_->observe(o);
  if (o.kind == Kind::platform_line || o.kind == Kind::platform_event || o.kind == Kind::process_measured) return {};
  if (o.kind == Kind::invocation_accepted) {
    accepted_[o.number] = o;
    return {};
  }
  if (o.kind == Kind::throttled) {
    accepted_.erase(o.number);
    return paint(style_, Ink::dim, clock_text(o.time)) + " " +
           paint(style_, Ink::bold, "#" + std::to_string(o.number)) + " " + o.request_id.substr(0, 8) + " " +
           paint(style_, Ink::alarm, "THROTTLED") + "  429: every environment has a call\n";
  }
  if (o.environment == 0) return {};
  auto& view = environments_.try_emplace(o.environment, o.environment, style_, single_, freezes_).first->second;
  if (auto accepted = accepted_.find(o.number); accepted != accepted_.end()) {
    view.take_call(std::move(accepted->second));
    accepted_.erase(accepted);
  }
  std::string out = view.observe(o, environments_.size() == 1);
  if (o.kind == Kind::shutdown_ended && !single_) environments_.erase(o.environment);
  return out;
}

std::string RunView::finish() {
  std::string out;
  for (auto& [number, view] : environments_) out += view.finish();
  return out;
}

Ink RunView::ink_of(const std::string& source) {
  auto place = sources_.try_emplace(source, sources_.size()).first->second;
  return kSourceInks[place % std::size(kSourceInks)];
}

std::string RunView::log_line(const Observation& o) {
  std::string source = o.environment > 1 ? o.process + " " + std::to_string(o.environment) : o.process;
  return "  " + paint(style_, ink_of(o.process), source + " |") + " " + o.detail + "\n";
}

}  // namespace mayfly::emulator::cli
