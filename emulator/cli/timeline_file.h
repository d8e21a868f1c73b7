// --timeline FILE.json: what ran when, in Chrome's trace event format [A], for
// ui.perfetto.dev and chrome://tracing. An environment is a "process" there, with
// a track for its calls and one for each of its processes. Spans of a track must
// lie within or behind one another [A]: calls that overlap get tracks of their own.
//
// Written as it happens: what is kept in memory is the call that runs. After every
// write the file is whole JSON, because each one begins over the closing bracket
// of the one before; so a killed mayfly leaves a file that opens, too.
//
// Thread-safety: one thread.
//
// [A] "Trace Event Format", JSON array format, Google, read 2026-11.

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "emulator/cli/message.h"
#include "emulator/cli/process_phases.h"
#include "emulator/observation.h"

namespace mayfly::emulator::cli {

class TimelineFile {
 public:
  // No viewer opens much more.
  static constexpr std::int64_t kMaxBytes = 256 * 1024 * 1024;

  // Creates or empties the file. Errors: kUsage, naming file and cause; also for
  // what is no file, a pipe for instance.
  // `concurrent`: calls overlap in an environment.
  static Decided<std::unique_ptr<TimelineFile>> create(const std::string& path, bool concurrent = false);
  ~TimelineFile();
  TimelineFile(const TimelineFile&) = delete;
  TimelineFile& operator=(const TimelineFile&) = delete;

  void observe(const Observation& o);
  // Why nothing is written any more: the disk is full, or the file; told once.
  std::string problem();

 private:
  struct Call {
    std::int64_t begin_ns;
    std::size_t lane;
  };
  struct Environment {
    explicit Environment(bool concurrent) : phases(concurrent) {}
    ProcessPhases phases;
    std::size_t named = 0;                // rows that have their track
    std::map<std::uint32_t, Call> calls;  // that run, by number
    std::vector<bool> lanes;              // true: a call runs on it
  };

  TimelineFile(std::string path, int fd, bool concurrent) : path_(std::move(path)), fd_(fd), concurrent_(concurrent) {}
  void begin_call(const Observation& o, Environment& environment);
  void add_rows(std::uint32_t number, Environment& environment);
  void add_call(const Observation& o, Environment& environment);
  void add(const std::string& event);
  void write();
  void give_up(std::string why);

  const std::string path_;
  int fd_;
  const bool concurrent_;
  std::map<std::uint32_t, Environment> environments_;
  std::string pending_;       // events, each with its comma
  std::int64_t written_ = 0;  // bytes before the closing bracket
  bool any_ = false, any_throttled_ = false;
  std::string problem_;
};

}  // namespace mayfly::emulator::cli
