#include "emulator/cli/concurrent_view.h"

#include <algorithm>

#include "emulator/cli/figures.h"

namespace mayfly::emulator::cli {
namespace {

using Kind = Observation::Kind;

// Of an error's message, in its line; the caller of the function gets all of it.
constexpr std::size_t kMaxErrorBytes = 200;

std::string error_of(const Report& report) {
  std::string out = report.error_type;
  if (!report.error_message.empty()) out += ": " + report.error_message;
  if (out.size() > kMaxErrorBytes) {
    auto end = kMaxErrorBytes;
    while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0) == 0x80) --end;
    out = out.substr(0, end) + "...";
  }
  std::ranges::replace_if(
      out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return out;
}

}  // namespace

std::string ConcurrentView::line(const Observation& o, const std::string& text) const {
  std::string out = paint(style_, Ink::dim, clock_text(o.time)) + " ";
  if (o.number > 0) {
    out += paint(style_, Ink::bold, "#" + std::to_string(o.number)) + " " + o.request_id.substr(0, 8) + " ";
  }
  if (o.environment > 1) out += "env " + std::to_string(o.environment) + " ";
  return out + text + "\n";
}

std::string ConcurrentView::observe(const Observation& o) {
  switch (o.kind) {
    case Kind::throttled:
      return line(o, paint(style_, Ink::alarm, "THROTTLED") + "  429: every environment has all the calls it may have");
    case Kind::init_started: init_from_ns_ = o.elapsed_ns; return {};
    case Kind::init_ended: {
      if (o.detail != "success") return line(o, paint(style_, Ink::alarm, "INIT FAILED") + "  " + exit_);
      return line(o, "ready in " + milliseconds(std::chrono::nanoseconds(o.elapsed_ns - init_from_ns_)) + " ms");
    }
    case Kind::invocation_started: ++open_; return {};
    case Kind::invocation_ended: {
      if (open_ > 0) --open_;
      const Report& report = o.report;
      std::string beside = open_ > 0 ? "  " + std::to_string(open_) + " open" : "";
      if (report.status == "success") {
        return line(o, paint(style_, Ink::green, "200") + "  " + milliseconds(report.duration) + " ms" + beside);
      }
      if (report.status == "timeout") {
        return line(o, paint(style_, Ink::alarm, "TIMEOUT") + "  " + duration_text(report.duration) +
                           " reached; the code runs on" + beside);
      }
      return line(o, paint(style_, Ink::alarm, "ERROR") + "  " + error_of(report) + "  " +
                         milliseconds(report.duration) + " ms" + beside);
    }
    case Kind::process_exited: exit_ = o.process + " ended: " + o.detail; return {};
    case Kind::shutdown_started:
      if (o.detail == "spindown") return {};
      return line(o, "the environment ends (" + (exit_.empty() ? o.detail : exit_) + ") and is replaced");
    default: return {};
  }
}

}  // namespace mayfly::emulator::cli
