#include "extensions/telemetry/receiver.h"

#include <doctest/doctest.h>
#include <zlib.h>

#include <boost/asio/post.hpp>
#include <deque>
#include <future>
#include <thread>
#include <vector>

#include "core/http_connection.h"
#include "extensions/telemetry/otlp_json.h"
#include "otlp_text.h"

namespace core = mayfly::core;
using mayfly::telemetry::Batch;
using mayfly::telemetry::Receiver;
using mayfly::telemetry::Signal;

namespace {

constexpr const char* kProtobuf = "application/x-protobuf";
constexpr const char* kJson = "application/json";

std::string gzip(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

struct Answer {
  int status = 0;
  std::string type, retry_after, allow, body;
};

// A receiver on a thread of its own, and what it has taken.
struct Running {
  explicit Running(std::size_t max_request_bytes = 8 * 1024 * 1024)
      : receiver(io, {.address = {"127.0.0.1", 0},
                      .max_request_bytes = max_request_bytes,
                      .resource =
                          [] {
                            return resource({{"faas.name", "orders"}, {"service.name", "orders"}});
                          },
                      .take = [this](Batch batch) { taken.push_back(std::move(batch)); }}) {
    auto bound = receiver.listen();
    REQUIRE(bound);
    origin = *bound;
    thread = std::thread([this] { io.run(); });
  }
  ~Running() {
    io.stop();
    thread.join();
  }

  Answer request(const std::string& path, const std::string& type, const std::string& body,
                 const std::string& more = "", const std::string& method = "POST") {
    core::HttpConnection connection(origin, {});
    std::string head = method + " " + path + " HTTP/1.1\r\nHost: localhost:4318\r\nContent-Type: " + type + "\r\n" +
                       more + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
    auto answer = connection.exchange(head, body, core::Deadline::never());
    REQUIRE_MESSAGE(answer, (answer ? "" : answer.error().message));
    const auto& a = **answer;
    return {a.status(), std::string(a.field("Content-Type")), std::string(a.field("Retry-After")),
            std::string(a.field("Allow")), std::string(a.body())};
  }

  boost::asio::io_context io{1};
  std::vector<Batch> taken;
  Receiver receiver;
  core::Origin origin;
  std::thread thread;
};

}  // namespace

TEST_CASE("each signal is taken on its path, in protobuf and in JSON, and answered empty in the same type") {
  Running running;
  struct Row {
    const char* path;
    Signal signal;
    const char* json;
  };
  for (auto row : {
           Row{"/v1/logs", Signal::logs, R"({"resourceLogs":[{"scopeLogs":[{"logRecords":[{},{}]}]}]})"},
           Row{"/v1/traces", Signal::traces, R"({"resourceSpans":[{"scopeSpans":[{"spans":[{},{}]}]}]})"},
           Row{"/v1/metrics", Signal::metrics,
               R"({"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"gauge":{"dataPoints":[{},{}]}}]}]}]})"},
       }) {
    CAPTURE(row.path);
    running.taken.clear();
    auto answer = running.request(row.path, std::string(kJson) + "; charset=utf-8", row.json);
    CHECK(answer.status == 200);
    CHECK(answer.type == kJson);
    CHECK(answer.body == "{}");
    REQUIRE(running.taken.size() == 1);
    CHECK(running.taken[0].signal == row.signal);
    CHECK(running.taken[0].records == 2);

    mayfly::json::Document document;
    std::string_view json(row.json);
    auto protobuf = mayfly::telemetry::protobuf_of_json(row.signal, document, json, json.size());
    REQUIRE(protobuf);
    answer = running.request(row.path, kProtobuf, *protobuf);
    CHECK(answer.status == 200);
    CHECK(answer.type == kProtobuf);
    CHECK(answer.body == "");
    REQUIRE(running.taken.size() == 2);
    CHECK(running.taken[1].body == running.taken[0].body);
    CHECK(running.taken[1].records == 2);
  }
}

TEST_CASE("what was taken has the attributes of this environment that the SDK did not set") {
  Running running;
  auto answer = running.request("/v1/logs", kJson,
                                R"({"resourceLogs":[{"resource":{"attributes":[
                                  {"key":"service.name","value":{"stringValue":"billing"}}]},
                                  "scopeLogs":[{"logRecords":[{}]}]}]})");
  CHECK(answer.status == 200);
  REQUIRE(running.taken.size() == 1);
  CHECK(text_of(running.taken[0].body) ==
        R"(1{1{1{1"service.name" 2{1"billing"}} 1{1"faas.name" 2{1"orders"}}} 2{2""}})");
}

TEST_CASE("a gzip body is taken as what it holds") {
  Running running;
  std::string json = R"({"resourceLogs":[{"scopeLogs":[{"logRecords":[{}]}]}]})";
  CHECK(running.request("/v1/logs", kJson, gzip(json), "Content-Encoding: gzip\r\n").status == 200);
  CHECK(
      running.request("/v1/logs", kJson, gzip(json.substr(0, 20)) + gzip(json.substr(20)), "Content-Encoding: gzip\r\n")
          .status == 200);
  CHECK(running.request("/v1/logs", kJson, json, "Content-Encoding: identity\r\n").status == 200);
  REQUIRE(running.taken.size() == 3);
  CHECK(running.taken[0].body == running.taken[2].body);
  CHECK(running.taken[1].body == running.taken[2].body);
}

TEST_CASE("a request without records is answered and goes nowhere") {
  Running running;
  CHECK(running.request("/v1/traces", kProtobuf, "").status == 200);
  CHECK(running.request("/v1/logs", kJson, "{}").status == 200);
  CHECK(running.taken.empty());
}

TEST_CASE("what is not OTLP is refused with a Status that says why") {
  Running running;
  auto answer = running.request("/v1/logs", kJson, R"({"resourceLogs":7})");
  CHECK(answer.status == 400);
  CHECK(answer.type == kJson);
  CHECK(answer.body == R"({"code":3,"message":"not an OTLP request in JSON: the value of \"resourceLogs\""})");
  answer = running.request("/v1/logs", kProtobuf, "\x0a\x7f");
  CHECK(answer.status == 400);
  CHECK(answer.type == kProtobuf);
  CHECK(text_of(answer.body).starts_with("1=3 2\"not an OTLP request in protobuf"));
  answer = running.request("/v1/logs", kJson, "no gzip", "Content-Encoding: gzip\r\n");
  CHECK(answer.status == 400);
  CHECK(running.taken.empty());
}

TEST_CASE("paths, methods, types and encodings that are not OTLP/HTTP are refused by their own status") {
  Running running;
  CHECK(running.request("/v1/profiles", kProtobuf, "").status == 404);
  auto answer = running.request("/v1/logs", kProtobuf, "", "", "GET");
  CHECK(answer.status == 405);
  CHECK(answer.allow == "POST");
  CHECK(running.request("/v1/logs", "text/plain", "hello").status == 415);
  CHECK(running.request("/v1/logs", kProtobuf, "x", "Content-Encoding: br\r\n").status == 415);
  CHECK(running.request("/v1/logs", kJson, "{}").status == 200);
}

TEST_CASE("bodies over 4 MiB are refused, whole or in chunks, and the next one is taken") {
  Running running;
  std::string body(Receiver::kMaxBodyBytes, ' ');
  body.replace(0, 1, "{");
  body.back() = '}';
  CHECK(running.request("/v1/logs", kJson, body).status == 200);
  auto answer = running.request("/v1/logs", kJson, body + " ");
  CHECK(answer.status == 413);
  CHECK(answer.body.find("4194305 bytes, over the limit of 4194304") != std::string::npos);
}

TEST_CASE("a small body that holds a large one is refused before it takes the memory") {
  SUBCASE("over the limit") {
    Running running(1'000'000);
    std::string noise;
    for (unsigned n = 1; noise.size() <= 1'000'000; n = n * 1'664'525 + 1'013'904'223) noise += std::to_string(n);
    CHECK(running.request("/v1/logs", kJson, gzip(noise), "Content-Encoding: gzip\r\n").status == 413);
  }
  SUBCASE("over 200 times its size") {
    Running running;
    std::string blanks = "{" + std::string(7'000'000, ' ') + "}";
    CHECK(gzip(blanks).size() < blanks.size() / 200);
    CHECK(running.request("/v1/logs", kJson, gzip(blanks), "Content-Encoding: gzip\r\n").status == 413);
  }
  SUBCASE("not by its attributes") {
    Running running(10'000);
    // Each resource of eight bytes would get our attributes.
    std::string one("\x0a\x04\x12\x02\x12\x00", 6), body;
    for (int i = 0; i < 1'000; ++i) body += one;
    CHECK(running.request("/v1/logs", kProtobuf, body).status == 413);
  }
}

TEST_CASE("as many bodies at a time as memory is for, and the next one has to come again") {
  Running running;
  // Each says that it is long, and sends only its head.
  std::string head =
      "POST /v1/logs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Content-Length: 4194304\r\n\r\n";
  std::deque<core::HttpConnection> open;
  for (int i = 0; i < 4; ++i) {
    open.emplace_back(running.origin, core::HttpConnection::Options{});
    REQUIRE(open.back().send(head, "{", core::Deadline::never()));
  }
  // The server may not have come to the fourth yet.
  Answer answer;
  do {
    answer = running.request("/v1/logs", kJson, "{}");
  } while (answer.status == 200);
  CHECK(answer.status == 429);
  CHECK(answer.retry_after == "1");
  open.clear();
  do {
    answer = running.request("/v1/logs", kJson, "{}");
  } while (answer.status == 429);
  CHECK(answer.status == 200);
}

TEST_CASE("a page in a browser cannot send telemetry") {
  Running running;
  CHECK(running.request("/v1/logs", kJson, "{}", "Origin: https://example.com\r\n").status == 403);
}

TEST_CASE("an address in use is an error that names it") {
  Running running;
  boost::asio::io_context io;
  Receiver second(io, {.address = running.origin});
  auto bound = second.listen();
  REQUIRE_FALSE(bound);
  CHECK(bound.error().message.starts_with(running.origin.host_port() + ": "));
}
