// What the environment uses, from /proc and /tmp. In Lambda /proc/stat and
// /proc/net/dev are those of the environment's own virtual machine; elsewhere
// they are the whole machine's.
//
// What cannot be read costs only the figure that needs it: a container may have
// no /proc/stat, and with hidepid other processes are not seen, where a count of
// the visible ones would be wrong.

#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace mayfly::telemetry {

struct Usage {
  // Since the machine started.
  std::optional<double> cpu_user_s;
  std::optional<double> cpu_system_s;
  std::optional<std::uint64_t> received_bytes;  // all interfaces but loopback
  std::optional<std::uint64_t> sent_bytes;

  // At the moment.
  std::optional<std::uint64_t> memory_bytes;  // in use: MemTotal less MemAvailable
  std::optional<std::uint64_t> tmp_bytes;     // in use
  std::optional<std::uint64_t> tmp_limit_bytes;
  std::optional<std::uint64_t> threads;           // of all processes
  std::optional<std::uint64_t> file_descriptors;  // open in all processes

  // The daemon's own.
  std::optional<double> own_cpu_s;
  std::optional<std::uint64_t> own_memory_bytes;  // resident
};

// Thread-safety: one thread at a time.
class UsageReader {
 public:
  explicit UsageReader(std::string proc = "/proc", std::string tmp = "/tmp")
      : proc_(std::move(proc)), tmp_(std::move(tmp)) {}

  Usage read();

  // Walking through all processes is the dear part: at most this often, and not
  // where there are more than kMaxProcesses.
  static constexpr std::chrono::seconds kProcessesEvery{10};
  static constexpr int kMaxProcesses = 64;

 private:
  void read_cpu(Usage& usage);
  void read_network(Usage& usage);
  void read_memory(Usage& usage);
  void read_tmp(Usage& usage);
  void read_processes(Usage& usage);
  void read_own(Usage& usage);

  std::string proc_;
  std::string tmp_;
  std::optional<std::chrono::steady_clock::time_point> processes_read_;
};

}  // namespace mayfly::telemetry
