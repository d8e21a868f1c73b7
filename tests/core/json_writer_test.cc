#include <mayfly/json/writer.h>

#include <doctest/doctest.h>

#include <cfloat>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>

#include <mayfly/json/value.h>

using namespace std::literals;
using mayfly::json::append_string;
using mayfly::json::is_utf8;
using mayfly::json::Writer;

namespace {

const std::string kReplacement = "\xEF\xBF\xBD";

std::string quoted(std::string_view text) {
  std::string out;
  append_string(out, text);
  return out;
}

// What another reader makes of it.
std::string read_back(const std::string& json) {
  mayfly::json::Document document;
  auto value = document.parse(json);
  REQUIRE(value);
  std::string_view text;
  REQUIRE(value->get(text) == mayfly::json::Status::ok);
  return std::string(text);
}

template <class T>
std::string number(T n) {
  std::string out;
  Writer(out).value(n);
  return out;
}

}  // namespace

TEST_CASE("every ASCII byte reads back as itself, alone and between others") {
  for (int c = 0; c < 0x80; ++c) {
    CAPTURE(c);
    for (std::string text : {std::string(1, char(c)), "ab" + std::string(1, char(c)) + "cd", std::string(3, char(c))}) {
      std::string json = quoted(text);
      CHECK(read_back(json) == text);
      for (char out : json) CHECK(static_cast<unsigned char>(out) >= 0x20);
    }
  }
}

TEST_CASE("every byte from 0x80 on becomes U+FFFD when it stands alone") {
  for (int c = 0x80; c < 0x100; ++c) {
    CAPTURE(c);
    CHECK(quoted(std::string(1, char(c))) == "\"" + kReplacement + "\"");
    CHECK(quoted("ab" + std::string(1, char(c)) + "cd") == "\"ab" + kReplacement + "cd\"");
    CHECK(quoted("\"" + std::string(1, char(c)) + "\"") == "\"\\\"" + kReplacement + "\\\"\"");
  }
}

TEST_CASE("the short escapes are used where JSON has them") {
  CHECK(quoted("\"\\\b\f\n\r\t") == R"("\"\\\b\f\n\r\t")");
  CHECK(quoted("\x01\x1f\x7f/"sv) == "\"\\u0001\\u001f\x7f/\"");
  CHECK(quoted("\0"sv) == R"("\u0000")");
  CHECK(quoted("") == R"("")");
}

TEST_CASE("the first and the last code point of each row of Unicode's table 3-7 pass unchanged") {
  for (std::string text :
       {"\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xE0\xBF\xBF", "\xE1\x80\x80", "\xEC\xBF\xBF", "\xED\x80\x80",
        "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF0\xBF\xBF\xBF", "\xF1\x80\x80\x80",
        "\xF3\xBF\xBF\xBF", "\xF4\x80\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    CAPTURE(text);
    CHECK(is_utf8(text));
    CHECK(quoted(text) == "\""s + text + "\"");
    CHECK(quoted("a"s + text + "b\n" + text) == "\"a"s + text + "b\\n" + text + "\"");
  }
}

TEST_CASE("each ill-formed sequence becomes one U+FFFD for each maximal part") {
  struct Case {
    std::string_view bytes;
    int replacements;
    std::string_view rest = "";
  };
  for (auto [bytes, replacements, rest] : {
           Case{"\xC0\x80", 2},
           Case{"\xC1\xBF", 2},  // overlong, two bytes
           Case{"\xE0\x80\x80", 3},
           Case{"\xE0\x9F\xBF", 3},  // overlong, three
           Case{"\xF0\x80\x80\x80", 4},
           Case{"\xF0\x8F\xBF\xBF", 4},  // overlong, four
           Case{"\xED\xA0\x80", 3},
           Case{"\xED\xBF\xBF", 3},              // surrogates
           Case{"\xED\xA0\xBD\xED\xB8\x80", 6},  // a surrogate pair
           Case{"\xF4\x90\x80\x80", 4},
           Case{"\xF5\x80\x80\x80", 4},
           Case{"\xFF", 1},  // beyond U+10FFFF
           Case{"\xFE\xFE", 2},
           Case{"\x80", 1},
           Case{"\xBF\xBF", 2},  // no lead byte
           Case{"\xC2", 1},
           Case{"\xE1", 1},
           Case{"\xE1\x80", 1},  // cut at the end
           Case{"\xF1", 1},
           Case{"\xF1\x80", 1},
           Case{"\xF1\x80\x80", 1},
           Case{"\xC2x", 1, "x"},
           Case{"\xE1\x80x", 1, "x"},
           Case{"\xF1\x80\x80x", 1, "x"},  // cut by another
           Case{"\xE1\x80\xC3\xA9", 1, "\xC3\xA9"},
           Case{"\xF1\x80\xE2\x82\xAC", 1, "\xE2\x82\xAC"},
           Case{"\xF0\x90\x80", 1},
           Case{"\xF4\x8F\xBF", 1},
           Case{"\xE0\xA0", 1},
           Case{"\xED\x9F", 1},
       }) {
    std::string expected;
    for (int i = 0; i < replacements; ++i) expected += kReplacement;
    expected += rest;
    CAPTURE(expected);
    CHECK_FALSE(is_utf8(bytes));
    CHECK(quoted(bytes) == "\"" + expected + "\"");
    CHECK(quoted("<" + std::string(bytes) + ">").substr(1, 1) == "<");
    CHECK(is_utf8(quoted(bytes)));
  }
}

TEST_CASE("any three bytes give valid JSON and UTF-8") {
  const unsigned char interesting[] = {0x00, 0x1F, '"',  '\\', 'a',  0x7F, 0x80, 0x8F, 0x90, 0x9F,
                                       0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED,
                                       0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF};
  for (auto a : interesting) {
    for (auto b : interesting) {
      for (auto c : interesting) {
        std::string text{char(a), char(b), char(c)};
        std::string json = quoted(text);
        if (!is_utf8(json)) FAIL_CHECK("not UTF-8: " << int(a) << ' ' << int(b) << ' ' << int(c));
        std::string back = read_back(json);
        if (is_utf8(text) ? back != text : back.find(kReplacement) == back.npos) {
          FAIL_CHECK("changed: " << int(a) << ' ' << int(b) << ' ' << int(c));
        }
      }
    }
  }
}

TEST_CASE("integers are written in full") {
  CHECK(number(0) == "0");
  CHECK(number(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
  CHECK(number(std::numeric_limits<std::int64_t>::max()) == "9223372036854775807");
  CHECK(number(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
  CHECK(number(std::int8_t{-128}) == "-128");
  CHECK(number(std::uint8_t{255}) == "255");
}

TEST_CASE("doubles are short and read back as the same double") {
  CHECK(number(0.1) == "0.1");
  CHECK(number(1.0) == "1");
  CHECK(number(-0.0) == "-0");
  CHECK(number(1e21) == "1e+21");
  for (double d : {0.1 + 0.2, 1.0 / 3, DBL_MAX, DBL_MIN, DBL_TRUE_MIN, -DBL_MAX, 123456789012345680.0, 5e-324, 1e22,
                   1e23, 2.2250738585072011e-308, 9007199254740993.0}) {
    CAPTURE(d);
    CHECK(std::strtod(number(d).c_str(), nullptr) == d);
  }
  std::uint64_t bits = 88172645463325252u;  // xorshift: any doubles at all, the same each time
  for (int i = 0; i < 20'000; ++i) {
    bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
    double d;
    std::memcpy(&d, &bits, sizeof d);
    if (!std::isfinite(d)) continue;
    mayfly::json::Document document;
    double back = 0;
    std::string json = number(d);
    if (document.parse(json)->get(back) != mayfly::json::Status::ok || back != d) FAIL_CHECK(json);
  }
}

TEST_CASE("a float is as short as a float can be") {
  CHECK(number(0.1f) == "0.1");
  CHECK(number(FLT_MAX) == "3.4028235e+38");
  CHECK(std::strtof(number(1.0f / 3).c_str(), nullptr) == 1.0f / 3);
}

TEST_CASE("NaN and the infinities are null") {
  CHECK(number(std::nan("")) == "null");
  CHECK(number(HUGE_VAL) == "null");
  CHECK(number(-HUGE_VAL) == "null");
  CHECK(number(HUGE_VALF) == "null");
}

TEST_CASE("commas stand between members and elements and nowhere else") {
  std::string out = "kept:";
  Writer writer(out);
  writer.begin_object();
  writer.member("a", 1).member("b", "x").member("c", true).key("d").null();
  writer.key("e").begin_array().end_array();
  writer.key("f").begin_object().end_object();
  writer.key("g")
      .begin_array()
      .value(1)
      .value(2.5)
      .begin_object()
      .member("h", std::string("i"))
      .end_object()
      .value(false)
      .end_array();
  writer.key("raw\n").raw("[1, 2]").member("z", 0u);
  writer.end_object();
  CHECK(out ==
        R"(kept:{"a":1,"b":"x","c":true,"d":null,"e":[],"f":{},"g":[1,2.5,{"h":"i"},false],"raw\n":[1, 2],"z":0})");
}
