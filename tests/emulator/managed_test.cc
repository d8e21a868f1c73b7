// Managed Instances with real processes: overlapping calls, and what ends them.

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <future>

#include "tests/emulator/running_service.h"

using namespace mayfly::emulator;
using namespace mayfly::emulator::test;
using Kind = Observation::Kind;

namespace {

struct Fixture {
  RunningService service;

  Fixture() { service.settings.command = {MAYFLY_TEST_PROGRAMS "/concurrent_runtime.py"}; }
  void start(std::size_t calls, std::size_t environments = 1) {
    manage(service.settings, calls);
    service.settings.max_environments = environments;
    service.start();
  }
  std::string gate(const std::string& name = "open") const { return (service.folder() / name).string(); }
  void open(const std::string& name = "open") { std::ofstream(gate(name)) << "now"; }
  // Returns when a worker has the event; its answer waits for `more`, JSON members.
  std::future<Reply> begin(const std::string& more) {
    auto reply =
        std::async(std::launch::async, [this, more] { return service.invoke(R"({"print":"in",)" + more + "}"); });
    ++begun_;
    service.wait_for([seen = std::size_t{0}, want = begun_](const Observation& o) mutable {
      return o.kind == Kind::log_line && o.detail == "in" && ++seen == want;
    });
    return reply;
  }
  std::string gated(const std::string& name = "open") const { return R"("gate":")" + gate(name) + "\""; }
  void wait_for_line(const std::string& line) {
    service.wait_for([&](const Observation& o) { return o.kind == Kind::log_line && o.detail == line; });
  }

 private:
  std::size_t begun_ = 0;
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "the runtime starts before the first call, and is told what it is in") {
  start(5);
  service.wait_for(Kind::init_ended);
  auto variables = service.invoke(R"({"environment":1})").body;
  CHECK(member(variables, "AWS_LAMBDA_INITIALIZATION_TYPE") == "lambda-managed-instances");
  CHECK(member(variables, "AWS_LAMBDA_MAX_CONCURRENCY") == "5");
  CHECK(member(variables, "AWS_LAMBDA_LOG_FORMAT") == "JSON");
  auto headers = service.invoke(R"({"headers":1})").body;
  CHECK(member(headers, "lambda-runtime-invocation-id").size() == 36);
}

TEST_CASE_FIXTURE(Fixture, "as many calls run at once as were allowed, and one more gets 429") {
  start(3);
  auto one = begin(gated()), two = begin(gated()), three = begin(gated());
  auto four = service.invoke("4");
  CHECK(four.status == 429);
  CHECK(four.body.find(R"("Reason":"ReservedFunctionConcurrentInvocationLimitExceeded")") != std::string::npos);
  open();
  for (auto* reply : {&one, &two, &three}) CHECK(reply->get().status == 200);
  CHECK(service.invoke("5").body == "5");
  auto started = service.details(Kind::process_started);
  CHECK(started.size() == 1);
  CHECK(service.details(Kind::frozen).empty());
}

TEST_CASE_FIXTURE(Fixture, "a call beyond the runtime's workers waits for one, and a line says so") {
  service.set_init(R"({"workers":1})");
  start(3);
  auto one = begin(gated());
  auto two = std::async(std::launch::async, [this] { return service.invoke("2"); });
  service.wait_for([](const Observation& o) {
    return o.kind == Kind::notice && o.detail.find("a call waits") != std::string::npos;
  });
  open();
  CHECK(one.get().status == 200);
  CHECK(two.get().body == "2");
}

TEST_CASE_FIXTURE(Fixture,
                  "after a timeout the code runs on, its late answer gets 410, and the worker is there again") {
  service.settings.timeout = std::chrono::milliseconds(1'000);
  service.set_init(R"({"workers":1})");
  start(2);
  auto reply = begin(gated()).get();
  CHECK(reply.status == 200);
  CHECK(reply.field("x-amz-function-error") == "Unhandled");
  CHECK(member(reply.body, "errorType") == "Sandbox.Timedout");
  open();
  wait_for_line(R"(answer 410 {"errorMessage":"Invoke timeout","errorType":"InvokeTimeout"})");
  CHECK(service.invoke("2").body == "2");
  CHECK(service.details(Kind::process_exited).empty());
}

TEST_CASE_FIXTURE(Fixture, "the exit of the runtime fails every open call, and a new environment takes the next one") {
  start(4);
  auto one = begin(gated()), two = begin(gated());
  auto three = service.invoke(R"({"exit":7})");
  for (const auto& reply : {one.get(), two.get(), three}) {
    CHECK(reply.field("x-amz-function-error") == "Unhandled");
    CHECK(member(reply.body, "errorType") == "Runtime.ExitError");
    CHECK(reply.body.find("Runtime exited with error: exit status 7") != std::string::npos);
  }
  CHECK(service.invoke("4").body == "4");
  CHECK(service.details(Kind::reset_started).empty());
  CHECK(service.details(Kind::shutdown_started) == std::vector<std::string>{"failure"});
}

TEST_CASE_FIXTURE(Fixture, "an Init that fails is told to the caller who waits, and not tried again by itself") {
  service.set_init(R"({"error":"Function.NoLuck"})");
  start(2);
  service.wait_for(Kind::shutdown_ended);
  auto reply = service.invoke("1");
  CHECK(reply.body.find("no luck") != std::string::npos);
  CHECK(reply.field("x-amz-function-error") == "Unhandled");
  service.stop();
  CHECK(service.details(Kind::init_started).size() <= 3);
}

TEST_CASE_FIXTURE(Fixture, "stopping answers the open calls, says SHUTDOWN to extensions, and leaves nobody behind") {
  service.add_extension("witness", R"({"events":["SHUTDOWN"]})");
  start(3);
  auto one = begin(gated()), two = begin(gated());
  service.stop();
  for (auto* reply : {&one, &two}) CHECK(reply->get().status == 500);
  CHECK(service.record_text("witness").find("\"spindown\"") != std::string::npos);
  CHECK(service.details(Kind::process_exited).size() == 2);
}

TEST_CASE_FIXTURE(Fixture, "no extension can have INVOKE, and an internal one nothing at all") {
  service.add_extension("external", R"({"events":["INVOKE","SHUTDOWN"]})");
  start(1);
  service.wait_for(Kind::process_exited);
  CHECK(service.record_text("external").find("INVOKE: ErrorInvalidEventType") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "an internal extension may list no events") {
  service.set_init(R"({"register":["inside",["INVOKE"]]})");
  start(1);
  wait_for_line(
      R"(register 403 {"errorMessage":"No events allowed for internal extensions","errorType":"Extension.InvalidEventType"})");
}

TEST_CASE_FIXTURE(Fixture, "the event of a worker that has gone goes to another one") {
  service.set_init(R"({"workers":2})");
  start(2);
  CHECK(service.invoke(R"({"leave":1})").status == 200);
  wait_for_line("left");
  for (int call = 0; call < 4; ++call) CHECK(service.invoke("1").body == "1");
}

TEST_CASE_FIXTURE(Fixture, "a second environment takes what the first has no room for") {
  start(1, 2);
  auto one = begin(gated("first"));
  auto two = begin(gated("second"));
  CHECK(service.invoke("3").status == 429);
  open("first");
  open("second");
  CHECK(one.get().status == 200);
  CHECK(two.get().status == 200);
  auto seen = service.observations();
  CHECK(std::ranges::count(seen, Kind::process_started, &Observation::kind) == 2);
}

TEST_CASE_FIXTURE(Fixture, "a response streams while another call runs") {
  start(2);
  auto one = begin(gated());
  auto streamed = service.invoke(R"({"stream":"abcdef"})");
  CHECK(streamed.body == "abcdef");
  open();
  CHECK(one.get().status == 200);
}

TEST_CASE_FIXTURE(Fixture, "the log is JSON: a start and a report for each call, and no runtimeDone") {
  service.settings.tell_platform_events = true;
  start(2);
  CHECK(service.invoke("1").status == 200);
  service.stop();
  std::vector<std::string> types;
  for (const auto& what : service.observations()) {
    if (what.kind == Kind::platform_event) types.push_back(what.message);
    if (what.kind == Kind::platform_line) CHECK(what.detail.starts_with("{\"time\":"));
    if (what.kind == Kind::platform_event && what.message == "platform.report") {
      CHECK(what.number == 1);
      CHECK(what.detail.find("billed") == std::string::npos);
      CHECK(what.detail.find("responseLatency") != std::string::npos);
    }
  }
  CHECK(types == std::vector<std::string>{"platform.initStart", "platform.initRuntimeDone", "platform.initReport",
                                          "platform.start", "platform.report"});
}
