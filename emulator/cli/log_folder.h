// The log as files, one for each environment, as CloudWatch Logs has a stream
// for each: lines of processes and of the platform, nothing else.
//
// DIR/<function>/<date>-<id>.log, from the name of the stream, in which id is
// all that tells two apart: slashes would make a folder of each day, and
// [$LATEST] has to be quoted in every shell.
//
// Thread-safety: one thread at a time.

#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "emulator/observation.h"

namespace mayfly::emulator::cli {

class LogFolder {
 public:
  LogFolder(std::filesystem::path folder, const std::string& function_name) : folder_(folder / function_name) {}
  ~LogFolder();
  LogFolder(const LogFolder&) = delete;
  LogFolder& operator=(const LogFolder&) = delete;

  // Appends. Returns what has gone wrong, once; nothing is written from then on.
  std::string observe(const Observation& o);

  // "2026-11-21-8f3c….log" of "2026/11/21/[$LATEST]8f3c…".
  static std::string file_name(std::string_view log_stream);

 private:
  int open_file(const std::string& log_stream);

  const std::filesystem::path folder_;
  std::map<std::uint32_t, int> files_;  // descriptors, by environment
  bool failed_ = false;
};

}  // namespace mayfly::emulator::cli
