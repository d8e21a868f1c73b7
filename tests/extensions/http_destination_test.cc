#include "extensions/telemetry/http_destination.h"

#include <doctest/doctest.h>

#include "tests/extensions/backend.h"

using namespace mayfly;
using namespace mayfly::telemetry;
using namespace std::chrono_literals;

namespace {

HttpDestination::Options options(const Backend& backend) {
  HttpDestination::Options options;
  options.route.backend = {"127.0.0.1", static_cast<std::uint16_t>(backend.port())};
  return options;
}

// An ExportLogsServiceRequest of one empty resource.
SharedBatch one_record() {
  return std::make_shared<const Batch>(Batch{std::string("\x0a\x00", 2), 1, Signal::logs, false, {}});
}

Window window(Window::Phase phase, std::chrono::milliseconds left) {
  return {phase, std::chrono::steady_clock::now() + left};
}

}  // namespace

TEST_CASE("a request that was waited for in vain is waited for once more at shutdown, and not before") {
  Backend backend({{.kind = Behaviour::never_answer}});
  HttpDestination destination(options(backend));
  destination.enter(window(Window::Phase::flushing, 60s));
  CHECK(destination.settled());
  destination.enqueue(one_record());
  backend.wait_requests(1);
  CHECK_FALSE(destination.settled());
  destination.was_late();
  CHECK(destination.settled());
  destination.enqueue(one_record());
  CHECK(destination.settled());
  destination.enter(window(Window::Phase::closing, 60s));
  CHECK_FALSE(destination.settled());
  destination.close([](const QueuedBatch&) { return Place::shutdown; });
  CHECK(destination.account().count(Place::shutdown) == 2);
}

TEST_CASE("nothing is begun while the environment may be frozen") {
  Backend backend;
  HttpDestination destination(options(backend));
  destination.enqueue(one_record());
  CHECK(destination.settled());
  CHECK(destination.account().count(Place::queued) == 1);
  destination.enter(window(Window::Phase::running, 60s));
  backend.wait_requests(1);
}
