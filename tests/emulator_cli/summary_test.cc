#include "emulator/cli/summary.h"

#include <doctest/doctest.h>

#include "golden.h"
#include "observed.h"

namespace mayfly::emulator::cli {
namespace {

using Kind = Observation::Kind;

Metrics counted(const test::Story& story) {
  Metrics metrics;
  for (const auto& o : story.seen) metrics.observe(o);
  return metrics;
}

Metrics a_day() {
  test::Story story = test::warm();
  for (const char* process : {"telemetry", "bootstrap"}) {
    story.tell(Kind::process_measured, process);
    story.seen.back().usage = {std::chrono::microseconds(1'234'560), 18'533, 11, 1'021};
  }
  story.at(3000).call(3).tell(Kind::throttled);
  // Its life was too short for anyone to look at it.
  story.in(2).call(4).tell(Kind::init_started, "", "init").tell(Kind::process_started, "an-extension\tof-a-long-name");
  return counted(story);
}

}  // namespace

TEST_CASE("the end is told in a line, and what each process has cost in a table") {
  auto text = summary_text(a_day(), std::chrono::milliseconds(300), {});
  CHECK(text == test::golden("summary", text));
}

TEST_CASE("colour only dims the head of the table") {
  Style style;
  style.colour = true;
  auto text = summary_text(a_day(), std::chrono::milliseconds(300), style);
  auto plain = summary_text(a_day(), std::chrono::milliseconds(300), {});
  for (const char* sequence : {"\033[2m", "\033[0m"}) {
    auto at = text.find(sequence);
    REQUIRE(at != text.npos);
    text.erase(at, std::string_view(sequence).size());
  }
  CHECK(text == plain);
}

TEST_CASE("where no process was started there is no table") {
  CHECK(summary_text({}, std::chrono::milliseconds(1), {}) ==
        "stopped in 1.00 ms: 0 calls, 0 errors, 0 throttles, 0 ms, 0.00 GB-s\n");
}

TEST_CASE("for programs the summary is an event; what nobody knows is left out") {
  auto json = summary_json(a_day());
  CHECK(json.substr(json.find("\"type\"")) ==
        R"("type":"mayfly.summary","record":{"calls":2,"errors":0,"throttles":1,"billedMs":41,"gbSeconds":0.005125,)"
        R"("processes":[{"process":"telemetry","extension":true,"starts":1,"initMs":3.4,"afterResponseMs":1.7,)"
        R"("cpuMs":1234.56,"peakMemoryKb":18533,"threads":11,"openFiles":1021},)"
        R"({"process":"bootstrap","extension":false,"starts":1,"initMs":18.4,"afterResponseMs":0.08,)"
        R"("cpuMs":1234.56,"peakMemoryKb":18533,"threads":11,"openFiles":1021},)"
        R"({"process":"an-extension\tof-a-long-name","extension":true,"starts":1,"cpuMs":0}]}})"
        "\n");
}

}  // namespace mayfly::emulator::cli
