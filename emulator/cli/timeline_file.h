// --timeline FILE.json: what ran when, in Chrome's trace event format [A], for
// ui.perfetto.dev and chrome://tracing. An environment is a "process" there, with
// a track for its calls and one for each of its processes.
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
  static Decided<std::unique_ptr<TimelineFile>> create(const std::string& path);
  ~TimelineFile();
  TimelineFile(const TimelineFile&) = delete;
  TimelineFile& operator=(const TimelineFile&) = delete;

  void observe(const Observation& o);
  // Why nothing is written any more: the disk is full, or the file; told once.
  std::string problem();

 private:
  struct Environment {
    ProcessPhases phases;
    std::size_t named = 0;      // rows that have their track
    std::int64_t call_ns = -1;  // when the call that runs began; -1: none runs
  };

  TimelineFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  void add_rows(std::uint32_t number, Environment& environment);
  void add_call(const Observation& o, Environment& environment);
  void add(const std::string& event);
  void write();
  void give_up(std::string why);

  const std::string path_;
  int fd_;
  std::map<std::uint32_t, Environment> environments_;
  std::string pending_;       // events, each with its comma
  std::int64_t written_ = 0;  // bytes before the closing bracket
  bool any_ = false;
  std::string problem_;
};

}  // namespace mayfly::emulator::cli
