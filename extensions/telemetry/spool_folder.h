// The files of the spool: everything it asks of the operating system.
//
// /tmp belongs to the function. The folder must be ours alone (owner, mode 0700,
// no link), and its files are opened by name within it, never through a link,
// never a pipe or a device, never one with a second name: what a function leaves
// at these names can cost telemetry, but neither a stuck daemon nor a file
// elsewhere. Locked while it is open: where two environments share /tmp (an
// emulator without mount namespaces) the second one has no spool.

#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/failure.h"

namespace mayfly::telemetry {

class SpoolFolder {
 public:
  struct Entry {
    std::string name;
    std::uint64_t bytes = 0;
  };

  virtual ~SpoolFolder() = default;
  // Errors of all: Errc::refused, naming call, file and cause.

  // In no order; at most 256 of them, and no ledger.
  virtual core::Outcome<std::vector<Entry>> list() = 0;
  // The whole file. Errors: also Errc::out_of_range when it is larger than `most`.
  virtual core::Outcome<std::string> read(const std::string& name, std::size_t most) = 0;
  // A new file of these parts. After an error there is none.
  virtual core::Outcome<void> create(const std::string& name, std::span<const std::string_view> parts) = 0;
  virtual core::Outcome<void> rename(const std::string& from, const std::string& to) = 0;
  virtual core::Outcome<void> remove(const std::string& name) = 0;
  // In the file system, for others than root.
  virtual std::uint64_t free_bytes() = 0;

  // One small file of its own, overwritten in place. Empty when there is none.
  virtual core::Outcome<std::string> read_ledger() = 0;
  virtual core::Outcome<void> write_ledger(std::string_view bytes) = 0;
};

// The real one. Makes the folder (its parent must exist) and takes the lock.
// Errors: Errc::refused when it is not ours alone, or locked.
core::Outcome<std::unique_ptr<SpoolFolder>> open_spool_folder(const std::string& path);

}  // namespace mayfly::telemetry
