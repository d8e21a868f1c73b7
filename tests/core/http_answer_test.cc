#include "core/http_answer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

using namespace std::literals;
using mayfly::core::Errc;
using mayfly::core::HttpAnswer;
using mayfly::core::Outcome;

namespace {

constexpr std::size_t kLimit = 1'000'000;

// Feeds `bytes` in pieces that end at `cuts`, as a socket would: never more
// than space() offers. Stops when the answer is complete or has failed.
Outcome<bool> feed(HttpAnswer& answer, std::string_view bytes, std::vector<std::size_t> cuts = {}) {
  cuts.push_back(bytes.size());
  std::size_t at = 0;
  Outcome<bool> result = false;
  for (std::size_t cut : cuts) {
    while (at < cut) {
      auto space = answer.space();
      REQUIRE(!space.empty());
      std::size_t n = std::min(space.size(), cut - at);
      std::memcpy(space.data(), bytes.data() + at, n);
      at += n;
      result = answer.feed(n);
      if (!result || *result) return result;
    }
  }
  return result;
}

Outcome<bool> feed_byte_by_byte(HttpAnswer& answer, std::string_view bytes) {
  std::vector<std::size_t> cuts(bytes.size());
  for (std::size_t i = 0; i < cuts.size(); ++i) cuts[i] = i;
  return feed(answer, bytes, cuts);
}

struct Read {
  bool complete = false;
  Errc error{};
  int status = 0;
  std::string body;
  std::size_t fields = 0;
  bool keep_alive = false;
  bool operator==(const Read&) const = default;
};

Read describe(HttpAnswer& answer, const Outcome<bool>& result) {
  if (!result) return {false, result.error().code, 0, "", 0, false};
  if (!*result) return {};
  return {true, {}, answer.status(), std::string(answer.body()), answer.field_count(), answer.keep_alive()};
}

// However TCP cuts the message, the outcome is one. (Bytes behind the end of an
// answer are seen with it or later, so keep_alive may differ there: leave such
// messages to tests of their own.)
Read read(std::string_view bytes) {
  HttpAnswer whole(kLimit);
  Read expected = describe(whole, feed(whole, bytes));
  HttpAnswer single(kLimit);
  CHECK(describe(single, feed_byte_by_byte(single, bytes)) == expected);
  HttpAnswer answer(kLimit);  // one for all splits: clear() must forget everything
  for (std::size_t cut = 1; cut < std::min<std::size_t>(bytes.size(), 2'000); ++cut) {
    answer.clear();
    auto got = describe(answer, feed(answer, bytes, {cut}));
    if (got != expected) {
      FAIL_CHECK("another outcome when cut at " << cut);
      break;
    }
  }
  return expected;
}

std::string ok(std::string_view fields, std::string_view body = "") {
  return "HTTP/1.1 200 OK\r\n" + std::string(fields) + "\r\n" + std::string(body);
}

Read good(std::string body, std::size_t fields = 1, bool keep_alive = true) {
  return {true, {}, 200, std::move(body), fields, keep_alive};
}

}  // namespace

TEST_CASE("an answer with Content-Length is complete with its last byte") {
  CHECK(read(ok("Content-Length: 5\r\n", "hello")) == good("hello"));
  CHECK(read(ok("Content-Length: 0\r\n")) == good(""));
  CHECK(read(ok("Content-Length: 5\r\n", "hell")) == Read{});
}

TEST_CASE("fields are found by name without case and keep their order") {
  HttpAnswer answer(kLimit);
  REQUIRE(
      feed(answer, ok("A: 1\r\nLambda-Runtime-Aws-Request-Id:\t 8f3c \t\r\na: 2\r\nEmpty:\r\nContent-Length: 0\r\n")));
  CHECK(answer.field_count() == 5);
  CHECK(answer.field("lambda-runtime-aws-request-id") == "8f3c");
  CHECK(answer.field("a") == "1");
  CHECK(answer.field(2).value == "2");
  CHECK(answer.field(2).name == "a");
  CHECK(answer.field("Empty").empty());
  CHECK(answer.field("missing").data() == nullptr);
}

TEST_CASE("a status line is read strictly") {
  for (std::string line : {"HTTP/1.1 200 OK", "HTTP/1.1 200 ", "HTTP/1.1 200", "HTTP/1.1 200 Tr\xc3\xa8s bien"}) {
    CAPTURE(line);
    CHECK(read(line + "\r\nContent-Length: 0\r\n\r\n"s) == good(""));
  }
  for (std::string line :
       {"", " HTTP/1.1 200 OK", "HTTP/1.1  200 OK", "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1 099 No",
        "HTTP/1.1 600 No", "HTTP/1.1 +20 No", "HTTP/1.1 -20 No", "HTTP/1.1 2 0 No", "HTTP/2.0 200 OK",
        "HTTP/1.2 200 OK", "http/1.1 200 OK", "HTTP/1.1\t200 OK", "HTTP/1.1 200 O\x01K", "HTTP/1.1 200 O\nK",
        "HTTP/1.1 200 O\rK", "ICY 200 OK", "SSH-2.0-OpenSSH_9.2"}) {
    CAPTURE(line);
    CHECK(read(line + "\r\nContent-Length: 0\r\n\r\n"s).error == Errc::protocol);
  }
}

TEST_CASE("a field that lenient readers would understand in different ways is refused") {
  for (std::string field : {"Content-Length : 5",
                            " Content-Length: 5",
                            "\tContent-Length: 5",
                            "A: 1\r\n folded",
                            "A: 1\r\n\tfolded",
                            "Content-Length: 5\r\nContent-Length: 6",
                            "Content-Length: +5",
                            "Content-Length: -5",
                            "Content-Length: 5, 5",
                            "Content-Length: 0x5",
                            "Content-Length: 5.",
                            "Content-Length: five",
                            "Content-Length:",
                            "Content-Length: 99999999999999999999999",
                            "Content-Length: 18446744073709551616",
                            "Transfer-Encoding: gzip",
                            "Transfer-Encoding: gzip, chunked",
                            "Transfer-Encoding: chunked, chunked",
                            "Transfer-Encoding: xchunked",
                            "Transfer-Encoding:",
                            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
                            "Transfer-Encoding: chunked\r\nContent-Length: 5",
                            "Content-Length: 5\r\nTransfer-Encoding: chunked",
                            "no colon",
                            ": no name",
                            "na me: 1",
                            "na(me: 1",
                            "n\xc3\xa4me: 1",
                            "A: bare\nLF",
                            "A: bare\rCR",
                            "A: \x7f",
                            "A\r: 1",
                            "A: 1\n"}) {
    CAPTURE(field);
    CHECK(read(ok(field + "\r\n"s, "5\r\nhello\r\n0\r\n\r\n")).error == Errc::protocol);
  }
  CHECK(read(ok("A: n\0l\r\nContent-Length: 0\r\n"sv)).error == Errc::protocol);
}

TEST_CASE("two equal Content-Length fields are one") {
  CHECK(read(ok("Content-Length: 2\r\nContent-Length: 2\r\n", "ok")) == good("ok", 2));
}

TEST_CASE("64 fields are read and 65 refused") {
  std::string fields = "Content-Length: 0\r\n";
  for (int i = 0; i < 63; ++i) fields += "A: 1\r\n";
  CHECK(read(ok(fields)) == good("", 64));
  CHECK(read(ok(fields + "A: 1\r\n")).error == Errc::protocol);
}

TEST_CASE("a head of 16 KiB is read and one byte more refused, however it is cut") {
  std::string before = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nA: ";
  auto head = [&](std::size_t bytes) { return before + std::string(bytes - before.size() - 4, 'x') + "\r\n\r\n"; };
  CHECK(read(head(HttpAnswer::kMaxHeadBytes - 1)).complete);
  CHECK(read(head(HttpAnswer::kMaxHeadBytes)).complete);
  CHECK(read(head(HttpAnswer::kMaxHeadBytes + 1)).error == Errc::protocol);
  CHECK(read(head(HttpAnswer::kMaxHeadBytes + 4)).error == Errc::protocol);
  HttpAnswer endless(kLimit);
  CHECK(feed_byte_by_byte(endless, std::string(HttpAnswer::kMaxHeadBytes, 'x')).error().code == Errc::protocol);
}

TEST_CASE("chunks are put together") {
  auto chunked = [](std::string_view body) { return read(ok("Transfer-Encoding: chunked\r\n", body)); };
  CHECK(chunked("5\r\nhello\r\n0\r\n\r\n") == good("hello"));
  CHECK(chunked("0\r\n\r\n") == good(""));
  CHECK(chunked("1\r\na\r\n02\r\nbc\r\nA\r\n0123456789\r\nb\r\n0123456789\n\r\n0\r\n\r\n") ==
        good("abc01234567890123456789\n"));
  CHECK(chunked("5;name=value;x=\"y\"\r\nhello\r\n0;last\r\n\r\n") == good("hello"));
  CHECK(chunked("5 ;bws\r\nhello\r\n000\r\n\r\n") == good("hello"));
  CHECK(chunked("5\r\nhello\r\n0\r\nTrailer: 1\r\nOther: 2\r\n\r\n") == good("hello"));
  CHECK(chunked("2\r\n\r\n\r\n0\r\n\r\n") == good("\r\n"));
  CHECK(chunked("5\r\nhello\r\n") == Read{});
  CHECK(chunked("5\r\nhello\r\n0\r\nTrailer: 1\r\n") == Read{});
}

TEST_CASE("a broken chunk is refused") {
  for (std::string body : {"\r\nhello",
                           "g\r\n",
                           "+5\r\nhello\r\n0\r\n\r\n",
                           "-5\r\nhello\r\n0\r\n\r\n",
                           "0x5\r\nhello\r\n0\r\n\r\n",
                           " 5\r\nhello\r\n0\r\n\r\n",
                           "5 5\r\nhello\r\n0\r\n\r\n",
                           ";5\r\nhello\r\n0\r\n\r\n",
                           "5\nhello\r\n0\r\n\r\n",
                           "4\r\nhello\r\n0\r\n\r\n",
                           "6\r\nhello\r\n0\r\n\r\n",
                           "5\r\nhelloXX0\r\n\r\n",
                           "5\r\nhello\n0\r\n\r\n\r\n",
                           "FFFFFFFFFFFFFFFF\r\n",
                           "10000000000000000\r\n",
                           "5;a\x01z\r\nhello\r\n0\r\n\r\n",
                           "0\r\nno colon\r\n\r\n",
                           "0\r\nA : 1\r\n\r\n",
                           "0\r\nA: 1\r\n folded\r\n\r\n",
                           "0\r\nA: b\rc\r\n\r\n"}) {
    CAPTURE(body);
    CHECK(read(ok("Transfer-Encoding: chunked\r\n", body)).error == Errc::protocol);
  }
}

TEST_CASE("a chunk size line and trailers have a limit, however they are cut") {
  auto chunked = [](const std::string& body) { return read(ok("Transfer-Encoding: chunked\r\n", body)); };
  CHECK(chunked("1;" + std::string(254, 'x') + "\r\na\r\n0\r\n\r\n") == good("a"));
  CHECK(chunked("1;" + std::string(255, 'x') + "\r\na\r\n0\r\n\r\n").error == Errc::protocol);
  CHECK(chunked("0\r\nA: " + std::string(16'000, 'x') + "\r\n\r\n").complete);
  CHECK(chunked("0\r\nA: " + std::string(17'000, 'x') + "\r\n\r\n").error == Errc::protocol);
  CHECK(chunked("0\r\nA: " + std::string(17'000, 'x')).error == Errc::protocol);
}

TEST_CASE("many small chunks with long extensions take no buffer of many times the body") {
  HttpAnswer answer(kLimit);
  std::string body;
  for (int i = 0; i < 20'000; ++i) body += "1;" + std::string(250, 'x') + "\r\na\r\n";
  // Bytes arrive as from a socket, 4 KiB at a time.
  std::vector<std::size_t> cuts;
  std::string bytes = ok("Transfer-Encoding: chunked\r\n", body + "0\r\n\r\n");
  for (std::size_t at = 4'096; at < bytes.size(); at += 4'096) cuts.push_back(at);
  REQUIRE(feed(answer, bytes, cuts));
  CHECK(answer.body() == std::string(20'000, 'a'));
  CHECK(answer.body_capacity() < 100'000);
}

TEST_CASE("a body is refused one byte over the limit, in each of its three forms") {
  auto outcome = [](std::string bytes, bool close = false) {
    HttpAnswer answer(10);
    auto result = feed(answer, bytes);
    if (result && !*result && close) result = answer.feed(0);
    return describe(answer, result);
  };
  for (std::size_t n : {9u, 10u, 11u}) {
    CAPTURE(n);
    std::string body(n, 'x');
    bool fits = n <= 10;
    CHECK(outcome(ok("Content-Length: " + std::to_string(n) + "\r\n", body)).complete == fits);
    CHECK(outcome(ok("Content-Length: " + std::to_string(n) + "\r\n")).error == (fits ? Errc{} : Errc::protocol));
    CHECK(outcome(ok("Transfer-Encoding: chunked\r\n",
                     "8\r\n01234567\r\n" + std::to_string(n - 8) + "\r\n" + body.substr(8) + "\r\n0\r\n\r\n"))
              .complete == fits);
    CHECK(outcome(ok("A: 1\r\n", body), true).complete == fits);
  }
}

TEST_CASE("a body without a length ends with the connection, which carries no other request") {
  HttpAnswer answer(kLimit);
  auto incomplete = feed(answer, ok("A: 1\r\n", "all of it"));
  REQUIRE(incomplete);
  CHECK_FALSE(*incomplete);
  auto complete = answer.feed(0);
  REQUIRE(complete);
  CHECK(*complete);
  CHECK(answer.body() == "all of it");
  CHECK_FALSE(answer.keep_alive());
}

TEST_CASE("a close before any byte is unanswered and a later one cut") {
  std::string bytes = ok("Content-Length: 5\r\n", "hello");
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    HttpAnswer answer(kLimit);
    feed(answer, bytes.substr(0, n)).has_value();
    CHECK(answer.started() == (n > 0));
    auto closed = answer.feed(0);
    REQUIRE_FALSE(closed);
    CHECK(closed.error().code == (n == 0 ? Errc::unanswered : Errc::cut));
  }
}

TEST_CASE("interim answers are skipped") {
  std::string interim =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\nContent-Length: 7\r\nConnection: "
      "close\r\n\r\n";
  CHECK(read(interim + ok("Content-Length: 5\r\n", "hello")) == good("hello"));
  CHECK(read(interim) == Read{});
}

TEST_CASE("interim answers without end are refused and take no stack") {
  std::string interim;
  while (interim.size() < 4'000'000) interim += "HTTP/1.1 100 \r\n\r\n";
  HttpAnswer answer(8'000'000);
  REQUIRE(feed(answer, ok("Content-Length: 5000000\r\n", std::string(5'000'000, 'x'))));  // makes room for all at once
  answer.clear();
  auto result = feed(answer, interim);
  REQUIRE_FALSE(result);
  CHECK(result.error().code == Errc::protocol);
}

TEST_CASE("204 and 304 have no body") {
  for (std::string status : {"204 No Content", "304 Not Modified"}) {
    CAPTURE(status);
    auto got = read("HTTP/1.1 "s + status + "\r\nA: 1\r\n\r\n");
    CHECK(got.complete);
    CHECK(got.keep_alive);
    CHECK_FALSE(read("HTTP/1.1 "s + status + "\r\nContent-Length: 5\r\n\r\n").keep_alive);
    CHECK_FALSE(read("HTTP/1.1 "s + status + "\r\nTransfer-Encoding: chunked\r\n\r\n").keep_alive);
  }
}

TEST_CASE("whether the connection lives on follows version and Connection") {
  auto lives = [](std::string version, std::string fields) {
    auto got = read(version + " 200 OK\r\nContent-Length: 0\r\n" + fields + "\r\n");
    REQUIRE(got.complete);
    return got.keep_alive;
  };
  CHECK(lives("HTTP/1.1", ""));
  CHECK(lives("HTTP/1.1", "Connection: upgrade\r\n"));
  CHECK_FALSE(lives("HTTP/1.1", "connection: Close\r\n"));
  CHECK_FALSE(lives("HTTP/1.1", "Connection: foo, close\r\n"));
  CHECK_FALSE(lives("HTTP/1.1", "Connection: close, keep-alive\r\n"));
  CHECK_FALSE(lives("HTTP/1.1", "Connection: close\r\nConnection: keep-alive\r\n"));
  CHECK_FALSE(lives("HTTP/1.0", ""));
  CHECK(lives("HTTP/1.0", "Connection: Keep-Alive\r\n"));
}

TEST_CASE("HTTP/1.0 knows no chunks") {
  CHECK(read("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").error == Errc::protocol);
}

TEST_CASE("bytes behind an answer spoil the connection") {
  for (auto bytes : {ok("Content-Length: 2\r\n", "okHTTP/1.1 200 OK\r\n"),
                     ok("Transfer-Encoding: chunked\r\n", "0\r\n\r\nX"), "HTTP/1.1 204 No Content\r\n\r\nX"s}) {
    CAPTURE(bytes);
    HttpAnswer answer(kLimit);
    auto result = feed(answer, bytes);
    REQUIRE(result);
    CHECK(*result);
    CHECK_FALSE(answer.keep_alive());
  }
}

TEST_CASE("the buffer is kept: a second answer of the same size lies where the first lay") {
  for (std::string fields : {"Content-Length: 300000\r\n", "Transfer-Encoding: chunked\r\n"}) {
    CAPTURE(fields);
    std::string body(300'000, 'x');
    std::string bytes = ok(fields, fields[0] == 'C' ? body : "493E0\r\n" + body + "\r\n0\r\n\r\n");
    HttpAnswer answer(kLimit);
    REQUIRE(feed(answer, bytes));
    auto* first = answer.body().data();
    for (int i = 0; i < 3; ++i) {
      answer.clear();
      auto again = feed(answer, bytes);
      REQUIRE((again && *again));
      CHECK(answer.body().data() == first);
      CHECK(answer.body().size() == body.size());
    }
  }
}

TEST_CASE("behind every body lies readable padding") {
  for (std::size_t n : {0u, 1u, 16'000u, 16'384u - 64u - 40u, 16'384u, 100'000u}) {
    for (int form = 0; form < 3; ++form) {
      CAPTURE(n);
      CAPTURE(form);
      HttpAnswer answer(kLimit);
      std::string body(n, 'x');
      char size[20];
      std::snprintf(size, sizeof size, "%zx", n);
      std::string chunks = n ? size + "\r\n"s + body + "\r\n0\r\n\r\n" : "0\r\n\r\n"s;
      auto bytes = form == 0   ? ok("Content-Length: " + std::to_string(n) + "\r\n", body)
                   : form == 1 ? ok("Transfer-Encoding: chunked\r\n", chunks)
                               : ok("", body);
      REQUIRE(feed(answer, bytes));
      if (form == 2) REQUIRE(answer.feed(0));
      REQUIRE(answer.body() == body);
      REQUIRE(answer.body_capacity() >= n + HttpAnswer::kPadding);
      volatile char touched = 0;  // address sanitizer watches
      for (std::size_t i = 0; i < HttpAnswer::kPadding; ++i) touched = answer.body().data()[n + i];
      static_cast<void>(touched);
    }
  }
}

TEST_CASE("behind the head of an answer to CONNECT begins the tunnel") {
  struct Case {
    const char* bytes;
    bool tunnel;
    std::string_view body;
  };
  for (const auto& c :
       {Case{"HTTP/1.1 200 OK\r\n\r\n", true, ""}, Case{"HTTP/1.0 200 Connection established\r\n\r\n", true, ""},
        Case{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true, ""},
        Case{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true, ""},
        Case{"HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\nno", false, "no"}}) {
    CAPTURE(c.bytes);
    HttpAnswer answer(kLimit);
    answer.answers_connect();
    auto complete = feed(answer, c.bytes);
    REQUIRE(complete);
    CHECK(*complete);
    CHECK((answer.status() == 200) == c.tunnel);
    CHECK(answer.body() == c.body);
    answer.clear();
    REQUIRE(feed(answer, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"));
    CHECK_FALSE(*feed(answer, "x"));
  }
  HttpAnswer early(kLimit);
  early.answers_connect();
  CHECK(feed(early, "HTTP/1.1 200 OK\r\n\r\n\x15").error().code == Errc::protocol);
}
