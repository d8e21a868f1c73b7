// The state machine of Managed Instances alone: see world.h.

#include <doctest/doctest.h>

#include "emulator/lifecycle/managed_lifecycle.h"
#include "emulator/response_stream.h"
#include "tests/emulator/world.h"

using namespace mayfly::emulator;
using namespace mayfly::emulator::test;
using namespace std::chrono_literals;

namespace {

struct Fixture {
  Fixture() { manage(settings, 3); }

  boost::asio::io_context io;
  Settings settings;
  World world;
  ManagedLifecycle lifecycle{settings, world, world};

  void invoke(const std::string& id, bool in_parts = false) {
    REQUIRE(lifecycle.is_free());
    auto invocation = std::make_shared<Invocation>();
    invocation->request_id = id;
    invocation->in_parts = in_parts;
    lifecycle.invoke(invocation);
  }
  void next(int times = 1) {
    while (times-- > 0) REQUIRE(lifecycle.runtime_next().has_value());
  }
  void ready(int workers = 1) {
    lifecycle.start();
    next(workers);
    world.take();
  }
  void pass(Clock::duration time) { world.time += time; }
  void ring() {
    REQUIRE(world.alarm_at != Clock::time_point::max());
    world.time = world.alarm_at;
    lifecycle.alarm();
  }
  Accepted respond(const std::string& id, const std::string& invocation_id = {}) {
    return lifecycle.runtime_response(id, invocation_id, "ok " + id, world.time);
  }
  void begin_stream(const std::string& id) {
    invoke(id, true);
    REQUIRE(lifecycle.check_response(id, {}, false).has_value());
    REQUIRE(lifecycle.wants_parts(id));
    Answer answer;
    answer.stream = std::make_shared<ResponseStream>(io, false);
    lifecycle.response_begins(id, std::move(answer), world.time);
    CHECK(world.take().back() == "answer begins");
  }
};

const std::string kUnknown = "400 InvalidRequestID Invalid request ID";
const std::string kLate = "410 InvokeTimeout Invoke timeout";

}  // namespace

TEST_CASE_FIXTURE(Fixture, "Init takes place before any call, and ends with the first next") {
  lifecycle.start();
  CHECK(world.take() == Lines{"init started, phase init", "start runtime"});
  CHECK(lifecycle.is_free());
  next();
  CHECK(world.take() == Lines{"init ended: success"});
  CHECK(lifecycle.is_idle());
  CHECK(world.alarm_at == Clock::time_point::max());
}

TEST_CASE_FIXTURE(Fixture, "Init has 130 s, or as long as a timeout that is longer") {
  lifecycle.start();
  CHECK(world.alarm_at == world.time + 130s);
  Settings patient;
  patient.timeout = 900s;
  manage(patient, 1);
  CHECK(patient.init_limit == 900s);
}

TEST_CASE_FIXTURE(Fixture, "a call during Init begins when that has ended, and only then has its deadline") {
  lifecycle.start();
  invoke("a");
  pass(100s);
  world.take();
  next();
  CHECK(world.take() == Lines{"init ended: success", "START cold", "event to runtime, deadline 103000"});
}

TEST_CASE_FIXTURE(Fixture, "every next is a worker, so that calls overlap and are answered in any order") {
  ready(3);
  invoke("a");
  invoke("b");
  invoke("c");
  CHECK(world.take() == Lines{"START cold", "event to runtime, deadline 3000", "START cold",
                              "event to runtime, deadline 3000", "START cold", "event to runtime, deadline 3000"});
  CHECK(lifecycle.unanswered() == 3);
  CHECK_FALSE(lifecycle.is_free());
  CHECK(respond("b"));
  CHECK(lifecycle.is_free());
  CHECK(respond("c"));
  CHECK(respond("a"));
  CHECK(world.take() == Lines{"answer ok b", "REPORT success", "settled", "answer ok c", "REPORT success", "settled",
                              "answer ok a", "REPORT success", "settled"});
  CHECK(lifecycle.is_idle());
}

TEST_CASE_FIXTURE(Fixture, "a call beyond the workers waits for one, on its own timeout") {
  ready(1);
  invoke("a");
  pass(1s);
  invoke("b");
  CHECK(world.take() == Lines{"START cold", "event to runtime, deadline 3000", "START cold"});
  CHECK(refusal(respond("b")) == kUnknown);  // no worker has it
  CHECK(respond("a"));
  world.take();
  next();
  CHECK(world.take() == Lines{"event to runtime, deadline 4000"});
}

TEST_CASE_FIXTURE(Fixture, "a call that no worker has taken in time is not handed out any more") {
  ready(1);
  invoke("a");
  invoke("b");
  ring();
  CHECK(world.reports.back().status == "timeout");
  world.take();
  next(2);
  CHECK(world.take().empty());
  invoke("c");
  CHECK(world.take().back() == "event to runtime, deadline 6000");
}

TEST_CASE_FIXTURE(Fixture, "a timeout answers its caller and kills nobody; the late answer gets 410") {
  ready(2);
  invoke("a");
  pass(1s);
  invoke("b");
  world.take();
  ring();
  CHECK(world.take() == Lines{"answer Sandbox.Timedout", "REPORT timeout", "settled"});
  CHECK(world.reports.back().duration == 3s);
  CHECK(refusal(respond("a")) == kLate);
  CHECK(refusal(lifecycle.runtime_error("a", {}, "{}", "Function.Late", world.time)) == kLate);
  CHECK(respond("b"));
  CHECK(refusal(respond("b")) == kUnknown);
}

TEST_CASE_FIXTURE(Fixture, "one alarm serves all deadlines, also when the call that it was set for has ended") {
  ready(2);
  invoke("a");
  pass(1s);
  invoke("b");
  CHECK(respond("a"));
  world.take();
  ring();
  CHECK(world.take() == Lines{"settled"});
  ring();
  CHECK(world.time == Clock::time_point{} + 4s);
  CHECK(world.take() == Lines{"answer Sandbox.Timedout", "REPORT timeout", "settled"});
}

TEST_CASE_FIXTURE(Fixture, "an answer that echoes another attempt's invocation id gets 410, and the call stays open") {
  ready(1);
  invoke("a");
  CHECK(refusal(respond("a", "00000000-0000-4000-8000-999999999999")) == kLate);
  CHECK(respond("a", world.invocation_ids.at("a")));
  CHECK(refusal(respond("never")) == kUnknown);
}

TEST_CASE_FIXTURE(Fixture, "a request id that is open already is refused, and the call that has it goes on") {
  ready(2);
  invoke("a");
  world.take();
  invoke("a");
  CHECK(world.take() == Lines{"answer Client.DuplicatedInvokeId"});
  CHECK(lifecycle.unanswered() == 1);
  CHECK(respond("a"));
}

TEST_CASE_FIXTURE(Fixture, "the exit of the runtime fails all that is open, and the environment ends") {
  ready(3);
  invoke("a");
  invoke("b");
  world.take();
  lifecycle.process_exited(kRuntime, "exit status 3");
  CHECK(world.take() ==
        Lines{"answer Runtime.ExitError", "REPORT error", "answer Runtime.ExitError", "REPORT error", "settled"});
  CHECK(lifecycle.has_ended());
  CHECK_FALSE(lifecycle.is_free());
}

TEST_CASE_FIXTURE(Fixture, "the exit of an extension does so, too, and the runtime is asked to leave") {
  world.extensions = {"one"};
  lifecycle.start();
  auto identifier = lifecycle.extension_register("one", {false, true});
  REQUIRE(identifier);
  next(2);
  CHECK_FALSE(lifecycle.is_idle());  // the extension is not ready
  REQUIRE(lifecycle.extension_next(*identifier));
  invoke("a");
  world.take();
  lifecycle.process_exited(1, "");
  CHECK(world.take() == Lines{"answer Extension.Crash", "REPORT error", "kill 0"});
  lifecycle.process_exited(kRuntime, "signal: killed");
  CHECK(world.take() == Lines{"settled"});
  CHECK(lifecycle.has_ended());
}

TEST_CASE_FIXTURE(Fixture, "an Init that fails answers those who wait for it in the runtime's own words") {
  lifecycle.start();
  invoke("a");
  invoke("b");
  REQUIRE(lifecycle.runtime_init_error(R"({"errorType":"Config.Missing"})", "Function.Config"));
  world.take();
  lifecycle.process_exited(kRuntime, "exit status 1");
  CHECK(world.take() == Lines{"init ended: error Function.Config", "START cold", "START cold", "answer Function.Config",
                              "REPORT error", "answer Function.Config", "REPORT error", "settled"});
  CHECK(lifecycle.has_ended());
}

TEST_CASE_FIXTURE(Fixture, "shutdown aborts what is open and gives extensions their time") {
  world.extensions = {"one"};
  lifecycle.start();
  auto identifier = lifecycle.extension_register("one", {false, true});
  REQUIRE(identifier);
  next(2);
  REQUIRE(lifecycle.extension_next(*identifier));
  invoke("a");
  invoke("b");
  world.take();
  lifecycle.shut_down();
  CHECK(world.take() == Lines{"abort", "REPORT failure", "abort", "REPORT failure", "terminate 0"});
  CHECK_FALSE(lifecycle.is_free());
  lifecycle.process_exited(kRuntime, "");
  CHECK(world.take() == Lines{"SHUTDOWN spindown to 1, deadline 2000"});
  lifecycle.process_exited(1, "");
  CHECK(world.take() == Lines{"settled"});
  CHECK(lifecycle.has_ended());
}

TEST_CASE_FIXTURE(Fixture, "streams run beside each other and other calls") {
  ready(3);
  begin_stream("a");
  begin_stream("b");
  invoke("c");
  CHECK(respond("c"));
  CHECK(lifecycle.response_continues("a", 3));
  lifecycle.response_ends("a", {}, "success");
  CHECK_FALSE(lifecycle.response_continues("a", 3));
  CHECK(lifecycle.response_continues("b", 3));
  CHECK(refusal(respond("b")) == kUnknown);  // it is being answered
}

TEST_CASE_FIXTURE(Fixture, "an error beside a stream cuts it off") {
  ready(1);
  begin_stream("a");
  CHECK(lifecycle.runtime_error("a", {}, R"({"errorType":"Late.Idea"})", "Function.Late", world.time));
  CHECK(world.take() == Lines{"answer Function.Late", "REPORT error", "settled"});
  CHECK_FALSE(lifecycle.response_continues("a", 1));
}

TEST_CASE_FIXTURE(Fixture, "a stream that breaks off is truncated when the runtime goes on, and crashed when it ends") {
  ready(2);
  begin_stream("a");
  lifecycle.response_breaks("a");
  CHECK(world.take().empty());
  next();
  CHECK(world.take() == Lines{"answer Runtime.TruncatedResponse", "REPORT error", "settled"});
  begin_stream("b");
  lifecycle.response_breaks("b");
  lifecycle.process_exited(kRuntime, "signal: killed");
  CHECK(world.take().front() == "answer Runtime.ExitError");
}

TEST_CASE_FIXTURE(Fixture, "a timeout ends a stream, whose rest gets 410") {
  ready(1);
  begin_stream("a");
  ring();
  CHECK(world.take().front() == "answer Sandbox.Timedout");
  CHECK_FALSE(lifecycle.response_continues("a", 1));
  CHECK(refusal(lifecycle.check_response("a", {}, false)) == kLate);
}

TEST_CASE_FIXTURE(Fixture, "of late answers the last thousand are known as late") {
  ready(1);
  for (int i = 0; i <= 1'000; ++i) {
    invoke(std::to_string(i));
    next();
    ring();
  }
  CHECK(refusal(respond("0")) == kUnknown);
  CHECK(refusal(respond("1")) == kLate);
  CHECK(refusal(respond("1000")) == kLate);
}
