// `mayfly run` without its command line: the Invoke API and GET /metrics on one address and,
// behind it, execution environments that start when an invocation needs one, as
// on Lambda.
//
// Thread-safety: all of it on the thread that runs the io_context. That thread
// must outlive the service's children: they are killed when it ends.
//
// In a process there is one Service at a time: it takes SIGCHLD, makes the
// process a subreaper and reaps every child.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/failure.h"
#include "core/uri.h"
#include "emulator/observation.h"
#include "emulator/sandbox/file_view.h"
#include "emulator/sandbox/sandbox_group.h"
#include "emulator/settings.h"
#include "emulator/telemetry/metrics.h"

namespace boost::asio {
class io_context;
}

namespace mayfly::emulator {

class Service {
 public:
  // `observer` is called from inside the io_context, never from start().
  Service(boost::asio::io_context& io, Settings settings, Observer observer);
  // Kills and reaps what still runs. Call stop() first to give extensions and
  // runtime their time. The io_context must not run handlers afterwards.
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // Listens with the Invoke API; returns where. Starts no process.
  // Errors: Errc::refused, naming address and cause; Errc::not_found and
  // Errc::refused for an extension folder that is missing or unreadable.
  core::Outcome<core::Origin> start();
  // What of Lambda's limits holds here; after start().
  const Enforcement& enforcement() const;
  const FileLimits& file_limits() const;

  // Listens with the function's URL, too: after start(), with settings.url. When
  // that is the Invoke API's own address, they share it. Errors: Errc::refused.
  core::Outcome<core::Origin> start_url();

  // `what` of the function has changed: environments start anew, with these
  // variables of the user. Invocations that run end in theirs.
  void reload(std::string what, std::vector<std::pair<std::string, std::string>> environment);

  // Takes no more invocations, answers those that wait or run with a
  // ServiceException, shuts the environments down within Lambda's budgets (0,
  // 500 or 2,000 ms) and calls `done` once every child is reaped. From then on
  // the service keeps nothing pending in the io_context.
  void stop(std::function<void()> done);

  // SIGKILL to everything, now: for a user who does not want to wait for
  // stop(), whose `done` still follows. Before stop() it does nothing.
  void kill();

  const Metrics& metrics() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace mayfly::emulator
