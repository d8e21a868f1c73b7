// What each form of signature does with events and results.

#include <mayfly/runtime/handler.h>

#include <doctest/doctest.h>

#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/runtime/captured_output.h"
#include "tests/runtime/recording_sink.h"

using namespace mayfly;

namespace {

enum class Size { small, large };

struct Item {
  std::string_view sku;
  int quantity;
};

struct Order {
  std::string_view id;
  std::vector<Item> items;
  std::optional<double> discount;
  Size size;
};

struct Receipt {
  std::string_view order;
  double total;
};

template <class F>
test::RecordingSink call(F&& handler, std::string_view event = "{}") {
  test::CapturedStandardError log;
  return test::invoke(runtime::source_of(handler), event);
}

constexpr std::string_view kOrder =
    R"({"id":"a1","items":[{"sku":"tea","quantity":2,"more":[1]}],"size":"large","extra":{}})";

// A type of another header, with forms of its own.
struct Letter {
  char kind;
  std::string_view text;
};
struct Reply {
  std::string text;
};

Receipt plain_function(const Order& order, Context&) { return {order.id, 1.5}; }
int no_throw_function(const Order& order) noexcept { return order.items[0].quantity; }

}  // namespace

template <>
struct mayfly::runtime::EventForm<Letter> {
  Result<Letter> read(const Invocation& invocation) {
    if (invocation.event.empty()) return unexpected(Error("Runtime.UnmarshalError", "an empty letter"));
    ++letters;
    return Letter{invocation.event[0], invocation.event.substr(1)};
  }
  int letters = 0;
};

template <>
struct mayfly::runtime::ResultForm<Reply> {
  Result<void> write(const Reply& reply, const Letter& letter, std::string& out) {
    if (reply.text.empty()) return unexpected(Error("Runtime.MarshalError", "an empty reply"));
    out.append(1, letter.kind).append(":").append(reply.text);
    return {};
  }
  Result<void> write(const Reply& reply, const NoEvent&, std::string& out) {
    out = reply.text;
    return {};
  }
};

TEST_CASE("a type of another header is read and written by its own forms") {
  auto reply = [](const Letter& letter) { return Reply{std::string(letter.text)}; };
  CHECK(call(reply, "ahello").response == "a:hello");
  CHECK(call([] { return Reply{"nobody asked"}; }).response == "nobody asked");
  CHECK(call([](Letter letter, Context&) { return letter.text; }, "ahello").response == "hello");
  CHECK(call([](Letter&& l) -> Result<Reply> { return Reply{std::string(l.text)}; }, "bx").response == "b:x");
  CHECK(call([](const Letter&) { return std::optional<Reply>(); }, "bx").response == "null");
  auto unread = call(reply, "");
  CHECK(unread.error_type == "Runtime.UnmarshalError");
  CHECK(unread.error_json.find("an empty letter") != std::string::npos);
  CHECK(call(reply, "a").error_type == "Runtime.MarshalError");
}

TEST_CASE("a raw handler gets the event's own bytes, and its view is sent from where it lies") {
  std::string event = "\0any bytes";
  auto sink = call([](std::string_view bytes) { return bytes; }, event);
  CHECK(sink.response == event);
  CHECK(sink.response_at == event.data());
}

TEST_CASE("a string result is sent as the bytes it holds") {
  CHECK(call([](const std::string& event) { return event + "!"; }, "a").response == "a!");
  CHECK(call([] { return std::string("\"x\""); }).response == "\"x\"");
}

TEST_CASE("void answers null") {
  CHECK(call([] {}).response == "null");
  CHECK(call([](Context&) {}).response == "null");
  CHECK(call([](std::string_view) {}).response == "null");
}

TEST_CASE("event and context are each optional") {
  CHECK(call([](const Order& o) { return o.id; }, kOrder).response == "a1");
  CHECK(call([](Order o, Context& c) { return std::string(o.id) + std::string(c.request_id()); }, kOrder).response ==
        "a1r1");
  CHECK(call([](const Context& c) { return c.request_id(); }).response == "r1");
  CHECK(call([](Order&& o) { return o.items.size(); }, kOrder).response == "1");
  CHECK(call([](Order& o) { return o.size; }, kOrder).response == "\"large\"");
  CHECK(call([] { return 1; }).response == "1");
}

TEST_CASE("functions, function pointers, mutable lambdas and objects are handlers") {
  CHECK(call(plain_function, kOrder).response == R"({"order":"a1","total":1.5})");
  auto* pointer = &no_throw_function;
  CHECK(call(pointer, kOrder).response == "2");
  int calls = 0;
  auto counting = [&, n = 0]() mutable {
    calls = ++n;
    return n;
  };
  CHECK(call(counting).response == "1");
  CHECK(call(counting).response == "2");
  struct Object {
    int operator()(int n) const noexcept { return 2 * n; }
  } const object;
  CHECK(call(object, "21").response == "42");
}

TEST_CASE("an event may be any type that has a JSON form") {
  CHECK(call([](const std::vector<int>& v) { return v.size(); }, "[1,2,3]").response == "3");
  CHECK(call([](const std::map<std::string, int>& m) { return m.at("a"); }, R"({"a":7})").response == "7");
  CHECK(call([](std::optional<int> n) { return n.has_value(); }, "null").response == "false");
  CHECK(call([](bool b) { return !b; }, "true").response == "false");
  CHECK(call([](json::Raw raw) { return raw; }, R"({"a": [1]})").response == R"({"a": [1]})");
}

TEST_CASE("an empty optional answers null, a full one as its value would") {
  CHECK(call([] { return std::optional<int>(); }).response == "null");
  CHECK(call([] { return std::optional<Receipt>({"a", 1}); }).response == R"({"order":"a","total":1})");
  CHECK(call([] { return std::optional<std::string>("bytes"); }).response == "bytes");
}

TEST_CASE("a Result answers with its value or with its error") {
  CHECK(call([]() -> Result<int> { return 3; }).response == "3");
  CHECK(call([]() -> Result<void> { return {}; }).response == "null");
  CHECK(call([]() -> Result<std::string> { return std::string("bytes"); }).response == "bytes");
  auto failed = call([]() -> Result<int> { return unexpected(Error("Order.Gone", "no \"such\" order")); });
  CHECK(failed.answers == 1);
  CHECK(failed.error_type == "Order.Gone");
  CHECK(failed.error_json == R"({"errorMessage":"no \"such\" order","errorType":"Order.Gone","stackTrace":[]})");
}

TEST_CASE("an event that does not fit is an error that names the JSON path") {
  auto order = [](const Order&) {};
  struct Case {
    std::string_view event, message;
  };
  for (auto [event, message] : {
           Case{R"({"id":"a","items":[{"sku":"x","quantity":"2"}],"size":"small"})",
                "$.items[0].quantity: expected a number, found string"},
           Case{R"({"id":"a","items":[{"sku":"x"}],"size":"small"})",
                "$.items[0].quantity: a required field is missing"},
           Case{R"({"items":[],"size":"small"})", "$.id: a required field is missing"},
           Case{R"({"id":"a","items":{},"size":"small"})", "$.items: expected an array, found object"},
           Case{R"([])", "$: expected an object, found array"},
           Case{R"({"id":"a","items":[{"sku":"x","quantity":3000000000}],"size":"small"})",
                "$.items[0].quantity: 3000000000 is outside -2147483648..2147483647"},
       }) {
    CAPTURE(event);
    auto sink = call(order, event);
    CHECK(sink.answers == 1);
    CHECK(sink.error_type == "Runtime.UnmarshalError");
    CHECK(sink.error_json.starts_with("{\"errorMessage\":\"" + std::string(message) + "\""));
  }
}

TEST_CASE("an event that is no JSON is an error, not a crash") {
  for (std::string_view event : {"", " ", "{", "{\"id\":", "nul", "\xff\xfe", "{}{}", "[[[[[[[[", "\"\\ud800\""}) {
    CAPTURE(event);
    auto sink = call([](const Order&) {}, event);
    CHECK(sink.answers == 1);
    CHECK(sink.error_type == "Runtime.UnmarshalError");
  }
}

TEST_CASE("a result that JSON cannot say is an error that names the JSON path") {
  struct Reading {
    std::vector<double> values;
    std::string unit;
  };
  auto nan = call([] { return Reading{{1, std::numeric_limits<double>::quiet_NaN()}, "m"}; });
  CHECK(nan.error_type == "Runtime.MarshalError");
  CHECK(nan.error_json.find("$.values[1]: NaN") != std::string::npos);
  auto infinite = call([] { return std::numeric_limits<double>::infinity(); });
  CHECK(infinite.error_type == "Runtime.MarshalError");
  auto text = call([] { return Reading{{}, "\xc3\x28"}; });
  CHECK(text.error_json.find("$.unit: a string that is not UTF-8") != std::string::npos);
}

TEST_CASE("views in a typed event live until the result has been written") {
  // The string has an escape, so it lies in the parser's buffer and not in the event.
  auto sink = call(
      [](const Order& order) {
        return Receipt{order.id, 1};
      },
      R"({"id":"a\u0031\"","items":[],"size":"small"})");
  CHECK(sink.response == R"({"order":"a1\"","total":1})");
}

TEST_CASE("a warm handler reuses its parser") {
  auto handler = [](const Order& order) { return order.id; };
  auto source = runtime::source_of(handler);
  auto made = source.make(source.from);
  Context context({});
  for (std::string_view id : {"first", "2", "third and longer than the others before"}) {
    std::string event = R"({"id":")" + std::string(id) + R"(","items":[],"size":"small"})";
    test::RecordingSink sink;
    made.invoke(made.state, {event, event.size(), context}, sink);
    CHECK(sink.response == id);
  }
  made.destroy(made.state);
}

TEST_CASE("an App is constructed when its handler is made, and keeps its state") {
  struct App {
    std::string prefix = "n=";
    int n = 0;
    std::string operator()() { return prefix + std::to_string(++n); }
  };
  auto source = runtime::source_of_app<App>();
  auto made = source.make(source.from);
  CHECK((made.before_shutdown == nullptr));
  Context context({});
  test::RecordingSink sink;
  made.invoke(made.state, {"", 0, context}, sink);
  made.invoke(made.state, {"", 0, context}, sink);
  CHECK(sink.response == "n=2");
  made.destroy(made.state);
}
