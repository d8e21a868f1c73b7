// Which environment an invocation gets, with real processes.

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <future>
#include <set>

#include "emulator/pool.h"
#include "tests/emulator/running_service.h"

using namespace mayfly::emulator;
using namespace mayfly::emulator::test;
using Kind = Observation::Kind;

namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

const Fields kEvent = {{"X-Amz-Invocation-Type", "Event"}};

// Calls that the function answers once open() is called.
class Gate {
 public:
  explicit Gate(RunningService& service) : service_(service), file_(service.folder() / "open") {}
  ~Gate() { open(); }
  // Returns when the function has the event.
  std::future<Reply> enter(const Fields& fields = {}) {
    auto reply = std::async(std::launch::async, [this, fields] { return service_.invoke(payload(), fields); });
    ++inside_;
    service_.wait_for([this, seen = std::size_t{0}](const Observation& o) mutable {
      return o.kind == Kind::log_line && o.detail == "inside" && ++seen == inside_;
    });
    return reply;
  }
  void open() { std::ofstream(file_) << "now"; }

 private:
  std::string payload() const {
    return R"_({"print":"inside","script":"[time.sleep(.005) for _ in iter(lambda: os.path.exists(')_" +
           file_.string() + R"_('), True)] and 0 or os.getpid()"})_";
  }
  RunningService& service_;
  const std::filesystem::path file_;
  std::size_t inside_ = 0;
};

std::size_t runtimes_started(const RunningService& service) {
  auto seen = service.observations();
  return static_cast<std::size_t>(std::ranges::count_if(
      seen, [](const Observation& o) { return o.kind == Kind::process_started && o.process == "bootstrap"; }));
}

std::string pid_of_next(RunningService& service, const Fields& fields = {}) {
  return service.invoke(R"_({"script":"os.getpid()"})_", fields).body;
}

}  // namespace

TEST_CASE("calls at the same time have an environment each, which later calls find warm") {
  RunningService service;
  service.settings.timeout = std::chrono::seconds(60);
  service.start();
  Gate gate(service);
  std::vector<std::future<Reply>> calls;
  for (int i = 0; i < 3; ++i) calls.push_back(gate.enter());
  gate.open();
  std::set<std::string> pids;
  for (auto& call : calls) pids.insert(call.get().body);
  CHECK(pids.size() == 3);
  std::set<std::uint32_t> environments;
  for (const auto& o : service.observations()) {
    if (o.kind == Kind::invocation_started) environments.insert(o.environment);
  }
  CHECK(environments == std::set<std::uint32_t>{1, 2, 3});
  for (int i = 0; i < 4; ++i) CHECK(pids.contains(pid_of_next(service)));
  CHECK(runtimes_started(service) == 3);
}

TEST_CASE("calls one after another stay in one environment, however slow its extensions are") {
  RunningService service;
  service.add_extension("slow", R"({"on_invoke":{"sleep":0.1}})");
  service.start();
  auto first = pid_of_next(service);
  for (int i = 0; i < 3; ++i) CHECK(pid_of_next(service) == first);
}

TEST_CASE("a call beyond the most environments is throttled, with the reason") {
  RunningService service;
  service.settings.timeout = std::chrono::seconds(60);
  service.settings.max_environments = 1;
  service.start();
  Gate gate(service);
  auto call = gate.enter();
  auto refused = service.invoke("{}");
  CHECK(refused.status == 429);
  CHECK(refused.field("x-amzn-errortype") == "TooManyRequestsException");
  CHECK(refused.field("retry-after") == "1");
  CHECK(refused.body ==
        R"({"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."})");
  CHECK(service.wait_for(Kind::throttled).number == 2);
  gate.open();
  CHECK(call.get().status == 200);
  CHECK(service.invoke("{}").status == 200);
  CHECK(runtimes_started(service) == 1);
}

TEST_CASE("events wait for an environment and run in the order of their arrival") {
  RunningService service;
  service.settings.timeout = std::chrono::seconds(60);
  service.settings.max_environments = 1;
  service.start();
  Gate gate(service);
  auto call = gate.enter();
  for (const char* word : {"one", "two", "three"}) {
    CHECK(service.invoke(std::string(R"({"print":")") + word + "\"}", kEvent).status == 202);
  }
  gate.open();
  call.get();
  service.wait_for([](const Observation& o) { return o.kind == Kind::invocation_ended && o.number == 4; });
  CHECK(service.details(Kind::log_line) == std::vector<std::string>{"inside", "one", "two", "three"});
}

TEST_CASE("events beyond what may wait are throttled") {
  RunningService service;
  service.settings.timeout = std::chrono::seconds(60);
  service.settings.max_environments = 1;
  service.start();
  Gate gate(service);
  auto call = gate.enter();
  for (std::size_t i = 0; i < Pool::kMaxEvents; ++i) REQUIRE(service.invoke("{}", kEvent).status == 202);
  CHECK(service.invoke("{}", kEvent).status == 429);
  gate.open();
}

TEST_CASE("tenants never share an environment") {
  RunningService service;
  service.start();
  auto blue = pid_of_next(service, {{"X-Amz-Tenant-Id", "blue"}});
  auto green = pid_of_next(service, {{"X-Amz-Tenant-Id", "green"}});
  auto none = pid_of_next(service);
  CHECK(std::set<std::string>{blue, green, none}.size() == 3);
  CHECK(pid_of_next(service, {{"X-Amz-Tenant-Id", "blue"}}) == blue);
  CHECK(pid_of_next(service, {{"X-Amz-Tenant-Id", "green"}}) == green);
  CHECK(pid_of_next(service) == none);
}

TEST_CASE("another tenant's idle environment makes room when there may be no more") {
  RunningService service;
  service.settings.max_environments = 1;
  service.start();
  auto blue = pid_of_next(service, {{"X-Amz-Tenant-Id", "blue"}});
  auto green = pid_of_next(service, {{"X-Amz-Tenant-Id", "green"}});
  CHECK_FALSE(green.empty());
  CHECK(green != blue);
  CHECK(service.wait_for(Kind::shutdown_ended).environment == 1);
}

TEST_CASE("with tenant isolation a call must name its tenant") {
  RunningService service;
  service.settings.tenant_isolation = true;
  service.start();
  auto refused = service.invoke("{}");
  CHECK(refused.status == 400);
  CHECK(refused.field("x-amzn-errortype") == "InvalidParameterValueException");
  CHECK(refused.body.find("Add a valid tenant ID in your request and try again.") != std::string::npos);
  CHECK(service.invoke("{}", {{"X-Amz-Tenant-Id", "blue"}}).status == 200);
}

TEST_CASE("an environment without calls is shut down, and the next call finds a new one") {
  RunningService service;
  service.settings.idle_timeout = std::chrono::seconds(0);
  service.add_extension("witness", "{}");
  service.start();
  auto first = pid_of_next(service);
  CHECK(service.wait_for(Kind::shutdown_ended).environment == 1);
  CHECK(service.record_text("witness").find("\"spindown\"") != std::string::npos);
  CHECK(pid_of_next(service) != first);
}

TEST_CASE("an environment over its age is shut down") {
  RunningService service;
  service.settings.max_age = std::chrono::seconds(1);
  service.start();
  service.invoke("{}");
  CHECK(service.wait_for(Kind::shutdown_ended).environment == 1);
}

TEST_CASE("after a change an idle environment ends, and one with a call after it") {
  RunningService service;
  service.settings.timeout = std::chrono::seconds(60);
  service.start();
  Gate gate(service);
  auto busy = gate.enter();
  auto idle = pid_of_next(service);
  service.post([](Service& s) { s.reload("./app (1 s old)", {{"MODE", "new"}}); });
  CHECK(service.wait_for(Kind::reloaded).detail == "./app (1 s old)");
  CHECK(service.wait_for(Kind::shutdown_ended).environment == 2);
  auto fresh = pid_of_next(service);
  CHECK(fresh != idle);
  CHECK(service.evaluate("os.environ['MODE']") == "\"new\"");
  gate.open();
  auto answer = busy.get();
  CHECK(answer.status == 200);
  CHECK(answer.body != fresh);
  service.wait_for([](const Observation& o) { return o.kind == Kind::shutdown_ended && o.environment == 1; });
  CHECK(pid_of_next(service) == fresh);
  CHECK(runtimes_started(service) == 3);
}

TEST_CASE("a call during a change waits for the one environment there may be") {
  RunningService service;
  service.settings.max_environments = 1;
  service.add_extension("slow", R"({"on_shutdown":{"sleep":0.1}})");
  service.start();
  auto before = pid_of_next(service);
  service.post([](Service& s) { s.reload("./app", {}); });
  service.wait_for(Kind::reloaded);
  CHECK(pid_of_next(service) != before);
}

TEST_CASE("at the end all environments are shut down") {
  RunningService service;
  service.settings.timeout = std::chrono::seconds(60);
  service.start();
  Gate gate(service);
  auto one = gate.enter(), two = gate.enter();
  gate.open();
  one.get(), two.get();
  service.stop();
  CHECK(service.details(Kind::shutdown_ended).size() == 2);
}

TEST_CASE("an event that comes when all ends is refused; of those that were accepted before, a line tells") {
  RunningService service;
  service.settings.max_environments = 1;
  service.add_extension("slow", R"({"on_shutdown":{"sleep":1}})");
  service.start();
  Gate gate(service);
  auto call = gate.enter();
  CHECK(service.invoke("1", kEvent).status == 202);
  CHECK(service.invoke("2", kEvent).status == 202);
  service.post([](Service& running) { running.stop([] {}); });
  CHECK(call.get().status == 500);
  auto late = service.invoke("3", kEvent);
  CHECK(late.status == 500);
  CHECK(late.field("x-amzn-errortype") == "ServiceException");
  service.wait_for([](const Observation& what) {
    return what.kind == Kind::notice && what.detail == "2 accepted events did not run to their end";
  });
}
