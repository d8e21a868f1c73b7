#include "emulator/cli/environment_view.h"

#include <algorithm>
#include <utility>

#include "emulator/cli/figures.h"
#include "emulator/cli/timeline.h"

namespace mayfly::emulator::cli {
namespace {

using Kind = Observation::Kind;

// Of an error's type and message; the caller of the function gets all of it.
constexpr std::size_t kMaxErrorBytes = 400;

// Crashes are shown by what ended the process first, for which Report has no field.
std::string exit_of(const std::vector<Observation>& seen) {
  auto first = std::ranges::find(seen, Kind::process_exited, &Observation::kind);
  return first == seen.end() ? "" : first->detail;
}

bool has(const std::vector<Observation>& seen, Kind kind) {
  return std::ranges::any_of(seen, [&](const Observation& o) { return o.kind == kind; });
}

bool init_has_failed(const std::vector<Observation>& seen) {
  auto last = std::ranges::find(seen.rbegin(), seen.rend(), Kind::init_ended, &Observation::kind);
  return last != seen.rend() && last->detail != "success";
}

// A process ended before there was an answer. (A failure is answered too, by
// the environment, so that there is an answer says nothing.)
bool has_crashed(const std::vector<Observation>& seen) {
  auto first = std::ranges::find_if(
      seen, [](const Observation& o) { return o.kind == Kind::process_exited || o.kind == Kind::responded; });
  return first != seen.end() && first->kind == Kind::process_exited;
}

bool any_alive(const std::vector<Observation>& seen) {
  std::ptrdiff_t alive = 0;
  for (const Observation& o : seen) alive += (o.kind == Kind::process_started) - (o.kind == Kind::process_exited);
  return alive > 0;
}

// The summands of the bill, as far as two decimals show them.
std::string costs(const Report& report, const std::vector<Observation>& seen, std::string_view extensions_label) {
  std::string out;
  if (report.init.count() > 0) out += "init " + milliseconds(report.init) + " + ";
  out += "function " + milliseconds(report.duration);
  if (report.extensions >= std::chrono::microseconds(5)) {
    bool extensions = std::ranges::any_of(seen, &Observation::external_extension);
    out += " + " + std::string(extensions ? extensions_label : "after") + " " + milliseconds(report.extensions);
  }
  return out + " = billed " + with_commas(report.billed_ms) + " ms";
}

// What the function said of its failure; the report has the service's category
// of that. In one line, whatever the function wrote into its message.
std::string error_of(const std::vector<Observation>& seen, const Report& report) {
  auto answer = std::ranges::find(seen, Kind::responded, &Observation::kind);
  bool own_words = report.status == "error" && answer != seen.end() && !answer->detail.empty();
  std::string out = own_words ? answer->detail : report.error_type;
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

std::string memory(const Report& report) {
  return std::to_string(report.max_memory_mb) + "/" + std::to_string(report.memory_mb) + " MB";
}

}  // namespace

void EnvironmentView::take_call(Observation accepted) {
  seen_.push_back(accepted);
  accepted_ = std::move(accepted);
}

std::string EnvironmentView::observe(const Observation& o, bool alone) {
  std::string out;
  bool begins = o.kind == Kind::init_started || o.kind == Kind::invocation_started || o.kind == Kind::shutdown_started;
  if (begins) out = draw_call();  // whatever the reset left unsaid
  seen_.push_back(o);
  if (begins && call_from_ns_ < 0) call_from_ns_ = o.elapsed_ns;
  switch (o.kind) {
    case Kind::init_started:
      if (how_ == "warm") how_ = o.detail == "invoke" ? "re-init" : "cold";
      // Whoever waits for a cold start sees at once that it has begun.
      if (accepted_ && !headed_ && alone) out += header(*accepted_) + "\n";
      break;
    case Kind::invocation_ended: out += end_call(o); break;
    case Kind::shutdown_ended:
      if (alone) out += end_shutdown();
      break;
    case Kind::reset_started:
    case Kind::process_exited:
      if (ended_ && has(seen_, Kind::reset_started) && !any_alive(seen_)) out += draw_call();
      break;
    case Kind::frozen: out += draw_call(); break;
    default: break;
  }
  return out;
}

std::string EnvironmentView::header(const Observation& o) {
  headed_ = true;
  return paint(style_, Ink::dim, clock_text(o.time)) + " " + paint(style_, Ink::bold, "#" + std::to_string(o.number)) +
         " " + o.request_id.substr(0, 8) + (number_ > 1 ? " env " + std::to_string(number_) : "") + " " +
         paint(style_, how_ == "warm" ? Ink::plain : Ink::yellow, how_);
}

std::string EnvironmentView::end_call(const Observation& o) {
  const Report& report = o.report;
  std::string out;
  bool reset_follows = report.status == "timeout" || has(seen_, Kind::process_exited) || init_has_failed(seen_);
  bool in_a_line = how_ == "warm" && !reset_follows && !single_ && !has(seen_, Kind::response_began);
  if (!headed_) out = header(accepted_ ? *accepted_ : o) + (in_a_line ? "  " : "\n");
  accepted_.reset();
  if (in_a_line) {
    out += report.status == "success"
               ? paint(style_, Ink::green, "200") + "  " + costs(report, seen_, "ext") + "\n"
               : failure(error_of(seen_, report), "billed " + with_commas(report.billed_ms) + " ms");
    forget_call();
    return out;
  }
  ended_ = report;
  head_ = std::move(out);
  // The freeze or reset belongs to the picture.
  return reset_follows || single_ || freezes_ ? "" : draw_call();
}

// The error beside its cost, or below it where the line is too short for both.
std::string EnvironmentView::failure(const std::string& error, const std::string& cost) const {
  auto room = static_cast<std::size_t>(style_.width) - 56;  // beside clock, number, id and bill
  std::string alarm = paint(style_, Ink::alarm, "ERROR") + "  ";
  return error.size() <= room ? alarm + error + "  " + cost + "\n" : alarm + cost + "\n  " + error + "\n";
}

std::string EnvironmentView::draw_call() {
  if (!ended_ || (single_ && !finishing_)) return {};
  std::string out = std::exchange(head_, {}) + picture(call_from_ns_) + result_line(*ended_);
  ended_.reset();
  forget_call();
  return out;
}

std::string EnvironmentView::end_shutdown() {
  if (single_) return {};
  std::string out;
  auto begin = std::ranges::find(seen_, Kind::shutdown_started, &Observation::kind);
  // Without an extension the end is one kill, and no picture shows more than that.
  if (begin != seen_.end() && std::ranges::any_of(seen_, &Observation::external_extension)) {
    out = paint(style_, Ink::dim, clock_text(begin->time)) + " " + paint(style_, Ink::bold, "shutdown") + " " +
          begin->detail + "\n" + picture(begin->elapsed_ns);
  }
  forget_call();
  return out;
}

std::string EnvironmentView::finish() {
  finishing_ = true;
  return draw_call();
}

std::string EnvironmentView::picture(std::int64_t from_ns) const {
  return draw_timeline(seen_, from_ns, {.width = style_.width, .ascii = style_.ascii, .colour = style_.colour});
}

std::string EnvironmentView::result_line(const Report& report) const {
  if (report.status == "success") {
    std::string figures = costs(report, seen_, "extensions") + "  " + memory(report);
    constexpr int kBefore = 6;  // " 200  "
    if (static_cast<int>(figures.size()) + kBefore > style_.width)
      figures = costs(report, seen_, "ext") + "  " + memory(report);
    std::string out = " " + paint(style_, Ink::green, "200") + "  " + figures + "\n";
    // Only a streamed response can succeed and carry an error, in its trailers.
    auto answer = std::ranges::find(seen_, Kind::responded, &Observation::kind);
    if (answer != seen_.end() && !answer->detail.empty()) {
      Report in_trailers;
      in_trailers.error_type = answer->detail;
      in_trailers.error_message = answer->message;
      out += "  " + paint(style_, Ink::alarm, "ERROR") + " behind the response  " + error_of(seen_, in_trailers) + "\n";
    }
    return out;
  }
  bool init_failed = init_has_failed(seen_), crashed = has_crashed(seen_);
  if (report.status == "timeout") {
    auto answer = std::ranges::find(seen_, Kind::responded, &Observation::kind);
    bool answered = answer != seen_.end() && answer->status != "timeout";
    std::string where = init_failed                        ? "the Init phase"
                        : answered                         ? "an extension, after the answer"
                        : has(seen_, Kind::response_began) ? "the handler, while it streamed"
                                                           : "the handler";
    return " " + paint(style_, Ink::alarm, "TIMEOUT") + "  " + duration_text(report.duration) + " reached in " + where +
           how_killed() + "\n";
  }
  if (crashed || init_failed) {
    std::string how = exit_of(seen_);
    return " " + paint(style_, Ink::alarm, init_failed ? "INIT FAILED" : "CRASH") + "  " +
           (how.empty() ? report.error_type : how + " (" + report.error_type + ")") + "; next call starts anew\n";
  }
  return " " + failure(error_of(seen_, report), "billed " + with_commas(report.billed_ms) + " ms  " + memory(report));
}

// "; SIGTERM ignored, killed at 3.60 s": what the runtime's end took.
std::string EnvironmentView::how_killed() const {
  bool asked = false;
  for (const Observation& o : seen_) {
    if (o.kind != Kind::process_killed || o.external_extension) continue;
    if (o.detail == "SIGTERM") {
      asked = true;
    } else {
      auto at = std::chrono::nanoseconds(o.elapsed_ns - call_from_ns_);
      return std::string(asked ? "; SIGTERM ignored, killed at " : "; killed at ") + duration_text(at);
    }
  }
  return "";
}

// Keeps what the next picture must know: which processes there are.
void EnvironmentView::forget_call() {
  std::vector<Observation> kept;
  for (Observation& o : seen_) {
    if (o.kind == Kind::process_started || o.kind == Kind::process_ready) {
      kept.push_back(std::move(o));
    } else if (o.kind == Kind::process_exited || (o.kind == Kind::process_killed && o.detail == "SIGKILL")) {
      std::erase_if(kept, [&](const Observation& k) { return k.process == o.process; });
    }
  }
  seen_ = std::move(kept);
  call_from_ns_ = -1;
  how_ = "warm";
  headed_ = false;
}

}  // namespace mayfly::emulator::cli
