#include "tests/sim/telemetry_sim.h"

#include <algorithm>
#include <utility>

#include "tests/sim/world.h"

namespace mayfly::telemetry::test {

Simulated simulate(std::span<const std::uint8_t> choices) {
  Simulated out;
  try {
    World(choices, out).run();
  } catch (const Broken& broken) {
    out.broken = broken.what;
  }
  return out;
}

std::vector<std::uint8_t> shortest(std::vector<std::uint8_t> choices) {
  auto breaks = [](const std::vector<std::uint8_t>& bytes) { return !simulate(bytes).broken.empty(); };
  for (std::size_t piece = choices.size(); piece > 0; piece /= 2) {
    for (std::size_t at = 0; at < choices.size();) {
      auto shorter = choices;
      auto from = shorter.begin() + static_cast<std::ptrdiff_t>(at);
      auto to = shorter.begin() + static_cast<std::ptrdiff_t>(std::min(at + piece, choices.size()));
      shorter.erase(from, to);
      if (breaks(shorter)) {
        choices = std::move(shorter);
        continue;
      }
      auto duller = choices;
      std::fill(duller.begin() + static_cast<std::ptrdiff_t>(at),
                duller.begin() + static_cast<std::ptrdiff_t>(std::min(at + piece, choices.size())), std::uint8_t{0});
      if (duller != choices && breaks(duller)) choices = std::move(duller);
      at += piece;
    }
  }
  return choices;
}

}  // namespace mayfly::telemetry::test
