// The state machine alone: time is a number, processes are names, and orders
// are written down.

#include <doctest/doctest.h>

#include <algorithm>

#include "emulator/lifecycle/on_demand_lifecycle.h"
#include "emulator/response_stream.h"
#include "tests/emulator/world.h"

using namespace mayfly::emulator;
using namespace mayfly::emulator::test;
using namespace std::chrono_literals;

namespace {

struct Fixture {
  boost::asio::io_context io;
  Settings settings;
  World world;
  OnDemandLifecycle lifecycle{settings, world, world};

  void invoke(const std::string& id = "a", bool in_parts = false) {
    auto invocation = std::make_shared<Invocation>();
    invocation->request_id = id;
    invocation->in_parts = in_parts;
    lifecycle.invoke(invocation);
  }
  // Invocation b, whose runtime has begun to stream to a caller who takes it so.
  void begin_stream() {
    warm_up();
    invoke("b", true);
    REQUIRE(lifecycle.check_response("b", {}, false).has_value());
    REQUIRE(lifecycle.wants_parts("b"));
    Answer answer;
    answer.stream = std::make_shared<ResponseStream>(io, false);
    lifecycle.response_begins("b", std::move(answer), world.time);
    CHECK(world.take() == Lines{"thaw", "START", "event to runtime, deadline 3000", "answer begins"});
  }
  void pass(Clock::duration time) { world.time += time; }
  // Time passes until the alarm, and it rings.
  void ring() {
    REQUIRE(world.alarm_at != Clock::time_point::max());
    world.time = world.alarm_at;
    lifecycle.alarm();
  }
  std::string enlist(const std::string& name, bool invoke = true, bool shutdown = true) {
    auto identifier = lifecycle.extension_register(name, {invoke, shutdown});
    REQUIRE(identifier.has_value());
    return *identifier;
  }
  void respond(const std::string& payload = "ok", const std::string& id = "a") {
    REQUIRE(lifecycle.runtime_response(id, {}, payload, world.time).has_value());
  }
  void next() { REQUIRE(lifecycle.runtime_next().has_value()); }
  void next(const std::string& extension) { REQUIRE(lifecycle.extension_next(extension).has_value()); }
  // A first call has been answered and everyone waits; without extensions.
  void warm_up() {
    invoke();
    next();
    respond();
    next();
    world.take();
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "nothing starts before the first invocation; then the runtime does, and gets the event") {
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

TEST_CASE_FIXTURE(Fixture, "the first report bills Init, the second does not") {
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

TEST_CASE_FIXTURE(Fixture, "the runtime starts when all extensions have registered, the call when all wait in next") {
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

TEST_CASE_FIXTURE(Fixture,
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

TEST_CASE_FIXTURE(Fixture, "no more than ten extensions, and no name twice") {
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

TEST_CASE_FIXTURE(Fixture, "an Init of ten seconds is given up, reset and tried again on the function's timeout") {
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

TEST_CASE_FIXTURE(Fixture, "a runtime that a signal ends in Init is started again until the invocation's timeout") {
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

TEST_CASE_FIXTURE(Fixture, "a process that outlives its Init may end between two tries") {
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

TEST_CASE_FIXTURE(Fixture, "between two tries of a crashed Init the timeout rings, and the end comes, as ever") {
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

TEST_CASE_FIXTURE(Fixture,
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

TEST_CASE_FIXTURE(Fixture, "an Init that fails twice fails the call with what went wrong the second time") {
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

TEST_CASE_FIXTURE(Fixture, "a command that does not start fails the call without a process to end") {
  world.runtime_error = "Runtime.InvalidEntrypoint";
  invoke();
  auto told = world.take();
  CHECK(std::ranges::count(told, "answer Runtime.InvalidEntrypoint") == 1);
  CHECK(told.back() == "settled");
}

TEST_CASE_FIXTURE(Fixture, "after a timeout the answer comes at once and the reset follows") {
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

TEST_CASE_FIXTURE(Fixture, "with an external extension: SIGTERM, 300 ms, SIGKILL, SHUTDOWN, 2 s, SIGKILL") {
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

TEST_CASE_FIXTURE(Fixture, "with internal extensions only the runtime has 500 ms, with none nothing") {
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

TEST_CASE_FIXTURE(Fixture, "an extension that is still at work gets SHUTDOWN with its next call") {
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

TEST_CASE_FIXTURE(Fixture, "10 ms after everyone waits in next the environment is frozen, until the next event") {
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

TEST_CASE_FIXTURE(Fixture, "a frozen environment is thawed before it is asked to end") {
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

TEST_CASE_FIXTURE(Fixture, "nothing is frozen where it is not wanted") {
  settings.freeze = false;
  warm_up();
  CHECK(world.alarm_at == Clock::time_point::max());
}

TEST_CASE_FIXTURE(Fixture, "a runtime that the kernel kills for want of memory is Runtime.OutOfMemory") {
  invoke();
  next();
  world.take();
  lifecycle.process_exited(kRuntime, "signal: killed", true);
  CHECK(world.take() == Lines{"runtime done", "answer Runtime.OutOfMemory", "REPORT error", "settled"});
  CHECK(world.reports.back().error_message == "RequestId: a Error: Runtime exited with error: signal: killed");
}

TEST_CASE_FIXTURE(Fixture, "a process that exits between invocations resets the environment unseen by the next call") {
  warm_up();
  lifecycle.process_exited(kRuntime, "exit status 1");
  CHECK(world.take() == Lines{"thaw", "settled"});
  CHECK(lifecycle.is_free());
  invoke("b");
  CHECK(world.take() == Lines{"init started, phase invoke", "start runtime"});
}

TEST_CASE_FIXTURE(Fixture, "shutdown answers what runs as aborted, in Init, too") {
  invoke();
  world.take();
  lifecycle.shut_down();
  CHECK(world.take() == Lines{"abort", "kill 0"});
  lifecycle.process_exited(kRuntime, "signal: killed");
  CHECK(world.take() == Lines{"settled"});
  CHECK(lifecycle.has_ended());
}

TEST_CASE_FIXTURE(Fixture, "shutdown lets an invocation end that has been answered") {
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

TEST_CASE_FIXTURE(Fixture, "whatever it was doing, an environment tells that its end begins, and that it has come") {
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

TEST_CASE_FIXTURE(Fixture, "a second shut_down() does not prolong the first") {
  invoke();
  next();
  respond();
  lifecycle.shut_down();
  auto until = world.alarm_at;
  pass(1s);
  lifecycle.shut_down();
  CHECK(world.alarm_at == until);
}

TEST_CASE_FIXTURE(Fixture, "an environment that shuts down owes no answer") {
  world.extensions = {"alpha"};
  invoke();
  next(enlist("alpha"));
  next();
  CHECK(lifecycle.unanswered() == 1);
  lifecycle.shut_down();
  CHECK(lifecycle.is_stopping());
  CHECK(lifecycle.unanswered() == 0);
}

TEST_CASE_FIXTURE(Fixture, "kill() cuts a shutdown short") {
  world.extensions = {"alpha"};
  invoke();
  next(enlist("alpha"));
  world.take();
  lifecycle.shut_down();
  world.take();
  lifecycle.kill();
  CHECK(world.take() == Lines{"kill 0", "kill 1"});
}

TEST_CASE_FIXTURE(Fixture, "next while an event is at work hands out the same event again") {
  invoke();
  next();
  world.take();
  next();
  CHECK(world.take() == Lines{"event to runtime, deadline 3000"});
}

TEST_CASE_FIXTURE(Fixture, "the id of a response is checked before the state, an echoed invocation id between them") {
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

TEST_CASE_FIXTURE(Fixture, "init/error is for Init only, and nothing follows it") {
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

TEST_CASE_FIXTURE(Fixture, "calls of extensions without a known identifier are refused") {
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

TEST_CASE_FIXTURE(Fixture, "init/error of an extension comes before its first next, exit/error any time, both again") {
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

TEST_CASE_FIXTURE(Fixture, "a streamed response is answered when it begins, and its call ends when it does") {
  begin_stream();
  pass(5ms);
  CHECK(lifecycle.response_continues("b", 1'000));
  pass(20ms);
  CHECK(lifecycle.response_continues("b", 24));
  CHECK(world.take().empty());
  lifecycle.response_ends("b", {}, "success");
  CHECK(world.take() == Lines{"answer "});
  pass(2ms);
  next();
  CHECK(world.take() == Lines{"runtime done", "REPORT success", "settled"});
  CHECK(world.produced_bytes == 1'024);
  CHECK(world.spans.response_latency == 0ms);
  CHECK(world.spans.response_duration == 25ms);
  CHECK(world.spans.runtime_overhead == 2ms);
  CHECK(world.reports.back().duration == 25ms);
  CHECK(world.reports.back().billed_ms == 27);
}

TEST_CASE_FIXTURE(Fixture, "while a response is streamed the runtime may do nothing else") {
  begin_stream();
  std::string from = "403 InvalidStateTransition State transition from InvocationResponse to ";
  std::string why = " failed for runtime. Error: State transition is not allowed";
  CHECK(refusal(lifecycle.runtime_next()) == from + "Ready" + why);
  CHECK(refusal(lifecycle.check_response("b", {}, false)) == from + "InvocationResponse" + why);
  CHECK(refusal(lifecycle.check_response("b", {}, true)) == from + "InvocationErrorResponse" + why);
  CHECK(refusal(lifecycle.runtime_init_error("{}", "Runtime.Late")) == from + "InitError" + why);
  CHECK(world.take().empty());
}

TEST_CASE_FIXTURE(Fixture, "an error behind a streamed response is the caller's, the call a success") {
  begin_stream();
  Answer end;
  end.error_type = "Function.Oops";
  end.payload = R"({"errorMessage":"oops"})";
  lifecycle.response_ends("b", std::move(end), "success");
  next();
  CHECK(world.take() == Lines{"answer Function.Oops", "runtime done", "REPORT success", "settled"});
  CHECK(world.reports.back().error_type.empty());
  CHECK(world.reports.back().error_message.empty());
}

TEST_CASE_FIXTURE(Fixture, "a streamed response that breaks off is named by what follows") {
  begin_stream();
  CHECK(lifecycle.response_continues("b", 10));
  lifecycle.response_breaks("b");
  CHECK(world.take().empty());
  SUBCASE("the runtime goes on") {
    next();
    CHECK(world.take() == Lines{"answer Runtime.TruncatedResponse", "runtime done", "REPORT error", "settled"});
    CHECK(world.reports.back().error_type == "Runtime.TruncatedResponse");
    CHECK(lifecycle.is_free());
  }
  SUBCASE("the runtime was killed") {
    lifecycle.process_exited(kRuntime, "signal: killed");
    CHECK(world.take() == Lines{"runtime done", "answer Runtime.ExitError", "REPORT error", "settled"});
  }
  SUBCASE("nothing until the timeout") {
    ring();
    CHECK(world.take() == Lines{"runtime done", "answer Sandbox.Timedout", "REPORT timeout", "kill 0"});
  }
  CHECK(world.produced_bytes == 10);
}

TEST_CASE_FIXTURE(Fixture, "a runtime may ask for more behind a response that broke off and timed out") {
  begin_stream();
  lifecycle.response_breaks("b");
  ring();
  world.take();
  next();  // before it is killed
  CHECK(world.take().empty());
}

TEST_CASE_FIXTURE(Fixture, "a timeout ends a stream, and what still comes of it is of no use") {
  begin_stream();
  ring();
  CHECK(world.take() == Lines{"runtime done", "answer Sandbox.Timedout", "REPORT timeout", "kill 0"});
  CHECK_FALSE(lifecycle.response_continues("b", 1));
  lifecycle.response_ends("b", {}, "success");
  lifecycle.response_breaks("b");
  CHECK(world.take().empty());
}

TEST_CASE_FIXTURE(Fixture, "shutdown cuts a stream off, for its caller has no whole answer") {
  begin_stream();
  lifecycle.shut_down();
  CHECK(world.take() == Lines{"abort", "runtime done", "REPORT failure", "kill 0"});
}

TEST_CASE_FIXTURE(Fixture, "a streamed response for a caller who takes it whole is answered at its end") {
  warm_up();
  invoke("b");
  CHECK_FALSE(lifecycle.wants_parts("b"));
  world.take();
  lifecycle.response_begins("b", {}, world.time);
  CHECK(world.take().empty());
  CHECK(lifecycle.response_continues("b", 2));
  Answer whole;
  whole.payload = "ok";
  lifecycle.response_ends("b", std::move(whole), "success");
  next();
  CHECK(world.take() == Lines{"answer ok", "runtime done", "REPORT success", "settled"});
  CHECK(world.produced_bytes == 2);
}
