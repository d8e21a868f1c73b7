// Every number's way: what Lambda gave away, what the backend has, and what the
// daemon says was lost. They must agree, life by life.
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

// The line that the daemon writes at the end.
struct Losses {
  bool told = false;
  std::uint64_t received = 0;
  std::uint64_t malformed = 0;
  std::uint64_t dropped = 0;
  std::map<std::string, std::uint64_t, std::less<>> causes;
};
// From what it wrote to standard error.
Losses read_losses(const std::string& errors);

// The records that one process of the daemon was given.
struct Life {
  Number first = 0;
  Number end = 0;  // behind the last
  bool killed = false;
  std::uint64_t malformed = 0;     // records that nobody can read
  std::vector<bool> acknowledged;  // from `first` on
};

struct Sums {
  std::uint64_t acknowledged = 0, unacknowledged = 0, kept = 0, duplicates = 0, missing = 0, killed = 0, uncertain = 0;
  std::map<std::string, std::uint64_t, std::less<>> dropped;
  std::uint64_t requests = 0;
};

class Books {
 public:
  // Compares one life's sides and adds to the sums. What does not fit is told in
  // complaints(), with the numbers that are missing.
  void close(const Life& life, const std::vector<Request>& requests, const Losses& losses);

  const Sums& sums() const { return sums_; }
  const std::vector<std::string>& complaints() const { return complaints_; }

 private:
  Sums sums_;
  std::vector<std::string> complaints_;
};

}  // namespace storm
