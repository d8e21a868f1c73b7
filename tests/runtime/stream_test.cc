// Handlers that answer through a Writer.

#include <mayfly/http/writer.h>

#include <doctest/doctest.h>

#include <array>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/runtime/captured_output.h"
#include "tests/runtime/recording_sink.h"

using namespace mayfly;

namespace {

using Parts = std::vector<std::string>;

const std::string kNuls(8, '\0');

template <class F>
test::RecordingSink call(F&& handler, std::string_view event = "{}", std::size_t refuse_after = std::string::npos) {
  test::CapturedStandardError log;
  return test::invoke(runtime::source_of(handler), event, refuse_after);
}

struct Query {
  int rows;
};

}  // namespace

TEST_CASE("a Writer is the last of a handler's parameters, beside any of the others") {
  CHECK(call([](Writer& out) { out << "a"; }).response == "a");
  CHECK(call([](Context& c, Writer& out) { out << c.request_id(); }).response == "r1");
  CHECK(call([](std::string_view event, Writer& out) { out << event; }, "raw").response == "raw");
  CHECK(call([](const Query& q, const Context&, Writer& out) { out << std::to_string(q.rows); }, R"({"rows":3})")
            .response == "3");
  CHECK(call([](const Query&, Writer&) {}, "[]").error_type == "Runtime.UnmarshalError");
}

TEST_CASE("each write is sent at once, with the content type before the first") {
  auto sink = call([](Writer& out) {
    out.content_type("text/csv");
    CHECK(out.write("a"));
    out << "bc" << 'd';
    std::array bytes{std::byte{0}, std::byte{255}};
    CHECK(out.write(bytes));
  });
  CHECK(sink.parts == Parts{"a", "bc", "d", std::string("\0\xff", 2)});
  CHECK(sink.content_type == "text/csv");
  CHECK(sink.answers == 1);
}

TEST_CASE("a response without a byte is an empty one") {
  auto sink = call([](Writer& out) { out << ""; });
  CHECK(sink.answers == 1);
  CHECK(sink.response == "");
  CHECK(sink.content_type == "application/octet-stream");
}

TEST_CASE("gathered writes go out together") {
  auto sink = call([](Writer& out) {
    out.gather(4);
    out << "a"
        << "b"
        << "c"
        << "de";
    out << "long enough";
    out << "f";
    CHECK(out.flush());
    out << "g";
  });
  CHECK(sink.parts == Parts{"abcde", "long enough", "f", "g"});
}

TEST_CASE("an error before the first byte is one like any other, and one behind it follows what was written") {
  auto early = call([](Writer&) -> Result<void> { return unexpected(Error("Query.Bad", "no")); });
  CHECK(early.error_type == "Query.Bad");
  CHECK(early.parts.empty());
  auto late = call([](Writer& out) -> Result<void> {
    out << "half";
    return unexpected(Error("Query.Lost", "gone"));
  });
  CHECK(late.answers == 1);
  CHECK(late.parts == Parts{"half"});
  CHECK(late.error_type == "Query.Lost");
}

TEST_CASE("when nobody wants more, each write says so") {
  int written = 0;
  auto sink = call(
      [&](Writer& out) {
        while (out << "x") ++written;
        auto again = out.write("y");
        REQUIRE(!again);
        CHECK(again.error().type == "Runtime.ResponseStreamClosed");
        CHECK(!out.flush());
        CHECK(!out);
      },
      "{}", 3);
  CHECK(written == 3);
  CHECK(sink.parts == Parts{"x", "x", "x"});
  CHECK(sink.answers == 1);
}

TEST_CASE("an HTTP head goes out with the first bytes of the body") {
  auto sink = call([](http::Writer& out) {
    out.head({.status = 201,
              .headers = {{"Content-Type", "text/html"}, {"Set-Cookie", "b=2"}, {"accept", "x"}, {"Accept", "y"}},
              .cookies = {"a=1; Path=/"}});
    out << "<p>";
    out << "</p>";
  });
  CHECK(sink.content_type == "application/vnd.awslambda.http-integration-response");
  CHECK(sink.parts == Parts{R"({"statusCode":201,"headers":{"Content-Type":"text/html","accept":"x,y"},)"
                            R"("cookies":["b=2","a=1; Path=/"]})" +
                                kNuls + "<p>",
                            "</p>"});
}

TEST_CASE("an HTTP response has a head without a body, and without having been given one") {
  const std::string head = R"({"statusCode":200,"headers":{}})" + kNuls;
  CHECK(call([](http::Writer&) {}).parts == Parts{head});
  CHECK(call([](http::Writer& out) { out << "body"; }).parts == Parts{head + "body"});
  auto through_its_base = call([](http::Writer& out) { static_cast<Writer&>(out) << "body"; });
  CHECK(through_its_base.parts == Parts{head + "body"});
  std::string large(100'000, 'x');
  CHECK(call([&](http::Writer& out) { out << large; }).parts == Parts{head, large});
}

TEST_CASE("what cannot stand in an HTTP head is an error, and so is a head behind the body") {
  for (const http::Response& head :
       {http::Response{.status = 99}, http::Response{.status = 600}, http::Response{.headers = {{"a b", "x"}}},
        http::Response{.headers = {{"a", "x\r\nb: y"}}}, http::Response{.cookies = {"a=1\n"}}}) {
    call([&](http::Writer& out) { CHECK_THROWS_AS(out.head(head), Error); });
  }
  call([](http::Writer& out) {
    out << "body";
    CHECK_THROWS_AS(out.head({}), std::logic_error);
  });
  call([](http::Writer& out) { CHECK_THROWS_AS(out.content_type("text/html"), std::logic_error); });
  call([](Writer& out) {
    out << "body";
    CHECK_THROWS_AS(out.content_type("text/html"), std::logic_error);
  });
}
