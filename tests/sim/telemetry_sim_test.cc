// The simulation of telemetry_sim.h over fixed seeds, in which every rare place is
// come by, and over fresh ones. A failure prints the shortest run found, its
// timeline and its bytes; as a file in tests/fuzz/seeds/telemetry_sim it is never
// forgotten.

#include "tests/sim/telemetry_sim.h"

#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <random>

using namespace mayfly::telemetry::test;

namespace {

// MAYFLY_SIM_FROM and MAYFLY_SIMS choose others.
constexpr unsigned kSeeds = 2'000;
constexpr unsigned kFreshSeeds = 200;

unsigned variable(const char* name, unsigned otherwise) {
  const char* given = std::getenv(name);
  return given ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : otherwise;
}

std::vector<std::uint8_t> bytes_of(unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::uint8_t> bytes(40 + random() % 500);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

std::string told(const std::vector<std::uint8_t>& choices) {
  auto least = shortest(choices);
  auto result = simulate(least);
  std::string text = "broken: " + result.broken + "\n";
  for (const auto& line : result.story) text += line + "\n";
  text += "printf '";
  char byte[8];
  for (auto one : least) {
    std::snprintf(byte, sizeof byte, "\\x%02x", one);
    text += byte;
  }
  return text + "'";
}

std::set<std::string> keeps_its_promises(unsigned first, unsigned count) {
  std::set<std::string> seen;
  for (unsigned seed = first; seed < first + count; ++seed) {
    auto choices = bytes_of(seed);
    auto result = simulate(choices);
    seen.merge(result.seen);
    if (!result.broken.empty()) FAIL("seed " << seed << ", " << told(choices));
  }
  return seen;
}

}  // namespace

TEST_CASE("whatever backends, freezes and clocks do, every record arrives or is counted, and nothing is held up") {
  auto seen = keeps_its_promises(variable("MAYFLY_SIM_FROM", 0), variable("MAYFLY_SIMS", kSeeds));
  if (std::getenv("MAYFLY_SIMS")) return;
  for (const char* place : {"delivered",
                            "rejected",
                            "queue_full",
                            "too_large",
                            "http_3xx",
                            "http_4xx",
                            "http_5xx",
                            "auth",
                            "expired",
                            "shutdown",
                            "spooled",
                            "recovered",
                            "killed",
                            "timeout",
                            "split",
                            "response_unparsed",
                            "credentials refreshed",
                            "opened: no answer",
                            "opened: thrice later",
                            "opened: Retry-After",
                            "opened: credentials",
                            "closed",
                            "opened again",
                            "probe",
                            "free resend",
                            "given up",
                            "late",
                            "held open",
                            "the last report was waited for",
                            "frozen with a request under way",
                            "thawed with an answer waiting",
                            "a connection died in the freeze",
                            "wall clock jumped",
                            "copied before a deadline",
                            "earlier life: killed",
                            "spool_full",
                            "spool_io"}) {
    // A run that never comes by a place proves nothing about it.
    CHECK_MESSAGE(seen.contains(place), std::string(place));
  }
}

TEST_CASE("the same with seeds that nobody has seen") { keeps_its_promises(std::random_device{}(), kFreshSeeds); }
