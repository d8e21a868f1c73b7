#include <mayfly/json/typed.h>

#include <doctest/doctest.h>

#include <cfloat>
#include <cmath>
#include <map>
#include <string>
#include <unordered_map>

#include <mayfly/json.h>

namespace json = mayfly::json;
using json::Document;

namespace orders {

enum class Currency { chf, eur, usd };

struct Item {
  std::string sku;
  int quantity;
  double price;
};

struct Order {
  std::string id;
  std::vector<Item> items;
  std::optional<std::string> note;
  bool paid;
  Currency currency;
  std::map<std::string, std::vector<std::uint8_t>> tags;
};

struct Numbers {
  std::int8_t i8;
  std::uint8_t u8;
  std::int64_t i64;
  std::uint64_t u64;
  float f;
};

struct Views {
  std::string_view text;
  json::Raw raw;
};

struct Arrays {
  std::array<int, 3> three;
  std::vector<bool> flags;
  std::optional<std::vector<std::optional<int>>> maybe;
};

struct Renamed {
  int id;
  int kind;
};

struct Empty {};

struct Tree {
  std::string name;
  std::vector<Tree> children;
};

struct Nothing {
  std::optional<int> a;
  std::optional<Item> b;
};

struct Twice {
  Nothing part;
  std::optional<int> size = 7;
};

struct Celsius {
  double degrees;
};

struct Forecast {
  std::string place;
  int days = 3;
  std::optional<Celsius> mean;
  json::Members<std::vector<Celsius>> by_hour;
};

struct Node {
  std::string name;
  json::Members<Node> inside;
};

}  // namespace orders

template <>
struct mayfly::json::fields<orders::Forecast> {
  static constexpr std::array<std::string_view, 4> names{"place", "days", "mean", "by-hour"};
  static constexpr std::size_t required = 1;
};

template <>
struct mayfly::json::form<orders::Celsius> {
  static Status read(Value& value, orders::Celsius& out, Fault& where) {
    std::string_view text;
    if (Status s = read_as(value, text, where); s != Status::ok) return s;
    if (!text.ends_with("C")) {
      where.message = "expected degrees Celsius";
      return Status::wrong_kind;
    }
    out.degrees = std::stod(std::string(text));
    return Status::ok;
  }
  static bool write(Writer& writer, const orders::Celsius& value, Fault& where) {
    return write_as(writer, std::to_string(static_cast<int>(value.degrees)) + "C", where);
  }
};

template <>
struct mayfly::json::fields<orders::Renamed> {
  static constexpr std::array<std::string_view, 2> names{"order-id", "class"};
};

namespace {

using namespace orders;

template <class T>
T good(std::string_view text) {
  Document document;
  auto value = json::parse<T>(document, text, text.size());
  if (!value) FAIL("unexpected: " << value.error().to_string());
  return *value;
}

// "path: message" of what is wrong.
template <class T>
std::string fault(std::string_view text) {
  Document document;
  auto value = json::parse<T>(document, text, text.size());
  return value ? "no fault" : value.error().to_string();
}

template <class T>
std::string written(const T& value) {
  std::string out;
  auto result = json::write(out, value);
  return result ? out : "fault " + result.error().to_string();
}

const std::string kOrder =
    R"({"id":"a1","items":[{"sku":"x","quantity":2,"price":9.5},{"sku":"y","quantity":1,"price":0.1}],)"
    R"("note":null,"paid":true,"currency":"eur","tags":{"n":[1,2],"m":[]}})";

}  // namespace

TEST_CASE("an aggregate is read with everything in it, and written back") {
  auto order = good<Order>(kOrder);
  CHECK(order.id == "a1");
  REQUIRE(order.items.size() == 2);
  CHECK(order.items[1].sku == "y");
  CHECK(order.items[0].price == 9.5);
  CHECK_FALSE(order.note);
  CHECK(order.paid);
  CHECK(order.currency == Currency::eur);
  CHECK(order.tags.at("n") == std::vector<std::uint8_t>{1, 2});
  CHECK(written(order) ==
        R"({"id":"a1","items":[{"sku":"x","quantity":2,"price":9.5},{"sku":"y","quantity":1,"price":0.1}],)"
        R"("note":null,"paid":true,"currency":"eur","tags":{"m":[],"n":[1,2]}})");
}

TEST_CASE("unknown fields are skipped, whatever they hold, and order is free") {
  auto item = good<Item>(R"({"z":{"a":[1,{"b":"}"}]},"price":1,"y":null,"quantity":2,"x":[[]],"sku":"s","w":1e999})");
  CHECK(item.sku == "s");
  CHECK(item.quantity == 2);
  CHECK(item.price == 1);
}

TEST_CASE("members that are not required keep their initializers when absent or null") {
  auto forecast = good<Forecast>(R"({"place":"here","days":null})");
  CHECK(forecast.days == 3);
  CHECK(forecast.by_hour.empty());
  CHECK(fault<Forecast>(R"({"days":1})") == "$.place: a required field is missing");
  CHECK(fault<Forecast>(R"({"place":null})") == "$.place: expected a string, found null");
  CHECK(fault<Forecast>(R"({"place":"","days":"1"})") == "$.days: expected a number, found string");
}

TEST_CASE("a type with a form of its own is read and written by it, wherever it stands") {
  Document document;
  std::string_view text = R"({"place":"here","mean":"4C","by-hour":{"0":["1C","2C"],"1":[],"0":["7C"]}})";
  auto forecast = *json::parse<Forecast>(document, text, text.size());
  CHECK(forecast.mean->degrees == 4);
  REQUIRE(forecast.by_hour.find("0"));
  CHECK(forecast.by_hour.find("0")->at(0).degrees == 7);
  CHECK_FALSE(forecast.by_hour.find("2"));
  CHECK(written(forecast) == R"({"place":"here","days":3,"mean":"4C","by-hour":{"0":["1C","2C"],"1":[],"0":["7C"]}})");
  CHECK(fault<Forecast>(R"({"place":"here","by-hour":{"9":["1C","2F"]}})") ==
        "$.by-hour.9[1]: expected degrees Celsius");
}

TEST_CASE("values hold values of their own type") {
  Document document;
  std::string_view text = R"({"name":"a","inside":{"x":{"name":"b","inside":{}},"y":{"name":"c","inside":{}}}})";
  auto node = *json::parse<Node>(document, text, text.size());
  CHECK(node.inside.find("y")->name == "c");
  CHECK(fault<Node>(R"({"name":"a","inside":{"x":{"name":"b"}}})") == "$.inside.x.inside: a required field is missing");
}

TEST_CASE("a text that is nested without end is refused before the stack is") {
  std::string deep, tree = "0";
  for (int i = 0; i < 100'000; ++i) deep += R"({"name":"a","children":[)";
  Document document;
  auto read = json::parse<Tree>(document, deep, deep.size());
  REQUIRE_FALSE(read);
  CHECK(read.error().message == "nested deeper than 1000 levels");
  tree = R"({"name":"a","children":[]})";
  for (int i = 0; i < 499; ++i) tree = R"({"name":"a","children":[)" + tree + "]}";
  CHECK(json::parse<Tree>(document, tree, tree.size()));
  tree = R"({"name":"a","children":[)" + tree + "]}";
  CHECK_FALSE(json::parse<Tree>(document, tree, tree.size()));
}

TEST_CASE("the last of equal names counts") {
  CHECK(good<Renamed>(R"({"order-id":1,"class":2,"order-id":3})").id == 3);
  auto twice = good<std::array<Twice, 1>>(R"([{"part":{"a":1},"part":{}}])")[0];
  CHECK_FALSE(twice.part.a);
  CHECK(twice.size == 7);
}

TEST_CASE("names may be given apart from members") {
  CHECK(written(Renamed{1, 2}) == R"({"order-id":1,"class":2})");
  CHECK(fault<Renamed>(R"({"id":1,"kind":2})") == "$.order-id: a required field is missing");
}

TEST_CASE("names are compared as decoded") {
  CHECK(good<Item>("{\"s\\u006bu\":\"s\",\"quantity\":1,\"price\":1}").sku == "s");
}

TEST_CASE("a missing or wrong value is named by its path") {
  CHECK(fault<Order>("{}") == "$.id: a required field is missing");
  CHECK(fault<Order>("[]") == "$: expected an object, found array");
  CHECK(fault<Order>("null") == "$: expected an object, found null");
  CHECK(fault<Order>("7") == "$: expected an object, found number");
  CHECK(fault<Order>(R"({"id":1})") == "$.id: expected a string, found number");
  CHECK(fault<Order>(R"({"id":null})") == "$.id: expected a string, found null");
  CHECK(fault<Order>(R"({"items":{}})") == "$.items: expected an array, found object");
  CHECK(fault<Order>(R"({"items":[{"sku":"a","quantity":1,"price":1},{"sku":"b","quantity":"2"}]})") ==
        "$.items[1].quantity: expected a number, found string");
  CHECK(fault<Order>(R"({"items":[{"sku":"a","price":1}]})") == "$.items[0].quantity: a required field is missing");
  CHECK(fault<Order>(R"({"items":[1]})") == "$.items[0]: expected an object, found number");
  CHECK(fault<Order>(R"({"note":1})") == "$.note: expected a string, found number");
  CHECK(fault<Order>(R"({"paid":"true"})") == "$.paid: expected a boolean, found string");
  CHECK(fault<Order>(R"({"tags":{"n":[1,2],"m":[1,256]}})") == "$.tags.m[1]: 256 is outside 0..255");
  CHECK(fault<Order>(R"({"tags":[]})") == "$.tags: expected an object, found array");
  CHECK(fault<Nothing>(R"({"b":{"sku":"x"}})") == "$.b.quantity: a required field is missing");
}

TEST_CASE("a number must fit its type") {
  auto n = good<Numbers>(R"({"i8":-128,"u8":255,"i64":-9223372036854775808,"u64":18446744073709551615,"f":0.1})");
  CHECK(n.i8 == -128);
  CHECK(n.u8 == 255);
  CHECK(n.i64 == std::numeric_limits<std::int64_t>::min());
  CHECK(n.u64 == std::numeric_limits<std::uint64_t>::max());
  CHECK(n.f == 0.1f);
  CHECK(written(n) == R"({"i8":-128,"u8":255,"i64":-9223372036854775808,"u64":18446744073709551615,"f":0.1})");
  CHECK(fault<Numbers>(R"({"i8":128})") == "$.i8: 128 is outside -128..127");
  CHECK(fault<Numbers>(R"({"i8":-129})") == "$.i8: -129 is outside -128..127");
  CHECK(fault<Numbers>(R"({"i8":1.5})") == "$.i8: expected an integer within the range of its type");
  CHECK(fault<Numbers>(R"({"u8":-1})") == "$.u8: expected an integer within the range of its type");
  for (std::string text :
       {R"({"i64":9223372036854775808})", R"({"u64":18446744073709551616})", R"({"u64":-1})", R"({"f":1e39})",
        R"({"f":-1e39})", R"({"f":1e999})", R"({"i64":1e2})", R"({"i64":01})", R"({"i64":--1})"}) {
    CAPTURE(text);
    CHECK(fault<Numbers>(text).size() > 10);
    CHECK(fault<Numbers>(text) != "no fault");
    CHECK(fault<Numbers>(text).find("required") == std::string::npos);
  }
}

TEST_CASE("enums are their enumerators' names") {
  CHECK(good<Currency>("\"usd\"") == Currency::usd);
  CHECK(fault<Currency>("\"gbp\"") == "$: \"gbp\" is none of chf, eur, usd");
  CHECK(fault<Currency>("\"\"") == "$: \"\" is none of chf, eur, usd");
  CHECK(fault<Currency>("1") == "$: expected a string, found number");
  CHECK(written(Currency::chf) == "\"chf\"");
  CHECK(written(static_cast<Currency>(7)) == "fault $: an enum value without a name: 7");
}

TEST_CASE("an optional may be null or missing") {
  CHECK_FALSE(good<Nothing>("{}").a);
  CHECK_FALSE(good<Nothing>(R"({"a":null,"b":null})").b);
  CHECK(good<Nothing>(R"({"a":0})").a == 0);
  CHECK_FALSE(good<std::optional<int>>("null"));
  CHECK(written(Nothing{}) == R"({"a":null,"b":null})");
  CHECK(written(std::optional<int>{}) == "null");
}

TEST_CASE("arrays have their exact length and vectors any") {
  auto a = good<Arrays>(R"({"three":[1,2,3],"flags":[true,false],"maybe":[1,null]})");
  CHECK(a.three == std::array<int, 3>{1, 2, 3});
  CHECK(a.flags == std::vector<bool>{true, false});
  CHECK(a.maybe->at(1) == std::nullopt);
  CHECK(written(a) == R"({"three":[1,2,3],"flags":[true,false],"maybe":[1,null]})");
  CHECK(fault<Arrays>(R"({"three":[1,2]})") == "$.three: expected 3 elements, found 2");
  CHECK(fault<Arrays>(R"({"three":[1,2,3,4]})") == "$.three: expected 3 elements, found 4");
  CHECK(fault<Arrays>(R"({"three":[1,true,3]})") == "$.three[1]: expected a number, found boolean");
}

TEST_CASE("maps have string keys and any value") {
  auto map = good<std::unordered_map<std::string, std::map<std::string, int>>>(R"({"a":{"b":1},"":{}})");
  CHECK(map.at("a").at("b") == 1);
  CHECK(map.size() == 2);
  CHECK(fault<std::map<std::string, int>>(R"({"a":1,"b":{}})") == "$.b: expected a number, found object");
}

TEST_CASE("views point into the event, raw values are not looked into") {
  std::string text = R"({"text":"a\"b","raw":{"any" : [1,  "x"]}})";
  Document document;
  auto views = json::parse<Views>(document, text, text.size());
  REQUIRE(views);
  CHECK(views->text == "a\"b");
  CHECK(views->raw.text == R"({"any" : [1,  "x"]})");
  CHECK(written(*views) == R"({"text":"a\"b","raw":{"any" : [1,  "x"]}})");
}

TEST_CASE("an empty aggregate and a recursive one are aggregates, too") {
  good<Empty>("{}");
  good<Empty>(R"({"a":1})");
  CHECK(written(Empty{}) == "{}");
  auto tree = good<Tree>(R"({"name":"r","children":[{"name":"c","children":[]}]})");
  CHECK(tree.children[0].name == "c");
  CHECK(fault<Tree>(R"({"name":"r","children":[{"name":"c","children":[{"name":1}]}]})") ==
        "$.children[0].children[0].name: expected a string, found number");
}

TEST_CASE("text cut anywhere is a fault with a message, and never a crash") {
  for (std::size_t n = 0; n < kOrder.size(); ++n) {
    std::string text = fault<Order>(kOrder.substr(0, n));
    if (text == "no fault" || !text.starts_with('$') || text.size() < 5) FAIL_CHECK(n << ": " << text);
  }
  for (std::string_view text :
       {R"({"tags":{"a":[1}})", R"({"tags":{"a")", R"({"id":"\x"})", R"({"paid":tru})", R"([1,2)", R"({"a":1)"}) {
    CAPTURE(text);
    CHECK(fault<Order>(text).size() > 8);
  }
  std::string map_fault = fault<std::map<std::string, int>>(R"({"a":1,"b" 2})");
  CHECK(map_fault == "$: not valid JSON");
  CHECK(fault<std::array<int, 2>>("[1,2") != "$: ");
}

TEST_CASE("a whole event of another kind is named, whatever is wanted") {
  CHECK(fault<bool>("{}") == "$: expected a boolean, found object");
  CHECK(fault<bool>("[true]") == "$: expected a boolean, found array");
  CHECK(fault<int>("{}") == "$: expected a number, found object");
  CHECK(fault<std::string>("[]") == "$: expected a string, found array");
  CHECK(fault<std::optional<int>>("{}") == "$: expected a number, found object");
  CHECK(fault<Currency>("{}") == "$: expected a string, found object");
  CHECK(fault<Order>("true") == "$: expected an object, found boolean");
}

TEST_CASE("text that only begins like a value is not valid JSON") {
  CHECK(fault<bool>("tru") == "$: not valid JSON");
  CHECK(fault<std::optional<int>>("nul") == "$: not valid JSON");
  CHECK(fault<int>("abc") == "$: not valid JSON");
  CHECK(fault<std::vector<int>>("[1,abc]") == "$[1]: not valid JSON");
  CHECK(fault<int>("") == "$: not valid JSON: there is no text");
  CHECK(fault<std::string>("\"abc") == "$: not valid JSON: a string has no end");
  CHECK(fault<std::string>("\"\xff\"") == "$: not valid JSON: not UTF-8");
  CHECK(fault<std::string>("\"\n\"") == "$: not valid JSON: a control character in a string");
  CHECK(fault<double>("1e999") == "$: not a valid number, or one too large");
}

TEST_CASE("something behind the value is a fault") {
  CHECK(fault<Empty>("{} {}") == "$: something follows the JSON value");
  CHECK(fault<std::vector<int>>("[1],") == "$: something follows the JSON value");
  CHECK(fault<int>("1 2") != "no fault");
  CHECK(fault<bool>("true]") != "no fault");
  CHECK(fault<std::string>("\"a\"b") != "no fault");
  CHECK(fault<std::optional<int>>("null null") != "no fault");
}

TEST_CASE("what JSON cannot say is a fault with its path") {
  CHECK(written(std::vector<double>{1, NAN}) == "fault $[1]: NaN has no JSON form");
  CHECK(written(Item{"a", 1, -HUGE_VAL}) == "fault $.price: infinity has no JSON form");
  CHECK(written(std::map<std::string, std::vector<Item>>{{"k", {Item{"\xff", 1, 1}}}}) ==
        "fault $.k[0].sku: a string that is not UTF-8");
  CHECK(written(std::map<std::string, int>{{"\xff", 1}}) == "fault $: a name that is not UTF-8");
  CHECK(written(HUGE_VALF) == "fault $: infinity has no JSON form");
}

TEST_CASE("scalars are documents, too") {
  CHECK(good<int>(" 7 ") == 7);
  CHECK(good<std::string>("\"Z\\u00fcrich\"") == "Z\xC3\xBCrich");
  CHECK(good<bool>("true"));
  CHECK(written(std::string("a\nb")) == "\"a\\nb\"");
  CHECK(written(true) == "true");
}
