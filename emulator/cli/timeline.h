// One call, or one shutdown, drawn over time: a row for each process, extensions
// first, and what each was doing when.
//
//             0               10              20              30         40 ms
//  telemetry  ▒▒▒▒▒▒·················································▓▓▓▓▓~~~~
//  bootstrap  ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒████████████████████······~~~~
//
// ▒ init   █ handler   ▄ its answer is streamed   ▓ after the answer, or shutting down
// · nothing to do   ~ frozen   × killed or crashed
// and in ASCII: i # = + . ~ X

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "emulator/observation.h"

namespace mayfly::emulator {

struct TimelineStyle {
  int width = 80;  // columns, axis and names included
  bool ascii = false;
  bool colour = false;
};

// The axis and the rows, each ending in a newline; empty when no process is in
// the picture. `observations` in the order of time; those before `from_ns` (on
// the scale of elapsed_ns) only tell which processes there are. The axis begins
// at `from_ns` and ends with the last observation.
std::string draw_timeline(const std::vector<Observation>& observations, std::int64_t from_ns,
                          const TimelineStyle& style);

}  // namespace mayfly::emulator
