// What joins the spool to the destinations: what they have not sent is left for
// the next life, and what an earlier life has left is sent.
//
// Nothing of it is on the way of an answer: the folder is opened after the first
// `next`, files are written only when an invocation is about to run into its
// deadline and when a reset ends this life, and what an earlier life has left is
// sent behind what is new, a segment at a time, once the backend takes something.
//
// Without a folder (switched off, not ours, another process has it) everything
// goes on in memory alone.
//
// Thread-safety: the event loop's.

#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "extensions/telemetry/destination.h"
#include "extensions/telemetry/spool.h"

namespace mayfly::telemetry {

class Persistence {
 public:
  // `folder`: empty for none. `memory_mb`: of the function, whose CPU comes with it;
  // 0: not known.
  Persistence(std::string folder, std::size_t memory_mb) : folder_(std::move(folder)), memory_mb_(memory_mb) {}

  // Destinations with a queue, by their fingerprints. They must outlive it.
  void add(Destination& destination, std::uint64_t fingerprint) { members_.push_back({&destination, fingerprint}); }

  // Once, after the first `next`; later calls do nothing. What is found lost is
  // counted with its destination; what belongs to none is one log line.
  void open();

  // After each event. `open_records`: how many a kill would take beside those in a
  // destination's queue: they are on their way there, or lost and nobody was told.
  // `live`: the function runs, so that there is time to send what an earlier life
  // has left.
  using OpenRecords = std::function<std::uint64_t(const Destination& destination)>;
  void update(const OpenRecords& open_records, bool live);

  // How long writing all that is unsent would take, and doing it: before a deadline.
  std::chrono::milliseconds writing_time() const;
  std::chrono::milliseconds longest_writing_time(std::size_t queue_bytes) const;
  void save_copies();

  // The environment ends, and /tmp with it: what an earlier life has left is sent
  // now or never.
  void load_all();

  // Nothing is sent any more. Closes all members: after a `reset` what they have
  // not sent is left for the next life, else it is dropped.
  void close(bool reset);

 private:
  struct Member {
    Destination* destination;
    std::uint64_t fingerprint;
  };

  bool load_one(const Member& member);
  void count(const std::vector<SpoolLoss>& losses);
  void close_member(const Member& member, bool reset);
  void tell_failure();

  const std::string folder_;
  const std::size_t memory_mb_;
  std::vector<Member> members_;
  bool opened_ = false;
  bool told_failure_ = false;
  std::optional<Spool> spool_;
  std::vector<Spool::InMemory> last_rows_;
};

}  // namespace mayfly::telemetry
