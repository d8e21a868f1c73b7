#include "emulator/telemetry/metrics.h"

#include <doctest/doctest.h>

#include "tests/emulator/running_service.h"
#include "tests/emulator_cli/observed.h"

namespace mayfly::emulator {
namespace {

using std::chrono::microseconds;
using test::Kind;
using test::Story;

Metrics counted(const Story& story) {
  Metrics metrics;
  for (const auto& o : story.seen) metrics.observe(o);
  return metrics;
}

Story& measured(Story& story, std::string process, int cpu_ms, int peak_kb, int threads, int files) {
  story.tell(Kind::process_measured, std::move(process));
  story.seen.back().usage = {microseconds(cpu_ms * 1'000), peak_kb, threads, files};
  return story;
}

bool has_line(const std::string& page, const std::string& line) {
  return page.find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("calls are counted by their outcome, and with them what is billed") {
  Story story = test::cold();
  test::add_warm_call(story);
  story.at(3000).call(3).tell(Kind::invocation_started).responded("error", "E").ended("error", 1, 0, 0, "E");
  story.at(4000).call(4).tell(Kind::invocation_started).ended("timeout", 3000, 0, 0, "Sandbox.Timedout");
  story.call(5).tell(Kind::throttled);
  story.call(6).tell(Kind::throttled);
  auto metrics = counted(story);
  CHECK(metrics.totals().calls == 4);
  CHECK(metrics.totals().errors == 2);
  CHECK(metrics.totals().timeouts == 1);
  CHECK(metrics.totals().throttles == 2);
  CHECK(metrics.totals().billed_ms == 38 + 3 + 2 + 3001);
  CHECK(metrics.totals().gb_seconds() == doctest::Approx(3.044 / 8));
  auto page = metrics.page();
  CHECK(has_line(page, "lambda_invocations_total 4"));
  CHECK(has_line(page, "lambda_errors_total{status=\"error\"} 1"));
  CHECK(has_line(page, "lambda_errors_total{status=\"failure\"} 0"));
  CHECK(has_line(page, "lambda_errors_total{status=\"timeout\"} 1"));
  CHECK(has_line(page, "lambda_throttles_total 2"));
  CHECK(has_line(page, "lambda_billed_duration_seconds_total 3.044"));
}

TEST_CASE("durations fall into buckets that include their bound") {
  Story story;
  for (double ms : {1.0, 1.1, 5.0, 900'000.0, 900'001.0}) story.call(1).ended("success", ms, ms > 5 ? 0 : 2.5, 0);
  auto page = counted(story).page();
  CHECK(has_line(page, "lambda_duration_seconds_bucket{le=\"0.001\"} 1"));
  CHECK(has_line(page, "lambda_duration_seconds_bucket{le=\"0.0025\"} 2"));
  CHECK(has_line(page, "lambda_duration_seconds_bucket{le=\"0.005\"} 3"));
  CHECK(has_line(page, "lambda_duration_seconds_bucket{le=\"900\"} 4"));
  CHECK(has_line(page, "lambda_duration_seconds_bucket{le=\"+Inf\"} 5"));
  CHECK(has_line(page, "lambda_duration_seconds_count 5"));
  CHECK(has_line(page, "lambda_duration_seconds_sum 1800.0081"));
  CHECK(has_line(page, "lambda_init_duration_seconds_count 3"));
}

TEST_CASE("a call is an execution from its Init phase to its end, in whichever environment") {
  Metrics metrics;
  Story story;
  auto running = [&] {
    for (const auto& o : story.seen) metrics.observe(o);
    story.seen.clear();
    auto page = metrics.page();
    auto at = page.find("\nlambda_concurrent_executions ") + 30;
    return page.substr(at, page.find('\n', at) - at);
  };
  story.call(1);
  CHECK(running() == "0");  // it may wait for an environment
  story.tell(Kind::init_started, "", "init");
  CHECK(running() == "1");
  story.tell(Kind::invocation_started);
  CHECK(running() == "1");
  story.in(2).call(2).tell(Kind::init_started, "", "init");
  CHECK(running() == "2");
  CHECK(has_line(metrics.page(), "lambda_environments 2"));
  story.tell(Kind::invocation_started).ended("success", 1, 0, 0);
  CHECK(running() == "1");
  story.tell(Kind::shutdown_ended);
  CHECK(running() == "1");
  CHECK(has_line(metrics.page(), "lambda_environments 1"));
}

TEST_CASE("a process costs its init, what it does behind the answer, and what it uses") {
  Story story = test::warm();
  measured(story, "telemetry", 40, 3'000, 2, 9);
  measured(story, "bootstrap", 100, 2'000, 1, 5);
  auto costs = counted(story).processes();
  REQUIRE(costs.size() == 2);
  CHECK(costs[0].process == "telemetry");
  CHECK(costs[0].external_extension);
  CHECK(costs[0].starts == 1);
  CHECK(costs[0].inits == 1);
  CHECK(costs[0].init == microseconds(3'400));
  CHECK(costs[0].calls == 2);
  CHECK(costs[0].after_response == microseconds(3'000 + 400));
  CHECK(costs[0].usage.cpu == microseconds(40'000));
  CHECK(costs[1].process == "bootstrap");
  CHECK(costs[1].init == microseconds(18'400));
  CHECK(costs[1].after_response == microseconds(100 + 60));
  CHECK(costs[1].usage.threads == 1);
}

TEST_CASE("an extension that is back before the answer has done nothing behind it") {
  Story story = test::cold();
  story.at(50).call(2).tell(Kind::invocation_started).at(51).tell(Kind::process_idle, "telemetry");
  story.at(60).responded("success").at(61).tell(Kind::process_idle, "bootstrap").ended("success", 10, 0, 1);
  auto costs = counted(story).processes();
  CHECK(costs[0].calls == 2);
  CHECK(costs[0].after_response == microseconds(3'000));
}

TEST_CASE("of several lives of a process CPU time adds up and the rest is the highest") {
  Story story = test::cold();
  measured(story, "bootstrap", 10, 5'000, 3, 5);
  measured(story, "bootstrap", 30, 6'000, 2, 5);  // a later look at the same one
  story.at(100).tell(Kind::process_exited, "bootstrap", "exit status 1").tell(Kind::init_started, "", "invoke");
  story.tell(Kind::process_started, "bootstrap");
  measured(story, "bootstrap", 7, 4'000, 4, 2);
  story.in(2).tell(Kind::init_started, "", "init").tell(Kind::process_started, "bootstrap");
  measured(story, "bootstrap", 5, 1'000, 1, 30);
  story.tell(Kind::shutdown_ended);
  auto cost = counted(story).processes().at(1);
  CHECK(cost.starts == 3);
  CHECK(cost.inits == 1);
  CHECK(cost.usage.cpu == microseconds(42'000));
  CHECK(cost.usage.peak_memory_kb == 6'000);
  CHECK(cost.usage.threads == 4);
  CHECK(cost.usage.open_files == 30);
}

TEST_CASE("what a file name may hold is no threat to the page") {
  Story story;
  story.tell(Kind::init_started).tell(Kind::process_started, "a\"b\\c\nd\xff");
  CHECK(has_line(counted(story).page(), R"(lambda_process_starts_total{process="a\"b\\c\nd?"} 1)"));
}

TEST_CASE("processes are measured, those that leave by themselves too") {
  test::RunningService service;
  service.add_extension("agent", "{}");
  service.start();
  CHECK(service.invoke("{}").status == 200);
  service.stop();
  Metrics metrics;
  for (const auto& o : service.observations()) metrics.observe(o);
  auto costs = metrics.processes();
  REQUIRE(costs.size() == 2);
  for (const auto& cost : costs) {
    INFO(cost.process);
    CHECK(cost.usage.cpu > microseconds(1'000));  // more than the start of Python takes on any machine
    CHECK(cost.usage.cpu % std::chrono::milliseconds(10) != microseconds(0));  // the kernel's last word
    CHECK(cost.usage.peak_memory_kb > 1'000);
    CHECK(cost.usage.threads >= 1);
    CHECK(cost.usage.open_files >= 4);  // standard ones and a connection
  }
}

}  // namespace mayfly::emulator
