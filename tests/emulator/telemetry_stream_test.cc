// Delivery of telemetry against a consumer that refuses, hangs or is not there.

#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>

#include "core/http_server/http_server.h"
#include "emulator/telemetry/telemetry_stream.h"

using namespace mayfly::emulator;
using namespace mayfly;
namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

core::HttpReply status_reply(unsigned status) { return {status, {}, {}, {}}; }

// A consumer and a stream to it, on one io_context.
struct Fixture {
  asio::io_context io;
  std::vector<std::string> batches;  // bodies, refused ones included
  std::vector<unsigned> statuses;    // of the answers to come; 200 when there are none
  core::HttpServer consumer{
      io, {.host_names = {"sandbox.localdomain"}}, [this](core::HttpExchange& exchange) { return take(exchange); }};
  std::uint16_t port = consumer.listen("127.0.0.1", 0)->port;

  asio::awaitable<void> take(core::HttpExchange& exchange) {
    auto body = co_await exchange.read_body(64 << 20);
    batches.push_back(body.bytes);
    unsigned status = 200;
    if (!statuses.empty()) {
      status = statuses.front();
      statuses.erase(statuses.begin());
    }
    core::HttpReply reply = status_reply(status);
    co_await exchange.reply(std::move(reply));
  }

  Subscription subscription() const {
    Subscription out;
    out.schema_version = "2022-12-13";
    out.types = {"function"};
    out.destination = {"sandbox.localdomain", port};
    out.max_items = 3;
    out.timeout = 25ms;
    return out;
  }
  // Runs until `done` or for half a minute, which fails.
  void run_until(const std::function<bool()>& done) {
    auto limit = std::chrono::steady_clock::now() + 30s;
    while (!done()) {
      REQUIRE(std::chrono::steady_clock::now() < limit);
      io.run_one_for(1s);
    }
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a batch goes out when it has max_items events, the rest when its time is over") {
  auto stream = std::make_shared<TelemetryStream>(io, subscription());
  for (const char* event : {"1", "2", "3", "4"}) stream->add(event);
  run_until([&] { return batches.size() == 2; });
  CHECK(batches == std::vector<std::string>{"[1,2,3]", "[4]"});
}

TEST_CASE_FIXTURE(Fixture, "flush() does not wait for the time") {
  auto patient = subscription();
  patient.timeout = std::chrono::hours(1);
  auto stream = std::make_shared<TelemetryStream>(io, patient);
  stream->add("1");
  stream->flush();
  run_until([&] { return batches.size() == 1; });
  stream->close();
}

TEST_CASE_FIXTURE(Fixture, "a refused batch is sent again, unchanged and before its successors") {
  statuses = {503, 429};
  auto stream = std::make_shared<TelemetryStream>(io, subscription());
  for (const char* event : {"1", "2", "3", "4", "5", "6"}) stream->add(event);
  run_until([&] { return batches.size() == 4; });
  CHECK(batches == std::vector<std::string>{"[1,2,3]", "[1,2,3]", "[1,2,3]", "[4,5,6]"});
}

TEST_CASE_FIXTURE(Fixture, "events wait for a consumer that listens later") {
  consumer.stop();
  auto stream = std::make_shared<TelemetryStream>(io, subscription());
  stream->add("1");
  io.run_for(200ms);
  core::HttpServer later(io, {.host_names = {"sandbox.localdomain"}},
                         [this](core::HttpExchange& exchange) { return take(exchange); });
  REQUIRE(later.listen("127.0.0.1", port).has_value());
  run_until([&] { return batches.size() == 1; });
  CHECK(batches[0] == "[1]");
  stream->close();
}

TEST_CASE_FIXTURE(Fixture, "what is over the bound is dropped, oldest first, and the loss is reported") {
  statuses.assign(1, 503);
  auto large = subscription();
  large.max_items = 1;
  auto stream = std::make_shared<TelemetryStream>(io, large);
  const std::string event = "\"" + std::string(1 << 20, 'x') + "\"";
  for (int i = 0; i < 12; ++i) stream->add(event);
  run_until([&] { return !batches.empty() && batches.back().find("platform.logsDropped") != std::string::npos; });
  // 12 batches of 1 MiB and two brackets; 8 MiB may wait.
  CHECK(batches.back().find("\"droppedRecords\":5,") != std::string::npos);
  CHECK(batches.back().find("\"droppedBytes\":" + std::to_string(5 * (event.size() + 2))) != std::string::npos);
  CHECK(batches.size() == 1 + 7 + 1);  // a refusal, what was kept, the report
}

TEST_CASE_FIXTURE(Fixture, "a stream that is closed gives everything up") {
  statuses.assign(100, 503);
  auto stream = std::make_shared<TelemetryStream>(io, subscription());
  stream->add("1");
  run_until([&] { return !batches.empty(); });
  stream->close();
  consumer.stop();
  std::weak_ptr<TelemetryStream> gone = stream;
  stream.reset();
  run_until([&] { return gone.expired(); });
}
