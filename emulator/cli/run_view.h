// What a terminal, a file or a program sees of environments at work: turns
// observations into text. It writes nothing itself.
//
//   timeline  lines and pictures, see EnvironmentView and ConcurrentView
//   log       the lines that CloudWatch would get
//   json      an event a line, in the Telemetry API's shape
//   output    what the function and its extensions write, and nothing else
//   none      nothing
//
// Thread-safety: one thread at a time.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "emulator/cli/concurrent_view.h"
#include "emulator/cli/environment_view.h"
#include "emulator/cli/terminal.h"
#include "emulator/observation.h"

namespace mayfly::emulator::cli {

enum class View { timeline, log, json, output, none };

class RunView {
 public:
  // `single` and `freezes`: see EnvironmentView. `concurrent`: calls overlap in an
  // environment.
  RunView(View view, Style style, bool single = false, bool freezes = false, bool concurrent = false)
      : view_(view), style_(style), single_(single), freezes_(freezes) {
    if (concurrent) concurrent_.emplace(style);
  }

  // The text to write now; often empty.
  std::string observe(const Observation& o);

  // What `single` has kept back, once nothing more can be observed.
  std::string finish();

 private:
  std::string show(const Observation& o);
  std::string log_line(const Observation& o);
  Ink ink_of(const std::string& source);

  const View view_;
  const Style style_;
  const bool single_, freezes_;
  std::map<std::uint32_t, Observation> accepted_;  // calls that have no environment yet, by number
  std::map<std::uint32_t, EnvironmentView> environments_;
  std::optional<ConcurrentView> concurrent_;
  std::map<std::string, std::size_t, std::less<>> sources_;  // of log lines: their place, for the colour
};

// One observation as one line of JSON, newline included; empty for steps that
// only the timeline needs.
std::string observation_json(const Observation& o);

// One observation as a line for -v; empty for what is a line of the log anyway.
std::string observation_text(const Observation& o);
// The same without times and newline.
std::string observation_words(const Observation& o);

}  // namespace mayfly::emulator::cli
