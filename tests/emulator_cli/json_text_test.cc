#include "emulator/cli/json_text.h"

#include <doctest/doctest.h>

namespace mayfly::emulator::cli {
namespace {

std::string fault(std::string_view text) {
  auto found = find_json_fault(text);
  if (!found) return "";
  return std::to_string(found->line) + ":" + std::to_string(found->column) + " " + found->message;
}

}  // namespace

TEST_CASE("JSON has no fault") {
  for (const char* text : {"{}", "[]", " 0 ", "-0.5e+10", "true", "null", "\"a\\u00e9\\n\"",
                           "{\"a\":[1,{\"b\":\"c\"}],\"d\":false}", "\"\xc3\xa9\"", "1e5"}) {
    CHECK_MESSAGE(fault(text) == "", text);
  }
}

TEST_CASE("a fault has line, column and what was expected") {
  CHECK(fault("{\"id\" 17}") == "1:7 expected ':'");
  CHECK(fault("") == "1:1 expected a value");
  CHECK(fault("{'a':1}") == "1:2 expected a name in \"quotes\"");
  CHECK(fault("['a']") == "1:2 expected a value; JSON's quotes are \"");
  CHECK(fault("{\"a\":1,}") == "1:8 expected a name in \"quotes\"");
  CHECK(fault("[1 2]") == "1:4 expected ',' or ']'");
  CHECK(fault("{\"a\":1\n \"b\":2}") == "2:2 expected ',' or '}'");
  CHECK(fault("{} {}") == "1:4 expected the end");
  CHECK(fault("01") == "1:2 a number cannot begin with 0");
  CHECK(fault("1.") == "1:3 expected a digit");
  CHECK(fault("tru") == "1:1 expected a value");
  CHECK(fault("\"a") == "1:3 the string does not end");
  CHECK(fault("\"\\x\"") == "1:3 unknown escape in a string");
  CHECK(fault("\"\\u12g4\"") == "1:6 expected four hex digits behind \\u");
  CHECK(fault("\"a\nb\"") == "1:3 a control byte inside a string must be escaped");
  CHECK(fault("hello") == "1:1 expected a value");
}

TEST_CASE("columns count characters, not bytes") { CHECK(fault("{\"\xc3\xa9\" 1}") == "1:6 expected ':'"); }

TEST_CASE("bytes that are not UTF-8 are found") {
  CHECK(fault("{\"a\":\"\xff\"}") == "1:7 not UTF-8");
  CHECK(fault("\xc3") == "1:1 not UTF-8");
  CHECK(fault("\"\xc3\xa9\xc3\xa9\xc3\xa9 \xe2\x82 \"") == "1:6 not UTF-8");
}

TEST_CASE("nesting has an end") {
  CHECK(fault(std::string(512, '[') + std::string(512, ']')) == "");
  CHECK(fault(std::string(100'000, '[')).ends_with("nested more than 512 deep"));
}

TEST_CASE("the caret stands under the fault, also far out in a long line") {
  std::string text = "{\"id\" 17}";
  CHECK(caret_text(text, *find_json_fault(text), 74) == "{\"id\" 17}\n      ^");
  std::string longer = "{\"a\":\"" + std::string(500, 'x') + "\" 17}";
  auto excerpt = caret_text(longer, *find_json_fault(longer), 74);
  auto caret = excerpt.find('^') - excerpt.find('\n') - 1;
  CHECK(excerpt.find('\n') <= 74);
  CHECK(excerpt[caret] == '1');
}

TEST_CASE("an answer is laid out without touching its numbers and strings") {
  CHECK(laid_out("{\"a\":[1.50,2e3],\"b\":{},\"c\":[ ],\"d\":\"x: {,} \\\" y\"}") ==
        "{\n  \"a\": [\n    1.50,\n    2e3\n  ],\n  \"b\": {},\n  \"c\": [],\n  \"d\": \"x: {,} \\\" y\"\n}");
  CHECK(laid_out("null") == "null");
}

}  // namespace mayfly::emulator::cli
