#include "emulator/cli/toml_reader.h"

#include <doctest/doctest.h>

namespace mayfly::emulator::cli {
namespace {

using Kind = TomlEntry::Kind;

TomlEntry entry(const std::string& text) {
  auto sections = read_toml(text);
  REQUIRE_MESSAGE(sections.has_value(), text);
  REQUIRE(!sections->empty());
  return sections->front().entries.at(0);
}

std::string text_of(const std::string& value) {
  auto read = entry("a = " + value + "\n");
  CHECK(read.kind == Kind::text);
  return read.values.at(0);
}

// "2:5 a value should stand here".
std::string fault(const std::string& text) {
  auto sections = read_toml(text);
  REQUIRE_MESSAGE(!sections.has_value(), text);
  const TomlFault& fault = sections.error();
  return std::to_string(fault.line) + ":" + std::to_string(fault.column) + " " + fault.message;
}

}  // namespace

TEST_CASE("texts come in four kinds of quotes") {
  CHECK(text_of(R"("a\tb\n\"\\ \u00e9\U0001F98B")") == "a\tb\n\"\\ \xC3\xA9\xF0\x9F\xA6\x8B");
  CHECK(text_of(R"('C:\no # comment')") == "C:\\no # comment");
  CHECK(text_of("\"\"\"\none\n  two\\\n   three\"\"\"") == "one\n  twothree");
  CHECK(text_of("'''\n{\"a\":1}\r\n'''  # behind it") == "{\"a\":1}\n");
  CHECK(text_of("'''it''s'''''") == "it''s''");
  CHECK(text_of("\"\"").empty());
  CHECK(text_of("'\xEF\xBB\x8A'") == "\xEF\xBB\x8A");
}

TEST_CASE("numbers are whole and decimal, lists have texts and numbers") {
  for (auto [written, read] : {std::pair{"10", "10"}, {"+3", "3"}, {"-17", "-17"}, {"1_000", "1000"}, {"0", "0"}}) {
    auto value = entry("a = " + std::string(written));
    CHECK(value.kind == Kind::number);
    CHECK(value.values == std::vector<std::string>{read});
  }
  CHECK(entry("a=true").kind == Kind::flag);
  CHECK(entry("a = [ 'x', 2, # two\n\n  \"y\",\r\n]\nb = 1").values == std::vector<std::string>{"x", "2", "y"});
  CHECK(entry("a = []").kind == Kind::list);
  CHECK(entry("\"quoted key\" = 1").key == "quoted key");
}

TEST_CASE("what TOML has and settings have not is told apart") {
  for (const char* value : {"1.5", "0x10", "2026-11-01", "2026-11-01 10:00:00", "inf", "{ b = 1 }", "[true]", "[[1]]",
                            "01", "1__0", "9223372036854775808"}) {
    auto read = entry("a = " + std::string(value) + "\n");
    CHECK_MESSAGE(read.kind == Kind::other, value);
    CHECK(read.values.empty());
  }
  CHECK(entry("a.b = 1").kind == Kind::other);
}

TEST_CASE("sections come in the order of their lines") {
  auto sections = read_toml("\xEF\xBB\xBFtop = 1\r\n\n[run] # here\nx = 1\n[ a . \"b c\" ]\n");
  REQUIRE(sections.has_value());
  REQUIRE(sections->size() == 3);
  CHECK((*sections)[0].name.empty());
  CHECK((*sections)[1].line == 3);
  CHECK((*sections)[1].entries.at(0).line == 4);
  CHECK((*sections)[2].name == "a.b c");
}

TEST_CASE("a fault has its line and column") {
  CHECK(fault("[run]\na = = 2\n") == "2:5 a value should stand here");
  CHECK(fault("a = \n") == "1:5 a value should stand here");
  CHECK(fault("a 1") == "1:3 expected = behind the key");
  CHECK(fault("= 1") == "1:1 a key should stand here");
  CHECK(fault("[run") == "1:5 expected ]");
  CHECK(fault("[;run.v<c") == "1:2 a key should stand here");
  CHECK(fault("[\"\"]") == "1:5 a section has a name");
  CHECK(fault("[[run]]") == "1:2 [[...]] is no section: there is one of each");
  CHECK(fault("[run]\n[run]") == "2:1 [run] stands there for the second time");
  CHECK(fault("a = 1\na = 2") == "2:1 a stands there for the second time");
  CHECK(fault("a = 1 b = 2") == "1:7 the line should end here");
  CHECK(fault("\xC3\xA9 = 1") == "1:1 a key should stand here");
  CHECK(fault("a = '\xC3\xA9' x") == "1:9 the line should end here");
  CHECK(fault("a = \"x\n") == "1:7 the text has no end in its line");
  CHECK(fault("a = \"\"\"x\n") == "2:1 the text has no end");
  CHECK(fault("a = \"\\q\"") == "1:7 no such escape");
  CHECK(fault("a = \"\\ud800\"") == "1:7 no such escape");
  CHECK(fault("a = \"\\u12\"") == "1:7 no such escape");
  CHECK(fault("a = [1,\n") == "2:1 the list has no end");
  CHECK(fault("a = [1 2]") == "1:8 expected , or ]");
  CHECK(fault(std::string("a = 'x\0'", 9)) == "1:7 a text has a control character");
  CHECK(fault("# a\x01") == "1:4 a comment has a control character");
  CHECK(fault("a\rb = 1") == "1:2 expected = behind the key");
  CHECK(fault("a = '\xFF'").ends_with("this is not UTF-8"));
}

}  // namespace mayfly::emulator::cli
