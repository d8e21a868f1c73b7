#include <mayfly/log.h>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <mayfly/json.h>

#include "core/clock.h"
#include "core/log_scope.h"

namespace {

struct Settings {
  const char* format;
  const char* level = "";
};

// What a process of its own writes to standard error: the settings are read
// once in a process.
std::string written_by(Settings settings, const std::function<void()>& write) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  pid_t child = fork();
  if (child == 0) {
    setenv("AWS_LAMBDA_LOG_FORMAT", settings.format, 1);
    setenv("AWS_LAMBDA_LOG_LEVEL", settings.level, 1);
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
    write();
    _exit(0);
  }
  close(ends[1]);
  std::string all;
  char bytes[64 * 1024];
  for (ssize_t n; (n = read(ends[0], bytes, sizeof bytes)) > 0;) all.append(bytes, static_cast<std::size_t>(n));
  close(ends[0]);
  int status = -1;
  waitpid(child, &status, 0);
  CHECK(status == 0);
  return all;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    auto end = text.find('\n', at);
    lines.push_back(text.substr(at, end - at));
    if (end == text.npos) break;
    at = end + 1;
  }
  return lines;
}

// A text line without its time, which must be one.
std::string behind_time(const std::string& line) {
  auto tab = line.find('\t');
  mayfly::core::WallTime time;
  CHECK(mayfly::core::parse_rfc3339(line.substr(0, tab), time));
  return tab == line.npos ? line : line.substr(tab + 1);
}

struct JsonLine {
  std::string timestamp;
  std::string level;
  std::optional<std::string> requestId, tenantId;
  std::string message;
  std::optional<std::string> text;
  std::optional<mayfly::json::Raw> number;
  std::optional<mayfly::json::Raw> json;
  std::string location;
};

}  // namespace

TEST_CASE("a text line has time, level, message and fields") {
  auto text = written_by({"Text"}, [] {
    mayfly::log.info("pricing",
                     {{"order", "a1"}, {"total", 19}, {"ok", true}, {"share", 0.25}, {"big", ~std::uint64_t{0}}});
    mayfly::log.warn("no fields");
  });
  auto lines = lines_of(text);
  REQUIRE(lines.size() == 2);
  CHECK(behind_time(lines[0]) == "INFO\tpricing order=a1 total=19 ok=true share=0.25 big=18446744073709551615");
  CHECK(behind_time(lines[1]) == "WARN\tno fields");
}

TEST_CASE("a text line carries the request id while there is one") {
  auto lines = lines_of(written_by({""}, [] {
    {
      mayfly::LogScope scope("8f3c41d2");
      mayfly::log.error("inside");
    }
    mayfly::log.error("outside");
  }));
  REQUIRE(lines.size() == 2);
  CHECK(behind_time(lines[0]) == "8f3c41d2\tERROR\tinside");
  CHECK(behind_time(lines[1]) == "ERROR\toutside");
}

TEST_CASE("text fields stay apart and on their line") {
  auto lines = lines_of(written_by({""}, [] {
    mayfly::log.info("a\nb\r\nc", {{"space", "x y"},
                                   {"equals", "a=b"},
                                   {"quote", "\"q\""},
                                   {"line", "1\n2"},
                                   {"empty", ""},
                                   {"control", "\x1b[31m\x7f"}});
  }));
  REQUIRE(lines.size() == 1);
  CHECK(behind_time(lines[0]) ==
        "INFO\ta\rb\r\rc space=\"x y\" equals=\"a=b\" quote=\"\\\"q\\\"\" line=\"1\\n2\" empty=\"\" "
        "control=\"\\u001b[31m\x7f\"");
}

TEST_CASE("a JSON line is one valid object, whatever bytes it is given") {
  std::string every_byte;
  for (int c = 0; c < 256; ++c) every_byte += static_cast<char>(c);
  auto lines = lines_of(written_by({"json"}, [&] {
    mayfly::LogScope scope("id", "tenant \"7\"");
    mayfly::log.info("two\nlines", {{"text", every_byte}, {"number", -1.5}});
    mayfly::log.fatal("end", {{"number", ~std::uint64_t{0}}, mayfly::LogField::json("json", R"({"a":[1]})")});
  }));
  REQUIRE(lines.size() == 2);
  mayfly::json::Document document;
  auto first = mayfly::json::parse<JsonLine>(document, lines[0], lines[0].size());
  if (!first) FAIL(first.error().to_string() << ": " << lines[0]);
  mayfly::core::WallTime time;
  CHECK(mayfly::core::parse_rfc3339(first->timestamp, time));
  CHECK(first->level == "INFO");
  CHECK(first->requestId == "id");
  CHECK(first->tenantId == "tenant \"7\"");
  CHECK(first->message == "two\nlines");
  CHECK(first->text->substr(0, 128) == every_byte.substr(0, 128));
  CHECK(first->number->text == "-1.5");
  auto second = mayfly::json::parse<JsonLine>(document, lines[1], lines[1].size());
  REQUIRE(second);
  CHECK(second->level == "FATAL");
  CHECK(second->number->text == "18446744073709551615");
  CHECK(second->json->text == R"({"a":[1]})");
}

TEST_CASE("a JSON line says in which file and line it was written") {
  unsigned line = 0;
  auto lines = lines_of(written_by({"JSON"}, [&] { mayfly::log.info("here"); }));
  line = __LINE__ - 1;
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].ends_with(R"(,"location":"log_test.cc:)" + std::to_string(line) + "\"}"));
}

TEST_CASE("JSON as a field stands in text as it is") {
  auto lines =
      lines_of(written_by({""}, [] { mayfly::log.info("m", {mayfly::LogField::json("stack", R"(["a b","c"])")}); }));
  REQUIRE(lines.size() == 1);
  CHECK(behind_time(lines[0]) == R"(INFO	m stack=["a b","c"])");
}

TEST_CASE("lines of other threads carry the ids that are published, and a scope's its own") {
  auto lines = lines_of(written_by({"JSON"}, [] {
    mayfly::core::publish_log_invocation("r1", "t1");
    std::thread([] { mayfly::log.info("helper"); }).join();
    std::thread([] {
      mayfly::LogScope outer("r2");
      {
        mayfly::LogScope inner("r3", "t3");
        mayfly::log.info("inner");
      }
      mayfly::log.info("outer");
    }).join();
    mayfly::core::publish_log_invocation({}, {});
    std::thread([] { mayfly::log.info("between"); }).join();
  }));
  REQUIRE(lines.size() == 4);
  CHECK(lines[0].find(R"("requestId":"r1","tenantId":"t1","message":"helper")") != lines[0].npos);
  CHECK(lines[1].find(R"("requestId":"r3","tenantId":"t3","message":"inner")") != lines[1].npos);
  CHECK(lines[2].find(R"("requestId":"r2","message":"outer")") != lines[2].npos);
  CHECK(lines[3].find(R"("level":"INFO","message":"between")") != lines[3].npos);
}

TEST_CASE("levels below the setting are dropped") {
  auto all = [] {
    mayfly::log.trace("trace");
    mayfly::log.debug("debug");
    mayfly::log.info("info");
    mayfly::log.warn("warn");
    mayfly::log.error("error");
    mayfly::log.fatal("fatal");
  };
  std::map<std::string, std::size_t> expected{{"TRACE", 6}, {"DEBUG", 5}, {"INFO", 4},  {"WARN", 3}, {"ERROR", 2},
                                              {"FATAL", 1}, {"", 4},      {"debug", 5}, {"LOUD", 4}};
  for (const auto& [level, lines] : expected) {
    CAPTURE(level);
    CHECK(lines_of(written_by({"", level.c_str()}, all)).size() == lines);
  }
}

TEST_CASE("lines of threads never mix") {
  constexpr int kThreads = 4, kLines = 500;
  // Longer than PIPE_BUF, too: the kernel alone would not keep those apart.
  for (auto [format, size] : {std::pair<const char*, std::size_t>{"", 300}, {"JSON", 300}, {"", 10'000}}) {
    CAPTURE(size);
    std::string message(size, 'x');
    auto lines = lines_of(written_by({format}, [&] {
      std::vector<std::thread> threads;
      for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
          for (int i = 0; i < kLines; ++i) mayfly::log.info(message, {{"thread", t}, {"line", i}});
        });
      }
      for (auto& thread : threads) thread.join();
    }));
    REQUIRE(lines.size() == kThreads * kLines);
    std::set<std::string> distinct;
    for (const auto& line : lines) {
      auto at = line.find(message);
      REQUIRE(at != line.npos);
      distinct.insert(line.substr(at + message.size()));
    }
    CHECK(distinct.size() == lines.size());
  }
}

TEST_CASE("a line longer than a pipe's buffer is written whole") {
  std::string message(300'000, 'x');
  auto text = written_by({""}, [&] { mayfly::log.info(message); });
  CHECK(text.size() > message.size());
  CHECK(text.ends_with("x\n"));
}

TEST_CASE("a closed standard error costs the line and nothing else") {
  auto text = written_by({""}, [] {
    int end = fcntl(STDERR_FILENO, F_DUPFD, 10);
    close(STDERR_FILENO);
    mayfly::log.info("lost");
    dup2(end, STDERR_FILENO);
    mayfly::log.info("written");
  });
  REQUIRE(lines_of(text).size() == 1);
  CHECK(behind_time(lines_of(text)[0]) == "INFO\twritten");
}
