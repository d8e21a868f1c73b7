#include "emulator/cli/function_error.h"

#include <doctest/doctest.h>

namespace mayfly::emulator::cli {

using Frames = std::vector<std::string>;

TEST_CASE("an error of Go has frames that are objects") {
  auto error = read_error(
      R"({"errorMessage":"no coffee","errorType":"string","stackTrace":[{"path":"task/main.go","line":98,"label":"handle"},)"
      R"({"path":"runtime/panic.go","line":860},{"label":"main"},{},7,null]})");
  CHECK(error.type == "string");
  CHECK(error.message == "no coffee");
  CHECK(error.frames == Frames{"handle (task/main.go:98)", "runtime/panic.go:860", "main"});
}

TEST_CASE("an error of Node.js has a trace that begins with the message") {
  auto error = read_error(R"#({"errorType":"TypeError","errorMessage":"no tea","trace":["TypeError: no tea",)#"
                          R"#("    at handler (file:///var/task/app.mjs:7:9)","    at async run (x.mjs:1:2)"]})#");
  CHECK(error.frames == Frames{"handler (file:///var/task/app.mjs:7:9)", "async run (x.mjs:1:2)"});
}

TEST_CASE("errors of Python and Java have frames that are text") {
  auto python = read_error(R"#({"errorMessage":"m","errorType":"E","requestId":"","stackTrace":)#"
                           R"#(["  File \"/var/task/app.py\", line 3, in handler\n    raise E(\"m\")\n"]})#");
  CHECK(python.frames == Frames{"File \"/var/task/app.py\", line 3, in handler"});
  auto java = read_error(R"#({"errorMessage":"m","errorType":"E","stackTrace":["Orders.handle(Orders.java:71)"]})#");
  CHECK(java.frames == Frames{"Orders.handle(Orders.java:71)"});
}

TEST_CASE("refusals of the API and what is no error are read as far as they go") {
  CHECK(read_error(R"({"Type":"User","message":"Function not found"})").message == "Function not found");
  CHECK(read_error(R"({"Type":"User","Message":"bad"})").message == "bad");
  CHECK(read_error(R"({"errorType":7,"stackTrace":"deep"})").frames.empty());
  for (auto payload : {"", "null", "[1]", "no JSON", "{\"stackTrace\":[{\"line\":\"x\"},"}) {
    CHECK(read_error(payload).type.empty());
  }
}

}  // namespace mayfly::emulator::cli
