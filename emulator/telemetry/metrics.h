// Counts what happens: for `GET /metrics` as Prometheus reads it [B], and for the
// end of `mayfly run`. The figures of a function are CloudWatch's metrics of it [A]
// under Prometheus's rules for names; those of each process answer what CloudWatch
// does not: what does this extension cost me?
//
// It only listens. An observation costs a lookup and an addition, never a system
// call.
//
// Thread-safety: one thread.
//
// [A] AWS Lambda Developer Guide, "Types of metrics for Lambda functions", read 2026-11.
// [B] Prometheus, "Exposition formats": text format 0.0.4.

#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "emulator/observation.h"

namespace mayfly::emulator {

struct Totals {
  std::int64_t calls = 0;   // that reached the function: none of those refused
  std::int64_t errors = 0;  // what the function reported, crashes and timeouts included
  std::int64_t timeouts = 0;
  std::int64_t failures = 0;  // of the environment: neither the function's nor a timeout
  std::int64_t init_failures = 0;
  std::int64_t throttles = 0;  // refused with 429
  std::int64_t billed_ms = 0;
  std::int64_t billed_mb_ms = 0;

  double gb_seconds() const { return static_cast<double>(billed_mb_ms) / 1'024'000; }
};

// What is billed: memory times time, of 1,024 MB and 1,000 ms.
double gb_seconds(std::int64_t billed_ms, int memory_mb);

// The runtime, or one extension, in all environments so far.
struct ProcessCost {
  std::string process;
  bool external_extension = false;
  std::int64_t starts = 0;
  std::int64_t inits = 0;                     // starts that came to their first `next`
  std::chrono::nanoseconds init{};            // the sum, from start to first `next`
  std::int64_t calls = 0;                     // that it came back to `next` from
  std::chrono::nanoseconds after_response{};  // the sum, from the function's answer to that `next`
  ProcessUsage usage;                         // cpu: the sum; the rest: the highest of one process

  void add(const ProcessUsage& of_one_process);
};

class Metrics {
 public:
  void observe(const Observation& o);

  const Totals& totals() const { return totals_; }
  // In the order of their first starts.
  std::vector<ProcessCost> processes() const;
  std::string page() const;  // text format 0.0.4

  static constexpr const char* kContentType = "text/plain; version=0.0.4; charset=utf-8";

 private:
  class Histogram {
   public:
    void add(std::chrono::nanoseconds duration);
    void print(std::string& out, const char* name, const char* help) const;

   private:
    // Upper bounds in seconds: from a warm call that only echoes to Lambda's longest.
    static constexpr std::array kBounds{.001, .0025, .005, .01, .025, .05, .1,  .25,
                                        .5,   1.,    2.5,  5.,  10.,  30., 60., 900.};
    std::array<std::int64_t, kBounds.size() + 1> counts_{};
    std::chrono::nanoseconds sum_{};
  };
  struct Process {
    std::size_t cost = 0;         // its place in costs_
    std::int64_t started_ns = 0;  // on the scale of elapsed_ns
    ProcessUsage usage;           // of this one: not yet in its cost
  };
  struct Environment {
    std::int64_t responded_ns = -1;  // in the invocation that runs; -1: not yet
    std::map<std::string, Process, std::less<>> processes;
  };

  void count_call(const Observation& o);
  void observe_process(const Observation& o, Environment& environment);
  void start_process(const Observation& o, Environment& environment);
  void print_processes(std::string& out) const;

  Totals totals_;
  Histogram duration_, init_duration_, after_response_;
  std::set<std::uint32_t> running_;  // invocations, by number
  std::map<std::uint32_t, Environment> environments_;
  std::vector<ProcessCost> costs_;
};

}  // namespace mayfly::emulator
