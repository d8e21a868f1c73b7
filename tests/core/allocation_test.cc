#include "tests/core/allocation_count.h"

#include <doctest/doctest.h>

#include <curl/curl.h>

#include <memory>
#include <string>

#include <mayfly/json/value.h>
#include <mayfly/json/writer.h>

#include "core/http_connection.h"
#include "tests/core/loopback.h"

using namespace std::chrono_literals;
using mayfly::core::Deadline;
using mayfly::core::HttpConnection;
using mayfly::test::allocation_count;
using mayfly::test::Loopback;
using mayfly::test::Peer;

namespace {

constexpr int kWarm = 3, kCounted = 20;

// Answers each request with its own body; head and body in one write or, to
// make the client wait in between, in two.
void echo(Peer& peer, std::size_t requests) {
  for (std::size_t i = 0; i < requests; ++i) {
    std::string request = peer.read_message();
    auto body = request.substr(request.find("\r\n\r\n") + 4);
    std::string head =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
        "\r\n\r\n";
    if (i % 2) {
      peer.write(head);
      peer.write(body);
    } else {
      peer.write(head + body);
    }
  }
}

}  // namespace

TEST_CASE("allocations are counted, those of C++ and of libraries") {
  auto before = allocation_count();
  auto one = std::make_unique<int>(1);
  CHECK(allocation_count() == before + 1);
  curl_easy_cleanup(curl_easy_init());
  CHECK(allocation_count() > before + 1);
}

TEST_CASE("a warm exchange allocates nothing, whatever its size and however it waits") {
  for (std::size_t bytes : {0u, 256u, 100'000u, 1'000'000u, 6'000'000u}) {
    for (auto deadline : {Deadline::never(), Deadline::after(60s)}) {
      CAPTURE(bytes);
      std::string body(bytes, 'x');
      std::string head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(bytes) + "\r\n\r\n";
      Loopback server([](Peer& peer, int) { echo(peer, kWarm + kCounted); });
      HttpConnection connection({"127.0.0.1", server.port()}, {});
      bool good = true;
      auto exchange = [&] {
        auto answer = connection.exchange(head, body, deadline);
        good = good && answer && (*answer)->body().size() == bytes;
      };
      for (int i = 0; i < kWarm; ++i) exchange();
      auto before = allocation_count();
      for (int i = 0; i < kCounted; ++i) exchange();
      CHECK(allocation_count() == before);
      CHECK(good);
      CHECK(server.accepted() == 1);
    }
  }
}

TEST_CASE("a document that has seen the largest text parses without allocating") {
  std::string text = R"({"id":"a1","list":[1,2,3],"text":"a\nb"})";
  std::size_t size = text.size();
  text.resize(size + mayfly::json::Document::kPadding, ' ');
  mayfly::json::Document document;
  std::size_t seen = 0;
  auto read = [&] {
    auto value = document.parse({text.data(), size}, text.size());
    value->each_field([&](std::string_view, mayfly::json::Value& field) {
      std::string_view raw;
      auto status = field.raw(raw);
      seen += raw.size();
      return status;
    });
  };
  read();
  auto before = allocation_count();
  for (int i = 0; i < kCounted; ++i) read();
  CHECK(allocation_count() == before);
  CHECK(seen == (kCounted + 1) * (4 + 7 + 6));
}
