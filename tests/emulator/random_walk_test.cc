// Both state machines among processes, callers and a clock that do anything: see
// random_walk.h for what is promised. A failure prints the shortest walk found and
// its bytes; as a file in tests/fuzz/seeds/lifecycle it is never forgotten.

#include "tests/emulator/random_walk.h"

#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <random>

using namespace mayfly::emulator::test;

namespace {

// MAYFLY_WALK_FROM and MAYFLY_WALKS choose others.
constexpr unsigned kSeeds = 3'000;

unsigned variable(const char* name, unsigned otherwise) {
  const char* given = std::getenv(name);
  return given ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : otherwise;
}

std::vector<std::uint8_t> bytes_of(unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::uint8_t> bytes(20 + random() % 300);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

std::string told(Walker walker, const std::vector<std::uint8_t>& choices) {
  auto least = shortest(walker, choices);
  auto result = walk(walker, least);
  std::string text = "broken: " + result.broken + "\n";
  for (const auto& line : result.story) text += line + "\n";
  text += "printf '\\" + std::string(walker == Walker::managed ? "x01" : "x00");
  char byte[8];
  for (auto one : least) {
    std::snprintf(byte, sizeof byte, "\\x%02x", one);
    text += byte;
  }
  return text + "'";
}

// Returns what was seen on the way.
std::set<std::string> keeps_its_promises(Walker walker) {
  std::set<std::string> seen;
  const unsigned first = variable("MAYFLY_WALK_FROM", 0);
  const unsigned behind = first + variable("MAYFLY_WALKS", kSeeds);
  for (unsigned seed = first; seed < behind; ++seed) {
    auto choices = bytes_of(seed);
    auto result = walk(walker, choices);
    seen.merge(result.seen);
    if (result.broken.empty()) continue;
    FAIL("seed " << seed << ", " << told(walker, choices));
  }
  return seen;
}

// A walk that never comes by a place proves nothing about it.
void comes_by(const std::set<std::string>& seen, std::initializer_list<const char*> places) {
  for (const char* place : places) CHECK_MESSAGE(seen.contains(place), place);
}

}  // namespace

TEST_CASE("an environment that runs one call at a time keeps its promises, whatever happens") {
  auto seen = keeps_its_promises(Walker::on_demand);
  comes_by(seen, {"answered by success", "answered by Function.Error", "answered by Function.Init",
                  "answered by Function.Late", "answered by Function.ResponseSizeTooLarge",
                  "answered by Runtime.ExitError", "answered by Runtime.InvalidEntrypoint",
                  "answered by Runtime.OutOfMemory", "answered by Runtime.TruncatedResponse",
                  "answered by Sandbox.Timedout", "answered by Extension.Crash", "answered by Extension.ExitError",
                  "answered by Extension.InitError", "answered by Extension.LaunchError", "aborted"});
  comes_by(seen, {"stream ended by success", "stream ended by Function.Late", "stream ended by Runtime.ExitError",
                  "stream ended by Extension.Crash", "stream ended by Sandbox.Timedout",
                  "stream ended by Runtime.TruncatedResponse", "stream ended by Function.ResponseSizeTooLarge"});
  comes_by(seen, {"init in phase init",
                  "init in phase invoke",
                  "one more try of Init",
                  "init ended: success",
                  "init ended: error",
                  "init ended: timeout",
                  "REPORT success",
                  "REPORT error",
                  "REPORT timeout",
                  "REPORT failure",
                  "frozen",
                  "thawed",
                  "SHUTDOWN spindown",
                  "SHUTDOWN timeout",
                  "SHUTDOWN failure",
                  "the same event again",
                  "a process that survived SIGKILL is given up",
                  "refused with 400",
                  "refused with 403",
                  "refused with 410"});
}

TEST_CASE("an environment of Managed Instances keeps its promises, whatever happens") {
  auto seen = keeps_its_promises(Walker::managed);
  comes_by(seen,
           {"answered by success", "answered by Function.Error", "answered by Function.Init",
            "answered by Function.Late", "answered by Function.ResponseSizeTooLarge", "answered by Runtime.ExitError",
            "answered by Runtime.InvalidEntrypoint", "answered by Runtime.OutOfMemory",
            "answered by Runtime.TruncatedResponse", "answered by Runtime.Unknown", "answered by Sandbox.Timedout",
            "answered by Extension.Crash", "answered by Extension.ExitError", "answered by Extension.InitError",
            "answered by Extension.LaunchError", "answered by Client.DuplicatedInvokeId", "aborted"});
  comes_by(seen, {"stream ended by success", "stream ended by Function.Error", "stream ended by Function.Late",
                  "stream ended by Runtime.ExitError", "stream ended by Extension.Crash",
                  "stream ended by Sandbox.Timedout", "stream ended by Function.ResponseSizeTooLarge"});
  comes_by(seen, {"init ended: success", "init ended: error", "init ended: timeout", "SHUTDOWN spindown",
                  "SHUTDOWN timeout", "SHUTDOWN failure", "refused with 400", "refused with 410"});
}
