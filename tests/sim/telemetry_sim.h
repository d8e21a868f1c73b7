// The daemon's pure parts (FlushPolicy, Delivery, Spool) in a simulated sandbox: a
// function that answers, overruns or is killed, a freezer, clocks that jump, and
// two backends that do anything a backend and a network can do. Hours pass in
// milliseconds, and nothing depends on anything but the bytes that are given:
// each choice is one of them, so that a seed, a fuzzer and a file are the same
// thing, and a failure shrinks by taking bytes away.
//
// The first bytes draw which faults there are and how often (each run has its own
// mix), the policy and the sizes, small ones, so that limits are met. Then come
// the invocations, at last a time without faults.
//
// What is promised, after every step:
//  - every record is held, delivered or counted under one cause, and never two of
//    them: what is held is looked at record by record;
//  - what the backends say they rejected is what is counted;
//  - a record arrives twice only if a request of unknown outcome carried it;
//  - the first arrivals of a life are in order;
//  - queues keep to their bound;
//  - requests begin only in the time of an invocation or of SHUTDOWN, those to a
//    backend that is taken for dead only beside a running function;
//  - `next` is asked for within 200 ms of the answer (`end`: its time) and 100 ms
//    before the deadline, at once by a policy that never waits, and a backend that
//    was waited for in vain is not waited for again before it has answered;
//  - SHUTDOWN is over within 1.5 s, 300 ms before its deadline;
//  - everything comes to rest;
//  - over all lives together, killed ones included, what was received is what was
//    delivered or dropped; only what was on disk and in memory when a life was
//    killed may be in both.
// Without faults, after 120 s: breakers closed, queues empty, nothing new lost.

#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace mayfly::telemetry::test {

struct Simulated {
  std::string broken;              // the promise, in words; empty: all were kept
  std::vector<std::string> story;  // the timeline
  std::set<std::string> seen;      // rare places that the run has come by
};

Simulated simulate(std::span<const std::uint8_t> choices);

// The shortest run found by leaving bytes out, or making them zero, that still
// breaks a promise.
std::vector<std::uint8_t> shortest(std::vector<std::uint8_t> choices);

}  // namespace mayfly::telemetry::test
