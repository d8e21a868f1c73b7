// What a terminal, a file or a program sees of an environment at work: turns
// observations into text. It writes nothing itself.
//
//   timeline  warm successes in one line, pictures of what is worth a look:
//             cold starts, timeouts, crashes, the shutdown
//   log       the lines that CloudWatch would get
//   json      an event a line, in the Telemetry API's shape
//   output    what the function and its extensions write, and nothing else
//   none      nothing
//
// Thread-safety: one thread at a time.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "emulator/cli/terminal.h"
#include "emulator/observation.h"

namespace mayfly::emulator::cli {

struct Totals {
  std::int64_t calls = 0;
  std::int64_t errors = 0;  // what the function reported, crashes and timeouts included
  std::int64_t timeouts = 0;
  std::int64_t init_failures = 0;
  std::int64_t throttles = 0;  // refused with 429; none of the calls
  std::int64_t billed_ms = 0;
  double gb_seconds = 0;
};

enum class View { timeline, log, json, output, none };

class RunView {
 public:
  // `single`: one call and then the end, drawn as one picture.
  RunView(View view, Style style, bool single = false) : view_(view), style_(style), single_(single) {}

  // The text to write now; often empty.
  std::string observe(const Observation& o);

  // What `single` has kept back, once nothing more can be observed.
  std::string finish();

  // "stopped in 280.11 ms: 4 calls, 2 errors, 0 throttles, 3,077 ms, 0.385 GB-s".
  std::string summary(std::chrono::nanoseconds stopping) const;

  const Totals& totals() const { return totals_; }

 private:
  void count(const Observation& o);
  std::string show_call(const Observation& o);
  std::string end_call(const Observation& o);
  std::string draw_call();
  std::string end_shutdown();
  std::string header(const Observation& accepted);
  std::string picture(std::int64_t from_ns) const;
  std::string failure(const std::string& error, const std::string& cost) const;
  std::string log_line(const Observation& o);
  std::string result_line(const Report& report) const;
  std::string how_killed() const;
  void forget_call();

  const View view_;
  const Style style_;
  const bool single_;
  Totals totals_;
  std::vector<Observation> seen_;      // since the last call ended, and who was alive then
  std::vector<Observation> accepted_;  // calls that have not ended
  std::vector<std::string> sources_;   // of log lines, in order of appearance: each has its colour
  std::int64_t call_from_ns_ = -1;     // where the picture of this call begins
  std::string how_ = "warm";           // cold, re-init
  bool headed_ = false;
  bool finishing_ = false;
  std::optional<Report> ended_;  // of a call whose picture waits for the reset, or for finish()
};

// One observation as one line of JSON, newline included; empty for steps that
// only the timeline needs.
std::string observation_json(const Observation& o);

// One observation as a line for -v.
std::string observation_text(const Observation& o);

// "10:02:14.310", local time.
std::string clock_text(core::WallTime time);

}  // namespace mayfly::emulator::cli
