#include "extensions/telemetry/log_text.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace mayfly::telemetry;

namespace {

constexpr std::string_view kId = "8f3c41d2-0000-4000-8000-000000000001";
constexpr std::string_view kTime = "2026-11-21T10:02:11.042Z";

struct Row {
  std::string what;
  std::string line;
  std::string level;
  int severity;
  std::string_view id;
  bool time;
  std::string message;
};

}  // namespace

TEST_CASE("lines of all managed runtimes, of their loggers and of Lambda tell level, request and message") {
  const std::string id{kId}, time{kTime};
  const std::vector<Row> rows{
      {"Node.js", time + "\t" + id + "\tINFO\tlow stock", "INFO", 9, kId, true, "low stock"},
      {"Node.js in init", time + "\tundefined\tWARN\tlow\tstock", "WARN", 13, "", true, "low\tstock"},
      {"Node.js, uncaught", time + "\t" + id + "\tERROR\tInvoke Error \t{\"errorType\":\"Error\"}", "ERROR", 17, kId,
       true, "Invoke Error \t{\"errorType\":\"Error\"}"},
      {"Python", "[WARNING]\t" + time + "\t" + id + "\tlow stock", "WARNING", 13, kId, true, "low stock"},
      {"Python in init", "[INFO]\t" + time + "\t\tlow stock", "INFO", 9, "", true, "low stock"},
      {"Python, uncaught", "[ERROR] ValueError: low\nTraceback (most recent call last):", "ERROR", 17, "", false,
       "ValueError: low\nTraceback (most recent call last):"},
      {"Java, LambdaLogger", "[DEBUG] low stock", "DEBUG", 5, "", false, "low stock"},
      {"Java, log4j2", "2026-11-21 10:02:11 " + id + " WARN  App - low stock", "WARN", 13, kId, false,
       "App - low stock"},
      {"Java, log4j2 with milliseconds", "2026-11-21 10:02:11,042 " + id + " INFO  App:12 - x", "INFO", 9, kId, false,
       "App:12 - x"},
      {"Java, log4j2 in init", "2026-11-21 10:02:11  ERROR App - x", "ERROR", 17, "", false, "App - x"},
      {".NET", time + "\t" + id + "\tfail\tlow stock", "fail", 17, kId, true, "low stock"},
      {".NET, critical", time + "\t" + id + "\tcrit\tx", "crit", 21, kId, true, "x"},
      {"Ruby", "I, [2026-11-21T10:02:11.042123 #8]  INFO " + id + " -- : low stock", "INFO", 9, kId, false,
       "low stock"},
      {"Ruby with a name", "E, [2026-11-21T10:02:11.042123 #8] ERROR " + id + " -- shop: low", "ERROR", 17, kId, false,
       "low"},
      {"Ruby in init", "W, [2026-11-21T10:02:11.042123 #8]  WARN  -- : low", "WARN", 13, "", false, "low"},
      {"Go, log", "2026/11/21 10:02:11 low stock", "", 0, "", false, "low stock"},
      {"Go, log with microseconds", "2026/11/21 10:02:11.042123 low", "", 0, "", false, "low"},
      {"Go, slog", "time=2026-11-21T10:02:11.042Z level=WARN msg=\"low stock\"", "WARN", 13, "", false,
       "time=2026-11-21T10:02:11.042Z level=WARN msg=\"low stock\""},
      {"logfmt", "level=error msg=low", "error", 17, "", false, "level=error msg=low"},
      {"Go, zap", time + "\tINFO\tapp.go:12\tlow", "INFO", 9, "", true, "app.go:12\tlow"},
      {"mayfly::log", time + "\tERROR\tlow", "ERROR", 17, "", true, "low"},
      {"Lambda, START", "START RequestId: " + id + " Version: $LATEST", "", 0, kId, false,
       "START RequestId: " + id + " Version: $LATEST"},
      {"Lambda, END", "END RequestId: " + id, "", 0, kId, false, "END RequestId: " + id},
      {"Lambda, REPORT", "REPORT RequestId: " + id + "\tDuration: 1.00 ms", "", 0, kId, false,
       "REPORT RequestId: " + id + "\tDuration: 1.00 ms"},
      {"Lambda, exit", "RequestId: " + id + " Error: Runtime exited with error: exit status 1", "Error", 17, kId, false,
       "RequestId: " + id + " Error: Runtime exited with error: exit status 1"},
      {"Lambda, timeout", time + " " + id + " Task timed out after 3.00 seconds", "", 17, kId, true,
       time + " " + id + " Task timed out after 3.00 seconds"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    auto told = parse_text_line(row.line);
    CHECK(told.level == row.level);
    CHECK(int{told.severity} == row.severity);
    CHECK(told.request_id == row.id);
    CHECK(told.time.has_value() == row.time);
    if (told.time) CHECK(mayfly::core::rfc3339(*told.time) == kTime);
    CHECK(told.message == row.message);
  }
}

TEST_CASE("lines that only begin like one of them tell nothing") {
  const std::string id{kId}, time{kTime};
  for (const std::string& line : {std::string(),
                                  std::string("low stock"),
                                  std::string("ERROR\tno time"),
                                  time + "\tnext\tERROR\tx\ty",
                                  "[x]\t" + time + "\tlow",
                                  
                                  std::string("[maybe] x"),
                                  std::string("["),
                                  std::string("[]"),
                                  std::string("RequestId: 1"),
                                  std::string("START"),
                                  std::string("I, [no end"),
                                  std::string("I, [x] what"),
                                  std::string("2026-11-21 10:02:11 then"),
                                  std::string("2026-11-21 10:02:11"),
                                  std::string("2026/11/21"),
                                  std::string("time=1 levels=WARN"),
                                  std::string("level=\"\""),
                                  std::string("level="),
                                  std::string("10"),
                                  time + " " + id + " something else",
                                  std::string(1000, '\t'),
                                  std::string(1000, '[')}) {
    CAPTURE(line);
    auto told = parse_text_line(line);
    CHECK(told.level == "");
    CHECK(int{told.severity} == 0);
    CHECK(told.request_id == "");
  }
}

TEST_CASE("severity words are read in any case, with OpenTelemetry's finer steps") {
  CHECK(int{severity_number("trace")} == 1);
  CHECK(int{severity_number("Debug2")} == 6);
  CHECK(int{severity_number("INFO4")} == 12);
  CHECK(int{severity_number("Warning")} == 13);
  CHECK(int{severity_number("FATAL3")} == 23);
  CHECK(int{severity_number("dbug")} == 5);
  CHECK(int{severity_number("INFO5")} == 0);
  CHECK(int{severity_number("inf")} == 0);
  CHECK(int{severity_number("")} == 0);
  CHECK(int{severity_number("2")} == 0);
}
