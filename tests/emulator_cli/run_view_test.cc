#include "emulator/cli/run_view.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>

#include "golden.h"
#include "observed.h"

namespace mayfly::emulator::cli {
namespace {

using test::Story;
using Kind = Observation::Kind;

std::string shown(const Story& story, View view, RunView* given = nullptr) {
  setenv("TZ", "UTC", 1);
  tzset();
  Style style;
  style.ascii = true;
  RunView own(view, style);
  RunView& run_view = given ? *given : own;
  std::string out;
  for (const Observation& o : story.seen) out += run_view.observe(o);
  return out;
}

Story a_day() {
  Story story = test::cold();
  test::add_warm_call(story);
  story.at(3000)
      .call(3)
      .tell(Kind::invocation_started)
      .tell(Kind::log_line, "bootstrap", "looking for 17")
      .at(3001)
      .responded("error", "Orders.Unknown")
      .tell(Kind::process_idle, "bootstrap")
      .tell(Kind::process_idle, "telemetry")
      .ended("error", 1, 0, 0.1, "Orders.Unknown");
  return test::add_shutdown(story);
}

}  // namespace

TEST_CASE("an error is shown in the function's own words, below its line when it is too long for it") {
  Story story = test::cold();
  story.at(3000).call(2).tell(Kind::invocation_started).at(3001).responded("error", "Order.Invalid");
  story.tell(Kind::process_idle, "bootstrap")
      .tell(Kind::process_idle, "telemetry")
      .ended("error", 1, 0, 0.1, "Runtime.Unknown");
  story.seen.back().report.error_message = "the quantity of tea is 0, it must be positive";
  auto text = shown(story, View::timeline);
  CHECK(text.find("ERROR  billed 2 ms\n  Order.Invalid: the quantity of tea is 0, it must be positive\n") != text.npos);
}

TEST_CASE("the picture of a cold start waits for the freeze and shows it; the next call or the end wait for nobody") {
  Style style;
  style.ascii = true;
  RunView view(View::timeline, style, false, true);
  Story story = test::cold();
  CHECK(shown(story, View::timeline, &view).find("200") == std::string::npos);
  Story rest;
  rest.seen.push_back(story.seen.back());
  bool frozen = false;
  SUBCASE("frozen") {
    frozen = true;
    rest.seen.back().elapsed_ns += 10'000'000;
    rest.seen.back().kind = Kind::frozen;
  }
  SUBCASE("a call") { rest.seen.back().kind = Kind::invocation_started; }
  SUBCASE("the end") { rest.seen.back().kind = Kind::shutdown_started; }
  auto text = shown(rest, View::timeline, &view);
  CHECK(text.find(" 200  ") != std::string::npos);
  CHECK((text.find("~~~~\n") != std::string::npos) == frozen);
}

TEST_CASE("a note that is about no environment is none of a view") {
  RunView view(View::timeline, Style{});
  Observation note;
  note.kind = Kind::notice;
  note.detail = "cleaned up after mayfly run (pid 1, killed): 1 process";
  CHECK(view.observe(note).empty());
}

TEST_CASE("cold starts and the shutdown are pictures, warm calls are lines") {
  auto text = shown(a_day(), View::timeline);
  CHECK(text == test::golden("view_of_a_day", text));
}

TEST_CASE("a warm call that streams is a picture, and says what its trailers say") {
  auto text = shown(test::stream(), View::timeline);
  CHECK(text.find("#2 8f3c41d2 warm\n") != text.npos);
  CHECK(text.find("=====") != text.npos);
  CHECK(text.ends_with(" MB\n"));
  auto story = test::stream("Orders.Late");
  auto answer = std::ranges::find(story.seen, "Orders.Late", &Observation::detail);
  answer->message = "too\nlate";
  CHECK(shown(story, View::timeline).ends_with(" MB\n  ERROR behind the response  Orders.Late: too late\n"));
}

TEST_CASE("a timeout is drawn with its reset and says how it ended") {
  auto text = shown(test::timeout(), View::timeline);
  CHECK(text == test::golden("view_timeout", text));
}

TEST_CASE("a crash and an init failure say what ended the process") {
  CHECK(shown(test::crash(), View::timeline)
            .ends_with("\n CRASH  signal: segmentation fault (Runtime.ExitError); next call starts anew\n"));
  CHECK(shown(test::init_failure(), View::timeline)
            .ends_with("\n INIT FAILED  exit status 1 (Runtime.ExitError); next call starts anew\n"));
}

TEST_CASE("the header of a cold start comes before its end") {
  Story story;
  story.at(0).call(1).tell(Kind::init_started, "", "init");
  CHECK(shown(story, View::timeline).ends_with("#1 8f3c41d2 cold\n"));
}

TEST_CASE("one call and its shutdown are one picture") {
  Story story = test::cold();
  story.at(38)
      .tell(Kind::shutdown_started, "", "SandboxTerminated")
      .at(47)
      .tell(Kind::process_exited, "telemetry", "exit status 0")
      .tell(Kind::shutdown_ended);
  Style style;
  style.ascii = true;
  RunView view(View::timeline, style, true);
  auto before = shown(story, View::timeline, &view);
  CHECK(before.find(" telemetry  ") == before.npos);
  auto picture = view.finish();
  CHECK(picture.find("+++\n") != picture.npos);
  CHECK(picture.find(" 200  init 21.90") != picture.npos);
  CHECK(view.finish().empty());
}

TEST_CASE("calls in several environments are whole lines, each naming its own") {
  Story story = test::cold();
  story.at(2000).call(2).call(3);
  auto about = [&](std::uint32_t number, std::uint32_t environment) {
    story.in(environment).tell(Kind::invocation_started);
    story.seen.back().number = number;
  };
  about(2, 1);
  about(3, 2);
  story.in(2).at(2001).tell(Kind::log_line, "bootstrap", "hello").ended("success", 1, 0, 0);
  story.seen.back().number = 3;
  story.in(1).at(2002).ended("success", 1, 0, 0);
  story.seen.back().number = 2;
  auto text = shown(story, View::timeline);
  auto second = text.find("#2 8f3c41d2 warm  200"), third = text.find("#3 8f3c41d2 env 2 warm  200");
  CHECK(text.find("  bootstrap 2 | hello\n") < third);
  CHECK(third < second);
  CHECK(second != text.npos);
}

TEST_CASE("a throttled call is a line") {
  Story story;
  story.call(1).tell(Kind::throttled);
  CHECK(shown(story, View::timeline).find("#1 8f3c41d2 THROTTLED  429: every environment has a call\n") !=
        std::string::npos);
}

TEST_CASE("the log view has the service's lines and the function's, as they are") {
  Story story;
  story.call(1)
      .tell(Kind::platform_line, "", "START RequestId: 1 Version: $LATEST")
      .tell(Kind::log_line, "bootstrap", "hello");
  CHECK(shown(story, View::log) == "START RequestId: 1 Version: $LATEST\nhello\n");
  CHECK(shown(story, View::output) == "hello\n");
  CHECK(shown(story, View::none).empty());
}

TEST_CASE("JSON has an event a line in the Telemetry API's shape, platform events as they are") {
  Story story;
  story.tell(Kind::platform_event, "", R"({"phase":"init","metrics":{"durationMs":21.9}})");
  story.seen.back().message = "platform.initReport";
  CHECK(shown(story, View::json) == R"({"time":"2023-11-14T22:13:20.042Z","type":"platform.initReport",)"
                                    R"("record":{"phase":"init","metrics":{"durationMs":21.9}},"env":1})"
                                    "\n");
  auto text = shown(a_day(), View::json);
  CHECK(text == test::golden("view_of_a_day_json", text));
}

TEST_CASE("a function's message cannot break out of its line") {
  Story story = test::cold();
  story.at(3000).call(2).tell(Kind::invocation_started).responded("error", "E").ended("error", 1, 0, 0, "E");
  story.seen.back().report.error_message = "two\nlines \033[2J and " + std::string(500, 'x');
  auto text = shown(story, View::timeline);
  auto line = text.substr(text.rfind('\n', text.size() - 2) + 1);
  CHECK(line.size() <= 410);
  CHECK(line.find('\033') == line.npos);
}

TEST_CASE("calls that overlap are lines, with what is open beside them") {
  RunView view(View::timeline, Style{}, false, false, true);
  Story story;
  story.at(0).tell(Kind::init_started).at(48).tell(Kind::init_ended, {}, "success");
  story.at(100).call(1).tell(Kind::invocation_started).call(2).tell(Kind::invocation_started);
  story.at(112).ended("success", 12, 0, 0).call(1).at(150).ended("error", 50, 0, 0, "Function.Oops");
  story.tell(Kind::process_exited, "bootstrap", "exit status 3").tell(Kind::shutdown_started, {}, "failure");
  auto text = shown(story, View::timeline, &view);
  INFO(text);
  CHECK(text.find("ready in 48.00 ms\n") != text.npos);
  CHECK(text.find("#2 8f3c41d2 200  12.00 ms  1 open\n") != text.npos);
  CHECK(text.find("#1 8f3c41d2 ERROR  Function.Oops  50.00 ms\n") != text.npos);
  CHECK(text.find("the environment ends (bootstrap ended: exit status 3) and is replaced\n") != text.npos);
}

}  // namespace mayfly::emulator::cli
