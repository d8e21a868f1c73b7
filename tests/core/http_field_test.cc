#include "core/http_field.h"

#include <doctest/doctest.h>

#include <string>

using namespace std::literals;
using namespace mayfly::core;

TEST_CASE("field names compare without case, in ASCII only") {
  CHECK(same_field_name("Content-Length", "content-LENGTH"));
  CHECK_FALSE(same_field_name("Content-Length", "Content-Lengt"));
  CHECK_FALSE(same_field_name("a-b", "a_b"));
  CHECK_FALSE(same_field_name("@", "`"));
  CHECK_FALSE(same_field_name("\xC4", "\xE4"));
  CHECK(same_field_name("", ""));
}

TEST_CASE("a name is a token of RFC 9110") {
  const std::string allowed = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (int c = 0; c < 256; ++c) {
    CAPTURE(c);
    std::string text(1, char(c));
    CHECK(is_token(text) == (allowed.find(char(c)) != allowed.npos));
    CHECK(is_token("a" + text + "b") == is_token(text));
  }
  CHECK_FALSE(is_token(""));
}

TEST_CASE("a value holds any byte but controls, tab excepted") {
  for (int c = 0; c < 256; ++c) {
    CAPTURE(c);
    CHECK(is_field_value("a" + std::string(1, char(c)) + "b") == ((c >= 0x20 && c != 0x7f) || c == '\t'));
  }
  CHECK(is_field_value(""));
}

TEST_CASE("a hostile value cannot add a field") {
  std::string head;
  append_field(head, "X-Id", "a\r\nX-Evil: 1\0\x7f\tb"sv);
  CHECK(head == "X-Id: a  X-Evil: 1  \tb\r\n");
}

TEST_CASE("lower case is that of ASCII") { CHECK(mayfly::core::lower_case("X-\xC3\x89-Az09") == "x-\xC3\x89-az09"); }
