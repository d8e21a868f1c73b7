#include "extensions/telemetry/stack_trace.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using mayfly::telemetry::StackTrace;

namespace {

// The lines, joined as StackTrace says.
std::vector<std::string> joined(const std::vector<std::string>& lines) {
  StackTrace trace;
  std::vector<std::string> out;
  for (const auto& line : lines) {
    if (trace.continues(line) && !out.empty()) {
      out.back() += "\n" + line;
    } else {
      out.push_back(line);
    }
  }
  return out;
}

void check_is_one(const std::vector<std::string>& lines) {
  std::vector<std::string> all{"before"};
  all.insert(all.end(), lines.begin(), lines.end());
  all.emplace_back("after");
  auto records = joined(all);
  REQUIRE(records.size() == 3);
  CHECK(records[0] == "before");
  CHECK(records[1].starts_with(lines.front()));
  CHECK(records[1].ends_with(lines.back()));
  CHECK(records[2] == "after");
}

}  // namespace

TEST_CASE("a Java trace is one record with its causes") {
  check_is_one({"Exception in thread \"main\" java.lang.IllegalStateException: low stock",
                "\tat shop.Stock.take(Stock.java:12)", "\tat shop.App.handle(App.java:5)",
                "Caused by: java.io.IOException: no table", "\tat shop.Table.open(Table.java:9)", "\t... 2 more",
                "\tSuppressed: java.lang.Exception: closing", "\t\tat shop.Table.close(Table.java:20)"});
}

TEST_CASE("a JavaScript trace is one record, with what the error has besides") {
  check_is_one({"TypeError: low stock", "    at take (/var/task/stock.js:3:9)",
                "    at async exports.handler (/var/task/index.js:8:3) {", "  code: 'ELOW',",
                "  [cause]: Error: no table", "      at open (/var/task/table.js:1:1)", "}"});
}

TEST_CASE("a Python trace is one record, chained ones included") {
  check_is_one({"Traceback (most recent call last):", "  File \"/var/task/app.py\", line 3, in take",
                "    raise KeyError(\"low\")", "KeyError: 'low'", "",
                "During handling of the above exception, another exception occurred:", "",
                "Traceback (most recent call last):", "  File \"/var/task/app.py\", line 9, in handler", "    take()",
                "    ~~~~^^", "ValueError: low stock"});
}

TEST_CASE("a Go panic is one record with all goroutines") {
  check_is_one({"panic: low stock [recovered]", "\tpanic: low stock", "", "goroutine 1 [running]:", "main.take(...)",
                "\t/app/main.go:12", "main.main()", "\t/app/main.go:20 +0x1d", "",
                "goroutine 7 [select]:", "created by net/http.(*Server).Serve in goroutine 1",
                "\t/usr/local/go/server.go:3285 +0x4b4", "exit status 2"});
}

TEST_CASE("a Ruby trace is one record") {
  check_is_one({"app.rb:3:in `take': low stock (RuntimeError)", "\tfrom app.rb:9:in `handler'", "\tfrom app.rb:12"});
  check_is_one({"app.rb:3: low stock (RuntimeError)", "\t 1: from app.rb:9", "\t10: from app.rb:12"});
}

TEST_CASE("a .NET trace is one record") {
  check_is_one({"System.InvalidOperationException: low stock", " ---> System.IO.IOException: no table"});
  check_is_one({"System.InvalidOperationException: low stock", "   at Shop.Stock.Take() in /src/Stock.cs:line 12",
                "   --- End of inner exception stack trace ---", "   at Shop.App.Handle() in /src/App.cs:line 5"});
}

TEST_CASE("lines that are no trace stay apart, indented ones too") {
  std::vector<std::string> lines{"one", "  two", "", "three", "{", "  \"a\": 1", "}", "at home", "from here"};
  CHECK(joined(lines) == lines);
}

TEST_CASE("a second trace begins a record of its own") {
  CHECK(joined({"A: x", "\tat f()", "B: y", "\tat g()", "\tat h()"}) ==
        std::vector<std::string>{"A: x\n\tat f()", "B: y\n\tat g()\n\tat h()"});
  CHECK(joined({"Traceback (most recent call last):", "  File \"a\", line 1", "E: x",
                "Traceback (most recent call last):", "  File \"b\", line 1", "E: y"})
            .size() == 2);
}
