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

SharedBatch one_record() { return std::make_shared<const Batch>(Batch{"x", 1}); }

}  // namespace

TEST_CASE("a request that was waited for in vain is waited for once more at shutdown, and not before") {
  Backend backend({{.kind = Behaviour::never_answer}});
  HttpDestination destination(options(backend));
  CHECK(destination.settled(200ms));
  destination.enqueue(one_record());
  backend.wait_requests(1);
  CHECK_FALSE(destination.settled(200ms));
  destination.was_late();
  CHECK(destination.settled(200ms));
  destination.enqueue(one_record());
  CHECK(destination.settled(200ms));
  destination.hurry(core::Deadline::after(60s));
  CHECK_FALSE(destination.settled(200ms));
  CHECK(destination.close().count(Place::shutdown) == 2);
}
