// What the timeline view shows of one environment: warm successes in one line,
// pictures of what is worth a look: cold starts, streams, timeouts, crashes, the
// shutdown.
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

class EnvironmentView {
 public:
  // `number`: the environment's; the first one is not named. `single`: one call
  // and then the end, drawn as one picture. `freezes`: a picture waits until the
  // environment is frozen, to show that it is.
  EnvironmentView(std::uint32_t number, Style style, bool single, bool freezes)
      : number_(number), style_(style), single_(single), freezes_(freezes) {}

  // The invocation that what follows is about, as it was accepted.
  void take_call(Observation accepted);

  // The text to write now; often empty. `alone`: there is no other environment
  // whose lines could come between, so that the head of a call may be written
  // before the rest of it.
  std::string observe(const Observation& o, bool alone);

  // What `single` has kept back, once nothing more can be observed.
  std::string finish();

 private:
  std::string header(const Observation& accepted);
  std::string end_call(const Observation& o);
  std::string draw_call();
  std::string end_shutdown();
  std::string picture(std::int64_t from_ns) const;
  std::string failure(const std::string& error, const std::string& cost) const;
  std::string result_line(const Report& report) const;
  std::string how_killed() const;
  void forget_call();

  const std::uint32_t number_;
  const Style style_;
  const bool single_, freezes_;
  std::vector<Observation> seen_;        // since the last call ended, and who was alive then
  std::optional<Observation> accepted_;  // the call that has not ended
  std::int64_t call_from_ns_ = -1;       // where the picture of this call begins
  std::string how_ = "warm";             // cold, re-init
  bool headed_ = false;
  bool finishing_ = false;
  std::string head_;             // of that picture, unless it was written before
  std::optional<Report> ended_;  // of a call whose picture waits for freeze or reset, or for finish()
};

}  // namespace mayfly::emulator::cli
