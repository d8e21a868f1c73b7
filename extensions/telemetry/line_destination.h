// Standard output or a file, written as the lines come.
//
// Neither may stop the event loop: a pipe that nobody empties gets 200 ms once,
// and from then on only what it takes at once.

#pragma once

#include <memory>
#include <string>

#include "core/failure.h"
#include "extensions/telemetry/destination.h"

namespace mayfly::telemetry {

class LineDestination final : public Destination {
 public:
  // Appends to the file, which is created if need be (mode 0600).
  // Errors: Errc::refused, naming path and cause.
  static core::Outcome<std::unique_ptr<LineDestination>> open_file(const std::string& path);
  static std::unique_ptr<LineDestination> standard_output();

  ~LineDestination() override;
  LineDestination(const LineDestination&) = delete;
  LineDestination& operator=(const LineDestination&) = delete;

  std::string_view name() const override { return name_; }
  Encoding encoding() const override { return Encoding::ndjson; }
  bool takes(Signal signal) const override { return signal == Signal::logs; }
  bool immediate() const override { return true; }
  void enqueue(SharedBatch batch) override;
  Account account() override { return account_; }
  void close(const BatchQueue::Keep&) override {}

 private:
  LineDestination(int fd, bool owned, std::string name) : fd_(fd), owned_(owned), name_(std::move(name)) {}
  // How many bytes were taken.
  std::size_t write(std::string_view bytes);

  const int fd_;
  const bool owned_;
  const std::string name_;
  bool stuck_ = false;
  bool inside_line_ = false;  // the last line was written in part
  Account account_;
};

}  // namespace mayfly::telemetry
