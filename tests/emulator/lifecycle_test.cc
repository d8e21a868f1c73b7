// Invocations, freeze, reset and shutdown, and what is refused: the state machine alone.

#include <algorithm>

#include "tests/emulator/lifecycle_fixture.h"

using namespace mayfly::emulator;
using namespace mayfly::emulator::test;
using namespace std::chrono_literals;

TEST_CASE_FIXTURE(OnDemand, "after a timeout the answer comes at once and the reset follows") {
  warm_up();
  invoke("b");
  world.take();
  ring();
  CHECK(world.take() == Lines{"runtime done", "answer Sandbox.Timedout", "REPORT timeout", "kill 0"});
  CHECK_FALSE(lifecycle.is_free());
  lifecycle.process_exited(kRuntime, "signal: killed");
  CHECK(world.take() == Lines{"settled"});
  invoke("c");
  CHECK(world.take() == Lines{"init started, phase invoke", "start runtime"});
  CHECK(world.reports.back().billed_ms == 3'000);
}

TEST_CASE_FIXTURE(OnDemand, "with an external extension: SIGTERM, 300 ms, SIGKILL, SHUTDOWN, 2 s, SIGKILL") {
  world.extensions = {"alpha", "beta", "gamma"};
  invoke();
  auto alpha = enlist("alpha"), beta = enlist("beta", true, false), gamma = enlist("gamma");
  for (const auto& each : {alpha, beta, gamma}) next(each);
  next();
  respond();
  next();
  next(alpha);
  next(beta);
  next(gamma);
  world.take();

  auto start = world.time;
  lifecycle.shut_down();
  CHECK(world.take() == Lines{"thaw", "terminate 0"});
  CHECK(world.alarm_at == start + 300ms);
  ring();
  CHECK(world.take() ==
        Lines{"kill 0", "SHUTDOWN spindown to 1, deadline 2000", "kill 2", "SHUTDOWN spindown to 3, deadline 2000"});
  lifecycle.process_exited(kRuntime, "signal: killed");
  lifecycle.process_exited(2, "signal: killed");
  lifecycle.process_exited(3, "");
  CHECK(world.take().empty());
  CHECK(world.alarm_at == start + 2s);
  ring();
  CHECK(world.take() == Lines{"kill 1"});
  lifecycle.process_exited(1, "signal: killed");
  CHECK(world.take() == Lines{"settled"});
  CHECK(lifecycle.has_ended());
}

TEST_CASE_FIXTURE(OnDemand, "with internal extensions only the runtime has 500 ms, with none nothing") {
  invoke();
  auto internal = enlist("internal", false, false);
  next();
  next(internal);
  world.take();
  SUBCASE("a runtime that obeys") {
    lifecycle.shut_down();
    CHECK(world.take() == Lines{"abort", "runtime done", "REPORT failure", "terminate 0"});
    CHECK(world.alarm_at == world.time + 500ms);
    lifecycle.process_exited(kRuntime, "");
    CHECK(world.take() == Lines{"settled"});
  }
  SUBCASE("a runtime that does not") {
    lifecycle.shut_down();
    world.take();
    ring();
    CHECK(world.take().front() == "kill 0");
    lifecycle.process_exited(kRuntime, "signal: killed");
    CHECK(lifecycle.has_ended());
  }
}

TEST_CASE_FIXTURE(OnDemand, "an extension that is still at work gets SHUTDOWN with its next call") {
  world.extensions = {"alpha"};
  invoke();
  auto alpha = enlist("alpha");
  next(alpha);
  next();
  world.take();
  ring();  // the function's timeout; alpha works, too
  CHECK(world.take() == Lines{"runtime done", "answer Sandbox.Timedout", "REPORT timeout", "terminate 0"});
  lifecycle.process_exited(kRuntime, "signal: terminated");
  CHECK(world.take().empty());
  next(alpha);
  CHECK(world.take() == Lines{"SHUTDOWN timeout to 1, deadline 5000"});
  lifecycle.process_exited(1, "");
  CHECK(world.take() == Lines{"settled"});
}

TEST_CASE_FIXTURE(OnDemand, "10 ms after everyone waits in next the environment is frozen, until the next event") {
  warm_up();
  CHECK(world.alarm_at == world.time + 10ms);
  ring();
  CHECK(world.take() == Lines{"freeze"});
  CHECK(lifecycle.is_free());
  pass(1h);
  invoke("b");
  CHECK(world.take() == Lines{"thaw", "START", "event to runtime, deadline 3603010"});
  CHECK(world.alarm_at == world.time + 3s);
  respond("ok", "b");
  next();
  world.take();
  pass(9ms);
  invoke("c");  // so soon that it was not frozen
  CHECK(world.take() == Lines{"thaw", "START", "event to runtime, deadline 3603019"});
}

TEST_CASE_FIXTURE(OnDemand, "a frozen environment is thawed before it is asked to end") {
  world.extensions = {"alpha"};
  invoke();
  auto alpha = enlist("alpha");
  next(alpha);
  next();
  respond();
  next();
  next(alpha);
  ring();
  CHECK(world.take().back() == "freeze");
  SUBCASE("by a shutdown") {
    lifecycle.shut_down();
    CHECK(world.take() == Lines{"thaw", "terminate 0"});
  }
  SUBCASE("by a reset") {
    lifecycle.process_exited(1, "signal: killed");
    CHECK(world.take() == Lines{"thaw", "kill 0"});
  }
}

TEST_CASE_FIXTURE(OnDemand, "nothing is frozen where it is not wanted") {
  settings.freeze = false;
  warm_up();
  CHECK(world.alarm_at == Clock::time_point::max());
}

TEST_CASE_FIXTURE(OnDemand, "a runtime that the kernel kills for want of memory is Runtime.OutOfMemory") {
  invoke();
  next();
  world.take();
  lifecycle.process_exited(kRuntime, "signal: killed", true);
  CHECK(world.take() == Lines{"runtime done", "answer Runtime.OutOfMemory", "REPORT error", "settled"});
  CHECK(world.reports.back().error_message == "RequestId: a Error: Runtime exited with error: signal: killed");
}

TEST_CASE_FIXTURE(OnDemand, "a process that exits between invocations resets the environment unseen by the next call") {
  warm_up();
  lifecycle.process_exited(kRuntime, "exit status 1");
  CHECK(world.take() == Lines{"thaw", "settled"});
  CHECK(lifecycle.is_free());
  invoke("b");
  CHECK(world.take() == Lines{"init started, phase invoke", "start runtime"});
}

TEST_CASE_FIXTURE(OnDemand, "shutdown answers what runs as aborted, in Init, too") {
  invoke();
  world.take();
  lifecycle.shut_down();
  CHECK(world.take() == Lines{"abort", "kill 0"});
  lifecycle.process_exited(kRuntime, "signal: killed");
  CHECK(world.take() == Lines{"settled"});
  CHECK(lifecycle.has_ended());
}

TEST_CASE_FIXTURE(OnDemand, "shutdown lets an invocation end that has been answered") {
  invoke();
  next();
  respond();
  world.take();
  SUBCASE("it ends") {
    lifecycle.shut_down();
    CHECK(world.take().empty());
    next();
    CHECK(world.take() == Lines{"runtime done", "REPORT success", "thaw", "kill 0"});
  }
  SUBCASE("it does not") {
    lifecycle.shut_down();
    CHECK(world.alarm_at == world.time + 2s);
    ring();  // the answer stands all the same
    CHECK(world.take() == Lines{"runtime done", "REPORT success", "kill 0"});
  }
  SUBCASE("it is killed") {
    lifecycle.shut_down();
    lifecycle.kill();
    CHECK(world.take() == Lines{"runtime done", "REPORT success", "kill 0"});
  }
  lifecycle.process_exited(kRuntime, "signal: killed");
  CHECK(lifecycle.has_ended());
}

TEST_CASE_FIXTURE(OnDemand, "whatever it was doing, an environment tells that its end begins, and that it has come") {
  auto told = [&](Observation::Kind kind) { return std::ranges::count(world.observed, kind); };
  invoke();
  SUBCASE("a reset") {
    next();
    ring();
    CHECK(told(Observation::Kind::reset_started) == 1);
    lifecycle.shut_down();
    lifecycle.process_exited(kRuntime, "signal: killed");
  }
  SUBCASE("nothing, after a reset") {
    next();
    lifecycle.process_exited(kRuntime, "signal: killed");
    REQUIRE(lifecycle.is_cold());
    lifecycle.shut_down();
  }
  SUBCASE("the work behind an answer, in which a process crashes") {
    world.extensions = {"alpha"};
    lifecycle.process_exited(kRuntime, "exit status 1");  // Init once more, with alpha
    next(enlist("alpha"));
    next();
    respond();
    lifecycle.shut_down();
    lifecycle.process_exited(kRuntime, "exit status 1");
    ring();
    lifecycle.process_exited(1, "signal: killed");
  }
  CHECK(lifecycle.has_ended());
  CHECK(told(Observation::Kind::shutdown_started) == 1);
  CHECK(told(Observation::Kind::shutdown_ended) == 1);
  lifecycle.shut_down();
  CHECK(told(Observation::Kind::shutdown_ended) == 1);
}

TEST_CASE_FIXTURE(OnDemand, "a second shut_down() does not prolong the first") {
  invoke();
  next();
  respond();
  lifecycle.shut_down();
  auto until = world.alarm_at;
  pass(1s);
  lifecycle.shut_down();
  CHECK(world.alarm_at == until);
}

TEST_CASE_FIXTURE(OnDemand, "an environment that shuts down owes no answer") {
  world.extensions = {"alpha"};
  invoke();
  next(enlist("alpha"));
  next();
  CHECK(lifecycle.unanswered() == 1);
  lifecycle.shut_down();
  CHECK(lifecycle.is_stopping());
  CHECK(lifecycle.unanswered() == 0);
}

TEST_CASE_FIXTURE(OnDemand, "kill() cuts a shutdown short") {
  world.extensions = {"alpha"};
  invoke();
  next(enlist("alpha"));
  world.take();
  lifecycle.shut_down();
  world.take();
  lifecycle.kill();
  CHECK(world.take() == Lines{"kill 0", "kill 1"});
}

TEST_CASE_FIXTURE(OnDemand, "next while an event is at work hands out the same event again") {
  invoke();
  next();
  world.take();
  next();
  CHECK(world.take() == Lines{"event to runtime, deadline 3000"});
}

TEST_CASE_FIXTURE(OnDemand, "the id of a response is checked before the state, an echoed invocation id between them") {
  CHECK(refusal(lifecycle.check_response("a", {}, false)) == "400 InvalidRequestID Invalid request ID");
  invoke();
  CHECK(refusal(lifecycle.check_response("a", {}, false)) == "400 InvalidRequestID Invalid request ID");
  next();
  CHECK(refusal(lifecycle.check_response("b", {}, false)) == "400 InvalidRequestID Invalid request ID");
  CHECK(refusal(lifecycle.check_response("a", "stale", false)) == "410 InvokeTimeout Invoke timeout");
  CHECK(refusal(lifecycle.check_response("a", {}, false)) == "accepted");
  respond();
  CHECK(refusal(lifecycle.check_response("a", {}, false)) ==
        "403 InvalidStateTransition State transition from RuntimeResponseSentState to InvocationResponse failed for "
        "runtime. "
        "Error: State transition is not allowed");
  CHECK(refusal(lifecycle.check_response("a", {}, true)).find("to InvocationErrorResponse failed") !=
        std::string::npos);
  next();
  CHECK(refusal(lifecycle.check_response("a", {}, false)) == "400 InvalidRequestID Invalid request ID");
}

TEST_CASE_FIXTURE(OnDemand, "init/error is for Init only, and nothing follows it") {
  invoke();
  REQUIRE(lifecycle.runtime_init_error("{}", "Runtime.X").has_value());
  CHECK(refusal(lifecycle.runtime_next()) ==
        "403 InvalidStateTransition State transition from InitError to Ready failed for runtime. Error: State "
        "transition is "
        "not allowed");
  CHECK(refusal(lifecycle.runtime_init_error("{}", "Runtime.X")).find("from InitError to InitError") !=
        std::string::npos);
  lifecycle.process_exited(kRuntime, "exit status 1");
  next();
  CHECK(refusal(lifecycle.runtime_init_error("{}", "Runtime.X")).find("from Running to InitError") !=
        std::string::npos);
}

TEST_CASE_FIXTURE(OnDemand, "calls of extensions without a known identifier are refused") {
  invoke();
  CHECK(refusal(lifecycle.extension_next("")) ==
        "403 Extension.MissingExtensionIdentifier Missing Lambda-Extension-Identifier header");
  CHECK(refusal(lifecycle.extension_next("x")) ==
        "403 Extension.InvalidExtensionIdentifier Invalid Lambda-Extension-Identifier");
  const std::string unknown = "11111111-1111-4111-8111-111111111111";
  CHECK(refusal(lifecycle.extension_next(unknown)) ==
        "403 Extension.UnknownExtensionIdentifier Unknown extension " + unknown);
  CHECK(refusal(lifecycle.extension_exit_error(unknown, "T")) ==
        "403 Extension.UnknownExtensionIdentifier Unknown Lambda-Extension-Identifier");
}

TEST_CASE_FIXTURE(OnDemand, "init/error of an extension comes before its first next, exit/error any time, both again") {
  world.extensions = {"alpha", "beta"};
  invoke();
  auto alpha = enlist("alpha"), beta = enlist("beta");
  next(beta);
  CHECK(refusal(lifecycle.extension_init_error(alpha, "T")) == "accepted");
  CHECK(refusal(lifecycle.extension_init_error(alpha, "T")) == "accepted");
  CHECK(refusal(lifecycle.extension_next(alpha)).find("from InitError to Ready failed for extension " + alpha) !=
        std::string::npos);
  CHECK(refusal(lifecycle.extension_init_error(beta, "T")).find("from Ready to InitError") != std::string::npos);
  CHECK(refusal(lifecycle.extension_exit_error(beta, "T")) == "accepted");
}
