// What each process of one environment was doing when, made from its
// observations: for the picture on the terminal and for the timeline file.
//
// An extension that has an INVOKE event in hand while the handler still runs
// counts as waiting: until the answer it delays no one.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/observation.h"

namespace mayfly::emulator {

enum class Phase : std::uint8_t {
  absent,
  init,
  handler,
  streaming,  // the handler, its answer on the way
  after,      // the answer is given, `next` not yet called
  stopping,   // a reset or the shutdown
  waiting,    // in `next`
  frozen,
  killed,  // drawn, never lasting
};
inline constexpr std::size_t kPhases = 9;

struct PhaseSpan {
  Phase phase;
  std::int64_t begin, end;  // on the scale of elapsed_ns
};

struct ProcessRow {
  std::string name;
  bool external = false;
  bool has_event = false;  // an extension between an INVOKE event and its `next`
  Phase phase = Phase::absent;
  std::int64_t since = 0;
  std::vector<PhaseSpan> spans;     // those that are over; whoever reads them may clear them
  std::vector<std::int64_t> kills;  // when it was killed, or crashed; the same

  void enter(Phase next, std::int64_t at);
  bool alive() const { return phase != Phase::absent; }
};

class ProcessPhases {
 public:
  // `concurrent`: many calls at a time, of which extensions hear nothing: the
  // runtime works as long as there is one.
  explicit ProcessPhases(bool concurrent = false) : concurrent_(concurrent) {}

  void take(const Observation& o);

  // In the order of their first starts.
  std::vector<ProcessRow>& rows() { return rows_; }

  // Ends all phases. Extensions come first, each kind in the order of their starts.
  std::vector<ProcessRow> finish(std::int64_t at);

 private:
  bool take_concurrent(const Observation& o);
  void end(ProcessRow& row, bool at_once, std::int64_t at);
  void enter_all(Phase phase, std::int64_t at);
  ProcessRow* find(std::string_view name);
  ProcessRow& named(const std::string& name, bool external);

  const bool concurrent_;
  std::size_t open_ = 0;  // calls, where many run
  std::vector<ProcessRow> rows_;
  bool ending_ = false;  // a reset or shutdown is going on
  bool resetting_ = false;
  bool init_failed_ = false;
};

}  // namespace mayfly::emulator
