// Streamed responses as they go over the wire.

#include "runtime/src/response_stream.h"

#include <mayfly/stream.h>

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/uri.h"
#include "runtime/src/error_trailers.h"
#include "runtime/src/invoke_loop.h"
#include "tests/runtime/captured_output.h"
#include "tests/runtime/scripted_server.h"

using namespace mayfly;
using test::accepted;
using test::answer_with_status;
using test::event_answer;
using test::kError;
using test::kNext;
using test::kResponse;
using test::ScriptedServer;
using test::Step;

namespace {

Step next() { return {std::string(kNext), event_answer("{}")}; }

// Runs `handler` until the script has ended; what it logged.
template <class F>
std::string drive(ScriptedServer& server, F handler) {
  test::CapturedStandardError log;
  runtime::RuntimeApi api(*core::parse_host_port(server.address()), server.done_fd());
  auto source = runtime::source_of(handler);
  auto made = source.make(source.from);
  CHECK(runtime::invoke_loop(api, made, nullptr).code == core::Errc::interrupted);
  made.destroy(made.state);
  return log.text();
}

std::string base64_decoded(std::string_view text) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned bits = 0;
  int held = 0;
  for (char c : text.substr(0, text.find('='))) {
    bits = bits << 6 | static_cast<unsigned>(kAlphabet.find(c));
    if ((held += 6) >= 8) out += static_cast<char>(bits >> (held -= 8));
  }
  return out;
}

std::string trailer_json(const std::string& trailers) {
  constexpr std::string_view kBody = "Lambda-Runtime-Function-Error-Body: ";
  auto begin = trailers.find(kBody);
  REQUIRE(begin != std::string::npos);
  begin += kBody.size();
  return base64_decoded(std::string_view(trailers).substr(begin, trailers.find("\r\n", begin) - begin));
}

}  // namespace

TEST_CASE("a stream goes out in chunks, on the connection that is there") {
  ScriptedServer server({next(), {std::string(kResponse), accepted()}});
  drive(server, [](Writer& out) {
    out.content_type("text/plain");
    out << "hello, " << std::string(17, 'x');
  });
  auto posts = server.requests(kResponse);
  REQUIRE(posts.size() == 1);
  CHECK(posts[0].field("Lambda-Runtime-Function-Response-Mode") == "streaming");
  CHECK(posts[0].field("Transfer-Encoding") == "chunked");
  CHECK(posts[0].field("Trailer") == "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body");
  CHECK(posts[0].field("Content-Type") == "text/plain");
  CHECK(!posts[0].has_field("Content-Length"));
  CHECK(posts[0].body == "7\r\nhello, \r\n11\r\n" + std::string(17, 'x') + "\r\n0\r\n\r\n");
  for (const auto& request : server.requests()) CHECK(request.connection == 0);
}

TEST_CASE("an empty stream is one without a chunk") {
  ScriptedServer server({next(), {std::string(kResponse), accepted()}});
  drive(server, [](Writer&) {});
  REQUIRE(server.requests(kResponse).size() == 1);
  CHECK(server.requests(kResponse)[0].body == "0\r\n\r\n");
}

TEST_CASE("an exception before the first byte is posted as an error, whatever was gathered") {
  ScriptedServer server({next(), {std::string(kError), accepted()}});
  drive(server, [](Writer& out) {
    out.gather(100);
    out << "too few";
    throw Error("Query.Bad", "no");
  });
  REQUIRE(server.requests(kError).size() == 1);
  CHECK(server.requests(kError)[0].field("Lambda-Runtime-Function-Error-Type") == "Query.Bad");
  CHECK(server.requests(kResponse).empty());
}

TEST_CASE("an exception behind the first byte is told in trailers, and in the log") {
  ScriptedServer server({next(), {std::string(kResponse), accepted()}});
  auto log = drive(server, [](Writer& out) {
    out << "half";
    throw Error("Query.Lost", "the database is gone");
  });
  CHECK(log.find("the database is gone") != std::string::npos);
  REQUIRE(server.requests(kResponse).size() == 1);
  auto body = server.requests(kResponse)[0].body;
  CHECK(body.starts_with("4\r\nhalf\r\n0\r\nLambda-Runtime-Function-Error-Type: Query.Lost\r\n"));
  CHECK(body.ends_with("\r\n\r\n"));
  CHECK(trailer_json(body).starts_with(
      R"({"errorMessage":"the database is gone","errorType":"Query.Lost","stackTrace":[)"));
  CHECK(server.requests(kError).empty());
}

TEST_CASE("when Lambda ends a response, writing gives an error, and the next invocation runs") {
  for (auto then : {Step::Then::keep, Step::Then::close}) {
    ScriptedServer server({next(),
                           {std::string(kResponse), answer_with_status(410), then, true},
                           next(),
                           {std::string(kResponse), accepted()}});
    int calls = 0;
    std::string message;
    auto log = drive(server, [&](Writer& out) -> Result<void> {
      if (++calls > 1) return {};
      for (;;) {
        if (auto sent = out.write("x"); !sent) {
          message = sent.error().message;
          return sent;
        }
      }
    });
    CHECK(calls == 2);
    CHECK(message == "the response cannot be written: HTTP status 410");
    CHECK(log.find("a streamed response did not reach its end reason=\"HTTP status 410\"") != std::string::npos);
    CHECK(server.requests(kError).empty());
  }
}

TEST_CASE("when the connection ends in a stream, writing gives an error, and the next invocation runs") {
  for (auto then : {Step::Then::close, Step::Then::reset}) {
    ScriptedServer server(
        {next(), {std::string(kResponse), "", then, true}, next(), {std::string(kResponse), accepted()}});
    int calls = 0;
    drive(server, [&](Writer& out) {
      if (++calls > 1) return;
      while (out << "x") {
      }
    });
    CHECK(calls == 2);
    CHECK(server.requests(kResponse).size() == 2);
  }
}

TEST_CASE("a connection that ended while the handler ran costs no stream") {
  ScriptedServer server(
      {{std::string(kNext), event_answer("{}"), Step::Then::close}, {std::string(kResponse), accepted()}});
  drive(server, [&](Writer& out) {
    while (server.closed() == 0) std::this_thread::yield();
    out << "x";
  });
  REQUIRE(server.requests(kResponse).size() == 1);
  CHECK(server.requests(kResponse)[0].connection == 1);
  CHECK(server.requests(kResponse)[0].body == "1\r\nx\r\n0\r\n\r\n");
}

TEST_CASE("an answer that comes too late is a line in the log") {
  ScriptedServer server(
      {next(), {std::string(kResponse), answer_with_status(410)}, next(), {std::string(kResponse), accepted()}});
  auto log = drive(server, [](Writer& out) { out << "late"; });
  CHECK(log.find("HTTP status 410") != std::string::npos);
  CHECK(server.requests(kResponse).size() == 2);
}

TEST_CASE("trailers of a long error stay under 4,000 bytes and stay JSON") {
  auto long_stack = R"({"errorMessage":"m","errorType":"T","stackTrace":[")" + std::string(5'000, 'f') + "\"]}";
  auto trailers = runtime::error_trailers("T", long_stack);
  CHECK(trailer_json(trailers) == R"({"errorMessage":"m","errorType":"T","stackTrace":[]})");

  for (std::string_view unit : {"x", "\\\"", "\\u0001", "é", "€", "😀"}) {
    std::string message;
    while (message.size() < 9'000) message += unit;
    auto json = R"({"errorMessage":")" + message + R"(","errorType":"T","stackTrace":[]})";
    auto cut = runtime::error_trailers(std::string(1'000, 't'), json);
    CHECK(cut.size() <= 4'000);
    auto found = trailer_json(cut);
    auto end = found.find("...\",\"errorType\":\"ttt");
    REQUIRE(end != std::string::npos);
    CHECK((end - std::string_view("{\"errorMessage\":\"").size()) % unit.size() == 0);
    CHECK(found.ends_with(R"(","stackTrace":[]})"));
  }
  CHECK(runtime::error_trailers("a\r\nb: c", "{}").starts_with("Lambda-Runtime-Function-Error-Type: a  b: c\r\n"));
}
