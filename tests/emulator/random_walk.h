// A lifecycle among processes, callers and a clock that do anything at any time.
// Every choice is a byte, so that a seed, a fuzzer and a file are the same thing:
// a walk that breaks a promise is one string of bytes, and shrinks by taking bytes
// away.
//
// What is promised, after every step, whatever came before:
//  - an accepted invocation is answered once, with its own answer; a streamed one
//    begins once and ends once; START, runtimeDone and REPORT come once each, in
//    that order, and nothing comes behind them;
//  - it is answered within Init's limit, one reset and its own timeout;
//  - events go to those who wait in `next`, were started and have not ended:
//    INVOKE and SHUTDOWN to those who asked for them, SHUTDOWN once, as the last;
//  - signals go to processes that run; a new set of processes comes when the one
//    before has ended, or has had SIGKILL and its time;
//  - while anything is under way an alarm is set; each Init that begins ends;
//  - frozen is only who is idle, and thaw follows freeze; whoever looks for a free
//    environment is told of one;
//  - deadline = start + timeout; no duration is negative or longer than the
//    timeout; the bill is not less than the duration;
//  - when nobody misbehaves any more, the next invocation succeeds; shut down, it
//    ends within its budgets, and nothing runs but what has had SIGKILL.

#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace mayfly::emulator::test {

struct Walk {
  std::string broken;              // the promise, in words; empty: all were kept
  std::vector<std::string> story;  // what was done and ordered
  std::set<std::string> seen;      // rare places that the walk has come by
};

enum class Walker { on_demand, managed };
Walk walk(Walker walker, std::span<const std::uint8_t> choices);

// The shortest walk found by leaving bytes out that still breaks a promise.
std::vector<std::uint8_t> shortest(Walker walker, std::vector<std::uint8_t> choices);

}  // namespace mayfly::emulator::test
