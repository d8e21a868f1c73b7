#include "emulator/cli/timeline.h"

#include <doctest/doctest.h>

#include "golden.h"
#include "observed.h"

namespace mayfly::emulator::test {
namespace {

constexpr std::int64_t kMs = 1'000'000;

std::string ascii(const Story& story, std::int64_t from_ms, int width = 80) {
  return draw_timeline(story.seen, from_ms * kMs, {.width = width, .ascii = true});
}

// Columns of a line of UTF-8.
std::size_t columns(std::string_view line) {
  std::size_t n = 0;
  for (char c : line) n += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return n;
}

void check_width(const std::string& picture, std::size_t most) {
  std::istringstream lines(picture);
  for (std::string line; std::getline(lines, line);) {
    INFO(line);
    CHECK(columns(line) <= most);
  }
}

}  // namespace

TEST_CASE("a cold start shows extension, runtime, handler and the work after the answer on one axis") {
  auto picture = draw_timeline(cold().seen, 0, {.width = 80});
  CHECK(picture == golden("cold", picture));
}

TEST_CASE("a warm call begins at its own zero") {
  auto picture = draw_timeline(warm().seen, 2000 * kMs, {.width = 80});
  CHECK(picture == golden("warm", picture));
}

TEST_CASE("a streamed answer shows when it began") {
  auto picture = draw_timeline(stream().seen, 2000 * kMs, {.width = 80});
  CHECK(picture == golden("stream", picture));
  CHECK(ascii(stream(), 2000).find("###========") != std::string::npos);
}

TEST_CASE("a timeout shows the handler, the shutdown and the kill") {
  auto picture = draw_timeline(timeout().seen, 5000 * kMs, {.width = 80});
  CHECK(picture == golden("timeout", picture));
}

TEST_CASE("a crash is marked where it happened, and the extension goes on to its end") {
  auto picture = ascii(crash(), 5000);
  CHECK(picture == golden("crash", picture));
}

TEST_CASE("an init that fails twice has both attempts in one row") {
  auto picture = ascii(init_failure(), 0);
  CHECK(picture == golden("init_failure", picture));
}

TEST_CASE("init, call and shutdown fit on one axis") {
  Story story = cold();
  story.at(38)
      .tell(Kind::shutdown_started, "", "SandboxTerminated")
      .tell(Kind::process_killed, "bootstrap", "SIGTERM")
      .at(39)
      .tell(Kind::process_exited, "bootstrap", "exit status 0")
      .at(47)
      .tell(Kind::process_exited, "telemetry", "exit status 0")
      .tell(Kind::shutdown_ended);
  auto picture = draw_timeline(story.seen, 0, {.width = 80});
  CHECK(picture == golden("whole_life", picture));
}

TEST_CASE("what is frozen at the end is drawn as frozen, a little beyond it") {
  Story story = cold();
  story.tell(Kind::frozen);
  auto picture = ascii(story, 0);
  CHECK(picture.find("~~~~\n") != picture.npos);
  CHECK(picture.find("~~~~~~") == picture.npos);
}

TEST_CASE("no line is wider than asked, for any width and any duration") {
  for (int width : {60, 80, 97, 120}) {
    for (double ms : {0.002, 0.9, 1.0, 9.99, 10.0, 77.0, 999.0, 1000.0, 3600.0, 900'000.0}) {
      Story story;
      story.at(0)
          .tell(Kind::init_started, "", "init")
          .tell(Kind::process_started, "bootstrap")
          .at(ms)
          .tell(Kind::process_ready, "bootstrap");
      INFO(width << " columns, " << ms << " ms");
      check_width(draw_timeline(story.seen, 0, {.width = width}), static_cast<std::size_t>(width));
    }
  }
}

TEST_CASE("a handler too quick for a column still has one") {
  Story story;
  story.at(0)
      .tell(Kind::init_started, "", "init")
      .tell(Kind::process_started, "bootstrap")
      .at(900)
      .tell(Kind::process_ready, "bootstrap")
      .tell(Kind::init_ended, "", "success")
      .tell(Kind::invocation_started)
      .at(900.01)
      .responded("success")
      .at(900.02)
      .tell(Kind::process_idle, "bootstrap")
      .at(1000)
      .ended("success", 1, 900, 0);
  CHECK(ascii(story, 0).find("i#") != std::string::npos);
}

TEST_CASE("without a process there is no picture") {
  CHECK(draw_timeline({}, 0, {}).empty());
  Story story;
  story.at(1).call(1);
  CHECK(draw_timeline(story.seen, 0, {}).empty());
}

TEST_CASE("colour changes nothing but the escape sequences") {
  auto plain = draw_timeline(timeout().seen, 5000 * kMs, {.width = 80});
  auto coloured = draw_timeline(timeout().seen, 5000 * kMs, {.width = 80, .colour = true});
  std::string stripped;
  for (std::size_t i = 0; i < coloured.size(); ++i) {
    if (coloured[i] == '\033')
      i = coloured.find('m', i);
    else
      stripped += coloured[i];
  }
  CHECK(stripped == plain);
  CHECK(coloured != plain);
}

}  // namespace mayfly::emulator::test
