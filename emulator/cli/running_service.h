// A Service at work in this process, with what both commands need around it: the
// view of its observations, and signals. The first SIGINT or SIGTERM stops it
// within Lambda's budgets, the second kills. SIGUSR1 asks what it does: see
// StatusBoard.

#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "core/uri.h"
#include "emulator/cli/function_files.h"
#include "emulator/cli/message.h"
#include "emulator/cli/run_view.h"
#include "emulator/sandbox/file_view.h"
#include "emulator/sandbox/sandbox_group.h"
#include "emulator/settings.h"
#include "emulator/telemetry/metrics.h"

namespace mayfly::emulator::cli {

class RunningService {
 public:
  struct Display {
    View view = View::log;
    std::function<std::string(const Observation&)> log;  // for stderr, beside the view; null: nothing
    bool quiet = false;                                  // no notes
    bool single = false;                                 // see RunView
    int fd = 1;                                          // where the view is written
    Style style;                                         // of that descriptor
    Style error_style;                                   // of stderr
    bool attach = false;                                 // say how a debugger gets to each process
    std::string log_folder;                              // see LogFolder; empty: none
    std::string timeline_file;                           // see TimelineFile; empty: none
  };

  // SIGINT and SIGTERM are taken from here on.
  RunningService(Settings settings, Display display);
  ~RunningService();
  RunningService(const RunningService&) = delete;
  RunningService& operator=(const RunningService&) = delete;

  // Listens; starts no process. Errors: kNoConnection, naming who has the port;
  // kUsage for a timeline file or log folder that cannot be written.
  Decided<core::Origin> start();
  // The same with the function's URL, when the settings have one; after start().
  Decided<core::Origin> start_url();

  // After start().
  const Enforcement& enforcement() const;
  const FileLimits& file_limits() const;

  // Changed files of the function: see Changes. `environment` reads the user's
  // variables once more. After start(). Errors: kCannotStart when --watch cannot
  // see the files.
  using ReadEnvironment = std::function<Decided<std::vector<std::pair<std::string, std::string>>>()>;
  Decided<void> watch(const Changes& changes, ReadEnvironment environment);

  // Serves until it is stopped, on the calling thread, which must be the same
  // one from then to the end of the process's children.
  void run();

  // As a first signal does. From any thread.
  void stop();

  // After run() has returned:
  int signal() const;                         // the first one that came, 0 when stop() ended it
  std::chrono::nanoseconds stopping() const;  // how long it took
  const Metrics& metrics() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// What --view, --json and --quiet make of a stream.
View view_of(std::string_view view, bool json, bool quiet, const Style& style);

}  // namespace mayfly::emulator::cli
