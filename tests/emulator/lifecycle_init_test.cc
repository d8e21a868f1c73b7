// Start and Init, and what follows when they fail: the state machine alone.

#include <algorithm>

#include "tests/emulator/lifecycle_fixture.h"

using namespace mayfly::emulator;
using namespace mayfly::emulator::test;
using namespace std::chrono_literals;

TEST_CASE_FIXTURE(OnDemand, "nothing starts before the first invocation; then the runtime does, and gets the event") {
  CHECK(lifecycle.is_free());
  CHECK(world.take().empty());
  invoke();
  CHECK_FALSE(lifecycle.is_free());
  CHECK(world.take() == Lines{"init started, phase init", "start runtime"});
  pass(1'000ms);
  next();
  CHECK(world.take() == Lines{"init ended: success", "START cold", "event to runtime, deadline 4000"});
  respond();
  CHECK(world.take() == Lines{"answer ok"});
  CHECK_FALSE(lifecycle.is_free());
  next();
  CHECK(world.take() == Lines{"runtime done", "REPORT success", "settled"});
  CHECK(lifecycle.is_free());
}

TEST_CASE_FIXTURE(OnDemand, "the first report bills Init, the second does not") {
  invoke();
  pass(100ms);
  next();
  pass(10ms);
  respond();
  pass(1ms);
  next();
  CHECK(world.reports[0].init == 100ms);
  CHECK(world.reports[0].duration == 10ms);
  CHECK(world.reports[0].extensions == 1ms);
  CHECK(world.reports[0].billed_ms == 111);
  invoke();
  pass(1500us);
  respond();
  next();
  CHECK(world.reports[1].init == 0ms);
  CHECK(world.reports[1].billed_ms == 2);
}

TEST_CASE_FIXTURE(OnDemand, "the runtime starts when all extensions have registered, the call when all wait in next") {
  world.extensions = {"alpha", "beta"};
  invoke();
  CHECK(world.take() == Lines{"init started, phase init", "start alpha", "start beta"});
  auto alpha = enlist("alpha");
  CHECK(world.take().empty());
  auto beta = enlist("beta", false, true);
  CHECK(world.take() == Lines{"start runtime"});
  next(alpha);
  next();
  CHECK(world.take().empty());
  next(beta);
  CHECK(world.take() == Lines{"alpha is Ready", "beta is Ready", "init ended: success", "START cold",
                              "INVOKE to 1, deadline 3000", "event to runtime, deadline 3000"});
  respond();
  next();
  CHECK(world.take() == Lines{"answer ok", "runtime done"});
  next(alpha);  // and beta was not asked
  CHECK(world.take() == Lines{"REPORT success", "settled"});
}

TEST_CASE_FIXTURE(OnDemand,
                  "internal extensions register until the runtime's first next, and Init waits for their next") {
  invoke();
  auto internal = enlist("internal", false, false);
  next();
  CHECK(world.take() == Lines{"init started, phase init", "start runtime"});
  auto late = lifecycle.extension_register("late", {});
  REQUIRE_FALSE(late.has_value());
  CHECK(late.error().type == "Extension.RegistrationClosed");
  next(internal);
  CHECK(world.take().back() == "event to runtime, deadline 3000");
}

TEST_CASE_FIXTURE(OnDemand, "no more than ten extensions, and no name twice") {
  world.extensions = {"alpha"};
  invoke();
  enlist("alpha");
  CHECK(lifecycle.extension_register("alpha", {}).error().message ==
        "State transition from Registered to Registered failed for extension alpha. Error: State transition is not "
        "allowed");
  for (int i = 1; i < 10; ++i) enlist("internal" + std::to_string(i));
  CHECK(lifecycle.extension_register("internal1", {}).error().message == "Extension with this name already registered");
  auto eleventh = lifecycle.extension_register("eleventh", {});
  CHECK(eleventh.error().type == "Extension.TooManyExtensions");
}

TEST_CASE_FIXTURE(OnDemand, "an Init of ten seconds is given up, reset and tried again on the function's timeout") {
  invoke();
  CHECK(world.alarm_at == world.time + 10s);
  ring();
  CHECK(world.take() ==
        Lines{"init started, phase init", "start runtime", "init ended: timeout Runtime.Unknown", "kill 0"});
  lifecycle.process_exited(kRuntime, "signal: killed");
  CHECK(world.take() == Lines{"init started, phase invoke", "start runtime"});
  CHECK(world.alarm_at == world.time + 3s);
  next();
  respond();
  next();
  CHECK(world.reports.back().init == 0ms);
  CHECK(world.take().back() == "settled");
}

TEST_CASE_FIXTURE(OnDemand, "a runtime that a signal ends in Init is started again until the invocation's timeout") {
  world.extensions = {"agent"};
  invoke();
  enlist("agent");
  lifecycle.process_exited(kRuntime, "signal: segmentation fault");
  lifecycle.process_exited(1, "signal: killed");
  auto deadline = world.alarm_at;  // of the first try inside the invocation
  CHECK(deadline == world.time + 3s);
  world.take();
  std::vector<Clock::duration> pauses;
  for (int tries = 0; tries < 4; ++tries) {
    auto begun = world.time;
    enlist("agent");
    CHECK(world.alarm_at == deadline);
    lifecycle.process_exited(kRuntime, "signal: segmentation fault");
    lifecycle.process_exited(1, "signal: killed");
    CHECK(lifecycle.unanswered() == 1);
    ring();
    pauses.push_back(world.time - begun);
    auto told = world.take();
    CHECK(std::ranges::count(told, "init ended: error Runtime.ExitError") == 1);
    CHECK(told.back() == "start agent");
  }
  CHECK(pauses == std::vector<Clock::duration>{100ms, 200ms, 400ms, 800ms});
  enlist("agent");
  lifecycle.process_exited(kRuntime, "signal: segmentation fault");
  lifecycle.process_exited(1, "signal: killed");
  world.take();
  ring();
  ring();  // the pause ends before the timeout, and so does the next try
  CHECK(world.time == deadline);
  auto told = world.take();
  CHECK(std::ranges::count(told, "answer Sandbox.Timedout") == 1);
  CHECK(world.reports.back().status == "timeout");
  CHECK(world.reports.back().duration == 3s);
}

TEST_CASE_FIXTURE(OnDemand, "a process that outlives its Init may end between two tries") {
  settings.timeout = 10s;
  world.extensions = {"agent"};
  invoke();
  lifecycle.process_exited(1, "exit status 1");  // Init once more, in the invocation
  enlist("agent");
  lifecycle.process_exited(kRuntime, "signal: segmentation fault");
  ring();
  CHECK(world.take().back() == "kill 1");
  ring();  // and it does not end
  CHECK(world.take().empty());
  lifecycle.process_exited(1, "signal: killed");
  CHECK(world.take().empty());
  ring();
  CHECK(world.take() == Lines{"init started, phase invoke", "start agent"});
}

TEST_CASE_FIXTURE(OnDemand, "between two tries of a crashed Init the timeout rings, and the end comes, as ever") {
  bool timeout = false;
  SUBCASE("timeout") { timeout = true; }
  SUBCASE("end") {}
  invoke();
  lifecycle.process_exited(kRuntime, "signal: aborted");
  pass(2950ms);
  lifecycle.process_exited(kRuntime, "signal: aborted");
  world.take();
  if (timeout) {
    ring();
    CHECK(world.take() == Lines{"START cold", "runtime done", "answer Sandbox.Timedout", "REPORT timeout", "settled"});
    CHECK(lifecycle.is_free());
  } else {
    lifecycle.shut_down();
    CHECK(world.take() == Lines{"abort", "settled"});
    CHECK(lifecycle.has_ended());
  }
}

TEST_CASE_FIXTURE(OnDemand,
                  "what ends by an exit, for want of memory or behind an init/error is not tried a third time") {
  std::string how = "signal: killed";
  bool out_of_memory = false, posted = false;
  SUBCASE("exit") { how = "exit status 1"; }
  SUBCASE("memory") { out_of_memory = true; }
  SUBCASE("init/error") { posted = true; }
  SUBCASE("asked not to") { settings.keep_trying_init = false; }
  invoke();
  lifecycle.process_exited(kRuntime, how, out_of_memory);
  if (posted) REQUIRE(lifecycle.runtime_init_error("{}", "Runtime.Late").has_value());
  lifecycle.process_exited(kRuntime, how, out_of_memory);
  CHECK(world.reports.back().status == "error");
  CHECK(lifecycle.is_free());
}

TEST_CASE_FIXTURE(OnDemand, "an Init that fails twice fails the call with what went wrong the second time") {
  invoke();
  lifecycle.process_exited(kRuntime, "exit status 1");
  CHECK(world.take() == Lines{"init started, phase init", "start runtime", "init ended: error Runtime.ExitError",
                              "init started, phase invoke", "start runtime"});
  REQUIRE(lifecycle.runtime_init_error("{}", "Runtime.Late").has_value());
  lifecycle.process_exited(kRuntime, "exit status 1");
  CHECK(world.take() == Lines{"init ended: error Runtime.Late", "START cold", "runtime done", "answer Runtime.Late",
                              "REPORT error", "settled"});
  CHECK(lifecycle.is_free());
}

TEST_CASE_FIXTURE(OnDemand, "a command that does not start fails the call without a process to end") {
  world.runtime_error = "Runtime.InvalidEntrypoint";
  invoke();
  auto told = world.take();
  CHECK(std::ranges::count(told, "answer Runtime.InvalidEntrypoint") == 1);
  CHECK(told.back() == "settled");
}
