// Every number's way: what Lambda gave away, what the backend has, and what the
// daemon says was lost on the way to it. They must agree for each environment: for the lives that
// follow one another in one /tmp, and inherit what the earlier ones could not send.
//
// An answer that the daemon may not have read makes the backend's side of a
// request uncertain to the daemon, never the other way round. So the daemon may
// count as lost what was kept by such a request, and send it again; all else is
// exact.

#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "stub_backend.h"

namespace storm {

using Counts = std::map<std::string, std::uint64_t, std::less<>>;  // records, by cause

// The line that the daemon writes at the end.
struct Losses {
  bool told = false;
  std::uint64_t received = 0;
  std::uint64_t malformed = 0;
  Counts causes;  // of the destination
};
// From what it wrote to standard error: the destination on this port.
Losses read_losses(const std::string& errors, int port);

// The records that one process of the daemon was given, and what it said.
struct Life {
  Number first = 0;
  Number end = 0;  // behind the last
  bool killed = false;
  std::uint64_t malformed = 0;     // records that nobody can read
  std::vector<bool> acknowledged;  // from `first` on
  Losses losses;                   // none of a life that was killed
};

struct Environment {
  std::vector<Life> lives;
  std::vector<Request> requests;
  // A life tells what died in the memory of the one before.
  bool kills_are_counted = false;
};

struct Sums {
  std::uint64_t acknowledged = 0, unacknowledged = 0, kept = 0, duplicates = 0, missing = 0, died = 0, uncertain = 0;
  Counts dropped;
  std::uint64_t requests = 0;
};

// One line a request: what was in it and what became of it.
std::string describe(const std::vector<Request>& requests);

class Books {
 public:
  // Compares the sides and adds to the sums. What does not fit is told in
  // complaints(), with the numbers that are missing.
  void close(const Environment& environment);

  const Sums& sums() const { return sums_; }
  const std::vector<std::string>& complaints() const { return complaints_; }

 private:
  Sums sums_;
  std::vector<std::string> complaints_;
};

}  // namespace storm
