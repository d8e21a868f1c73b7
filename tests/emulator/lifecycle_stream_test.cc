// Streamed responses: the state machine alone.

#include "tests/emulator/lifecycle_fixture.h"

using namespace mayfly::emulator;
using namespace mayfly::emulator::test;
using namespace std::chrono_literals;

TEST_CASE_FIXTURE(OnDemand, "a streamed response is answered when it begins, and its call ends when it does") {
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

TEST_CASE_FIXTURE(OnDemand, "while a response is streamed the runtime may do nothing else") {
  begin_stream();
  std::string from = "403 InvalidStateTransition State transition from InvocationResponse to ";
  std::string why = " failed for runtime. Error: State transition is not allowed";
  CHECK(refusal(lifecycle.runtime_next()) == from + "Ready" + why);
  CHECK(refusal(lifecycle.check_response("b", {}, false)) == from + "InvocationResponse" + why);
  CHECK(refusal(lifecycle.check_response("b", {}, true)) == from + "InvocationErrorResponse" + why);
  CHECK(refusal(lifecycle.runtime_init_error("{}", "Runtime.Late")) == from + "InitError" + why);
  CHECK(world.take().empty());
}

TEST_CASE_FIXTURE(OnDemand, "an error behind a streamed response is the caller's, the call a success") {
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

TEST_CASE_FIXTURE(OnDemand, "a streamed response that breaks off is named by what follows") {
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

TEST_CASE_FIXTURE(OnDemand, "a runtime may ask for more behind a response that broke off and timed out") {
  begin_stream();
  lifecycle.response_breaks("b");
  ring();
  world.take();
  next();  // before it is killed
  CHECK(world.take().empty());
}

TEST_CASE_FIXTURE(OnDemand, "a timeout ends a stream, and what still comes of it is of no use") {
  begin_stream();
  ring();
  CHECK(world.take() == Lines{"runtime done", "answer Sandbox.Timedout", "REPORT timeout", "kill 0"});
  CHECK_FALSE(lifecycle.response_continues("b", 1));
  lifecycle.response_ends("b", {}, "success");
  lifecycle.response_breaks("b");
  CHECK(world.take().empty());
}

TEST_CASE_FIXTURE(OnDemand, "shutdown cuts a stream off, for its caller has no whole answer") {
  begin_stream();
  lifecycle.shut_down();
  CHECK(world.take() == Lines{"abort", "runtime done", "REPORT failure", "kill 0"});
}

TEST_CASE_FIXTURE(OnDemand, "a streamed response for a caller who takes it whole is answered at its end") {
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
