// What the timeline view shows of Managed Instances: calls overlap, so each is a
// line at its end, with how many are still open beside it.
//
// Thread-safety: one thread at a time.

#pragma once

#include <cstddef>
#include <string>

#include "emulator/cli/terminal.h"
#include "emulator/observation.h"

namespace mayfly::emulator::cli {

class ConcurrentView {
 public:
  explicit ConcurrentView(Style style) : style_(style) {}

  // The text to write now; often empty.
  std::string observe(const Observation& o);

 private:
  std::string line(const Observation& o, const std::string& text) const;

  const Style style_;
  std::size_t open_ = 0;  // calls that a worker has, or waits for
  std::string exit_;      // of the process whose end ended its environment
  std::int64_t init_from_ns_ = 0;
};

}  // namespace mayfly::emulator::cli
