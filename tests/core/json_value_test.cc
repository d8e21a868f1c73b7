#include <mayfly/json/value.h>

#include <doctest/doctest.h>

#include <limits>
#include <string>

using namespace std::literals;
using mayfly::json::Document;
using mayfly::json::Kind;
using mayfly::json::Status;
using mayfly::json::Value;

namespace {

// Reads everything below `value`, as a telemetry batch is read: every object,
// array, name and scalar. Returns the first status that is not ok.
Status walk(Value& value, std::string& seen, int depth = 0) {
  if (depth > 64) return Status::stopped;
  switch (value.kind()) {
    case Kind::object:
      seen += '{';
      return value.each_field([&](std::string_view name, Value& field) {
        seen += name;
        seen += ':';
        return walk(field, seen, depth + 1);
      });
    case Kind::array:
      seen += '[';
      return value.each_element([&](Value& element) { return walk(element, seen, depth + 1); });
    case Kind::string: {
      std::string_view text;
      Status s = value.get(text);
      if (s == Status::ok) seen.append("'").append(text).append("' ");
      return s;
    }
    case Kind::number: {
      double d = 0;
      Status s = value.get(d);
      if (s == Status::ok) seen += std::to_string(d) + ' ';
      return s;
    }
    case Kind::boolean: {
      bool b = false;
      Status s = value.get(b);
      seen += b ? "true " : "false ";
      return s;
    }
    case Kind::null: seen += "null "; return value.is_null() ? Status::ok : Status::malformed;
  }
  return Status::malformed;
}

// True when all of `text` reads as JSON and nothing follows.
bool is_json(std::string_view text) {
  Document document;
  auto value = document.parse(text);
  std::string seen;
  return value && walk(*value, seen) == Status::ok && document.at_end();
}

const std::string kBatch =
    R"([{"time":"2022-10-12T00:03:50.000Z","type":"platform.initStart","record":{"initializationType":"on-demand",)"
    R"("phase":"init","memory":128,"ratio":-1.5e-3,"ok":true,"no":false,"none":null,"nested":[[],{},[{"a":[1,2]}]]}},)"
    R"({"time":"t","type":"function","record":"line \"one\"\nZ\u00fcrich \ud83d\ude00"}])";

}  // namespace

TEST_CASE("a document is walked in order") {
  Document document;
  auto value = document.parse(R"( {"a":[1,true,null,"x\ty"],"b":{},"c":[],"d\n":-2.5} )");
  REQUIRE(value);
  std::string seen;
  CHECK(walk(*value, seen) == Status::ok);
  CHECK(seen == "{a:[1.000000 true null 'x\ty' b:{c:[d\n:-2.500000 ");
  CHECK(document.at_end());
}

TEST_CASE("a text cut anywhere is malformed, and never a crash") {
  REQUIRE(is_json(kBatch));
  for (std::size_t n = 0; n < kBatch.size(); ++n) {
    if (is_json(kBatch.substr(0, n))) FAIL_CHECK("read as whole when cut at " << n);
  }
}

TEST_CASE("a text with any one byte changed is never a crash") {
  for (std::size_t at = 0; at < kBatch.size(); ++at) {
    for (char c : {'\0', '"', '\\', '{', '}', '[', ']', ',', ':', ' ', '\n', '9', '-', 'e', 't', '\x80', '\xff'}) {
      std::string changed = kBatch;
      changed[at] = c;
      is_json(changed);
    }
  }
}

TEST_CASE("what is not JSON is malformed") {
  for (std::string text :
       {"",        " ",          "{",        "}",        "[",          "]",     "[1",       "[1,]",
        "[,1]",    "[1 2]",      "{\"a\"}",  "{\"a\":}", "{\"a\":1,}", "{a:1}", "{1:2}",    "{\"a\":1 \"b\":2}",
        "nul",     "nulll",      "tru",      "truee",    "falsy",      "True",  "'a'",      "\"a",
        "\"\\x\"", "\"\\u12\"",  "\"a\nb\"", "01",       "+1",         ".5",    "1.",       "1e",
        "-",       "--1",        "0x1",      "NaN",      "Infinity",   "1 2",   "{} {}",    "[] x",
        "\"a\" x", "true false", "1,",       "{}}",      "[]]",        "\xff",  "\"\xc3\"", "\"\xed\xa0\x80\"",
        "// a\n1", "[1]\x01"}) {
    CAPTURE(text);
    CHECK_FALSE(is_json(text));
  }
  CHECK_FALSE(is_json("\0"sv));
  CHECK_FALSE(is_json("1\0"sv));
  for (std::string text :
       {"1", " 1 ", "\t\r\n\"a\"", "null", "true ", "-0", "1e5", "[[[[]]]]", "\"\\ud83d\\ude00\"", "\"\\u0000\""}) {
    CAPTURE(text);
    CHECK(is_json(text));
  }
}

TEST_CASE("scalars are read as what they are, also as a whole document") {
  for (bool root : {true, false}) {
    CAPTURE(root);
    // Reads `json` by `read`, as the document or as the only element of one.
    auto with = [&](std::string json, auto read) {
      Document document;
      std::string text = root ? json : "[" + json + "]";
      auto value = document.parse(text);
      REQUIRE(value);
      if (root) return read(*value);
      Status status = Status::stopped;
      value->each_element([&](Value& element) { return status = read(element); });
      return status;
    };
    auto get = [&](std::string json, auto& out) { return with(json, [&](Value& v) { return v.get(out); }); };
    std::int64_t i = 0;
    std::uint64_t u = 0;
    double d = 0;
    bool b = false;
    std::string_view s;
    CHECK((get("-9223372036854775808", i) == Status::ok && i == std::numeric_limits<std::int64_t>::min()));
    CHECK((get("18446744073709551615", u) == Status::ok && u == std::numeric_limits<std::uint64_t>::max()));
    CHECK((get("1.5", d) == Status::ok && d == 1.5));
    CHECK((get("7", d) == Status::ok && d == 7));
    CHECK((get("true", b) == Status::ok && b));
    CHECK(get("\"\"", s) == Status::ok);
    for (std::string json : {"9223372036854775808", "1.5", "1e2", "\"1\"", "null", "true", "1x"}) {
      CAPTURE(json);
      CHECK(get(json, i) != Status::ok);
    }
    CHECK(get("18446744073709551616", u) != Status::ok);
    CHECK(get("-1", u) != Status::ok);
    CHECK(get("1e400", d) != Status::ok);
    CHECK(get("\"x\"", d) == Status::wrong_kind);
    CHECK(get("1", b) == Status::wrong_kind);
    CHECK(get("1", s) == Status::wrong_kind);
    CHECK(with("null", [](Value& v) { return v.is_null() ? Status::ok : Status::malformed; }) == Status::ok);
    CHECK(with("0", [](Value& v) { return v.is_null() ? Status::ok : Status::malformed; }) == Status::malformed);
    CHECK(with("1", [](Value& v) { return v.each_element([](Value&) { return Status::ok; }); }) == Status::wrong_kind);
    CHECK(with("\"x\"", [](Value& v) { return v.each_field([](std::string_view, Value&) { return Status::ok; }); }) ==
          Status::wrong_kind);
  }
}

TEST_CASE("a whole array or object is no scalar") {
  for (std::string_view text : {"{}", "[]", "{\"a\":1}", "[true]"}) {
    CAPTURE(text);
    Document document;
    auto value = document.parse(text);
    REQUIRE(value);
    bool boolean;
    std::int64_t integer;
    std::uint64_t natural;
    double number;
    std::string_view string;
    CHECK(value->get(boolean) == Status::wrong_kind);
    CHECK(value->get(integer) == Status::wrong_kind);
    CHECK(value->get(natural) == Status::wrong_kind);
    CHECK(value->get(number) == Status::wrong_kind);
    CHECK(value->get(string) == Status::wrong_kind);
    CHECK_FALSE(value->is_null());
  }
}

TEST_CASE("raw gives a value's own text") {
  Document document;
  std::string text = R"({"a": {"b" : [1, 2 ]}, "c": "x\ny", "d": 1.50, "e": null})";
  auto value = document.parse(text);
  REQUIRE(value);
  std::string seen;
  CHECK(value->each_field([&](std::string_view name, Value& field) {
    std::string_view raw;
    Status s = field.raw(raw);
    seen.append(name).append("=").append(raw).append(";");
    return s;
  }) == Status::ok);
  CHECK(seen == R"(a={"b" : [1, 2 ]};c="x\ny";d=1.50;e=null;)");
}

TEST_CASE("values that are not read are skipped, and a visitor can stop") {
  Document document;
  std::string text = R"({"skip":{"deep":[1,{"x":"]}"}]},"also":[[]],"take":5,"behind":6})";
  auto value = document.parse(text);
  REQUIRE(value);
  std::int64_t taken = 0;
  CHECK(value->each_field([&](std::string_view name, Value& field) {
    if (name != "take") return Status::ok;
    field.get(taken);
    return Status::stopped;
  }) == Status::stopped);
  CHECK(taken == 5);
}

TEST_CASE("views live as long as the document parses no other text") {
  Document document;
  std::string text = R"(["a\tb","c\td"])";
  auto value = document.parse(text);
  REQUIRE(value);
  std::string_view first, second;
  int count = 0;
  REQUIRE(value->each_element([&](Value& v) { return v.get(count++ ? second : first); }) == Status::ok);
  CHECK(first == "a\tb");
  CHECK(second == "c\td");
}

TEST_CASE("a text with padding is parsed where it lies") {
  std::string text = R"(["abc"])";
  std::size_t size = text.size();
  text.resize(size + Document::kPadding, ' ');
  Document document;
  auto value = document.parse({text.data(), size}, text.size());
  REQUIRE(value);
  std::string_view raw;
  REQUIRE(value->each_element([&](Value& v) { return v.raw(raw); }) == Status::ok);
  CHECK(raw == "\"abc\"");
  CHECK(raw.data() == text.data() + 1);
}

TEST_CASE("a document is used again and again, also after a failure") {
  Document document;
  for (int i = 0; i < 100; ++i) {
    CHECK_FALSE(document.parse(std::string(static_cast<std::size_t>(i), '[') + "\xff"));
    std::string text = "[" + std::to_string(i) + "]";
    auto value = document.parse(text);
    REQUIRE(value);
    std::string seen;
    CHECK(walk(*value, seen) == Status::ok);
    CHECK(seen == "[" + std::to_string(double(i)) + " ");
  }
}

TEST_CASE("a document that holds no text is not at its end") {
  Document document;
  CHECK_FALSE(document.at_end());
  REQUIRE_FALSE(document.parse("\xff"));
  CHECK_FALSE(document.at_end());
}

TEST_CASE("nesting without end is malformed and takes no stack") {
  CHECK_FALSE(is_json(std::string(1'000'000, '[')));
  std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  Document document;
  std::string text = "{\"skip\":" + deep + ",\"a\":1}";
  auto value = document.parse(text);
  if (value) {
    std::string_view raw;
    value->each_field([&](std::string_view, Value& field) { return field.raw(raw); });
  }
}

TEST_CASE("a string without an escape is a view into the text, whatever stands around it") {
  std::string text = R"({ "a" : "plain é" , "b":"","c":["x" ,"\u0061\"",  "y"  ]} )";
  std::size_t size = text.size();
  text.resize(size + Document::kPadding);
  Document document;
  auto root = document.parse({text.data(), size}, text.size());
  REQUIRE(root);
  std::string all;
  auto inside = [&](std::string_view view) { return view.data() >= text.data() && view.data() < text.data() + size; };
  auto status = root->each_field([&](std::string_view name, Value& value) {
    std::string_view view;
    if (name == "c") {
      return value.each_element([&](Value& element) {
        Status s = element.get(view);
        CHECK(inside(view) == (view != "a\""));
        all.append(view).append("|");
        return s;
      });
    }
    Status s = value.get(view);
    CHECK(inside(view));
    all.append(view).append("|");
    return s;
  });
  CHECK(status == Status::ok);
  CHECK(document.at_end());
  CHECK(all == "plain é||x|a\"|y|");
}
