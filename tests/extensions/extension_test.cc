#include <doctest/doctest.h>
#include <mayfly/extension.h>
#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <future>
#include <stdexcept>

#include "extensions/src/telemetry_listener.h"
#include "fake_lambda.h"

namespace ext = mayfly::extension;
using ext::TelemetryType;

namespace {

constexpr auto kRegister = "/2020-01-01/extension/register";
constexpr auto kSubscribe = "/2022-07-01/telemetry";
constexpr auto kInitError = "/2020-01-01/extension/init/error";
constexpr auto kExitError = "/2020-01-01/extension/exit/error";

std::future<int> start(FakeLambda& lambda, ext::Options options) {
  setenv("AWS_LAMBDA_RUNTIME_API", lambda.address().c_str(), 1);
  return std::async(std::launch::async, [o = std::move(options)]() mutable { return ext::run(std::move(o)); });
}

ext::Telemetry all_records(std::function<void(ext::TelemetryBatch&)> on_records) {
  return {{TelemetryType::platform, TelemetryType::function}, {}, std::move(on_records)};
}

// The address on which this process listens at that port, as /proc/net/tcp has it.
std::string listening_address(const std::string& port) {
  char hex[8];
  std::snprintf(hex, sizeof hex, ":%04X", static_cast<unsigned>(std::stoi(port)));
  std::ifstream table("/proc/self/net/tcp");
  for (std::string line; std::getline(table, line);) {
    // "  12: 0100007F:D431 00000000:0000 0A ...": local address, peer, state LISTEN
    auto colon = line.find(hex, 6);
    if (colon == 14 && line.substr(34, 2) == "0A") return line.substr(6, 8);
  }
  return "";
}

}  // namespace

TEST_CASE("an extension registers under its program's name and asks for the account id") {
  FakeLambda lambda;
  ext::Registration told;
  auto done = start(lambda, {.on_init = [&](const ext::Registration& r) { told = r; }});
  lambda.shut_down();
  CHECK(done.get() == 0);
  auto call = lambda.call(kRegister);
  CHECK(call.method == "POST");
  CHECK(call.fields["Lambda-Extension-Name"] == "extensions_test");
  CHECK(call.fields["Lambda-Extension-Accept-Feature"] == "accountId");
  CHECK(told.function_name == "orders");
  CHECK(told.function_version == "7");
  CHECK(told.handler == "orders.handle");
  CHECK(told.account_id == "123456789012");
}

TEST_CASE("only the events that are asked for are subscribed to") {
  FakeLambda with, without;
  auto first = start(with, {.on_invoke = [](const ext::Invoke&) {}});
  with.wait_next(1);
  auto second = start(without, {});
  with.shut_down();
  without.shut_down();
  CHECK(first.get() + second.get() == 0);
  CHECK(with.call(kRegister).body == R"({"events":["INVOKE","SHUTDOWN"]})");
  CHECK(without.call(kRegister).body == R"({"events":["SHUTDOWN"]})");
  CHECK_FALSE(without.was_called(kSubscribe));
}

TEST_CASE("an invocation is handed over with its trace and its deadline, then the next one is asked for") {
  FakeLambda lambda;
  std::vector<ext::Invoke> seen;
  auto done = start(lambda, {.on_invoke = [&](const ext::Invoke& i) { seen.push_back(i); }});
  lambda.invoke("id-1", 60'000, "Root=1-67891233-abcdef012345678912345678;Sampled=0");
  lambda.invoke("id-2");
  lambda.wait_next(3);
  lambda.shut_down();
  CHECK(done.get() == 0);
  REQUIRE(seen.size() == 2);
  CHECK(seen[0].request_id == "id-1");
  CHECK(seen[0].invoked_function_arn == "arn:aws:lambda:eu-west-1:123456789012:function:orders:live");
  CHECK(seen[0].trace_id == "Root=1-67891233-abcdef012345678912345678;Sampled=0");
  CHECK(seen[0].remaining() <= std::chrono::milliseconds(60'000));
  CHECK(seen[0].remaining() > std::chrono::milliseconds(0));
  CHECK(seen[1].trace_id.empty());
  for (const auto& call : lambda.calls()) {
    if (call.path != kRegister)
      CHECK(call.fields.at("Lambda-Extension-Identifier") == "8f9a2c1e-5b34-4c77-9d7e-0d6f5ab1c001");
  }
}

TEST_CASE("shutdown reasons are read in any case, and unknown ones are accepted") {
  using Reason = ext::Shutdown::Reason;
  struct Row {
    const char* word;
    Reason reason;
  };
  for (auto row : {Row{"SPINDOWN", Reason::spindown}, Row{"timeout", Reason::timeout}, Row{"Failure", Reason::failure},
                   Row{"SandboxTerminated", Reason::other}}) {
    FakeLambda lambda;
    ext::Shutdown seen;
    auto done = start(lambda, {.on_shutdown = [&](const ext::Shutdown& s) { seen = s; }});
    lambda.shut_down(row.word);
    CHECK(done.get() == 0);
    CHECK(seen.reason == row.reason);
    CHECK(seen.reason_text == row.word);
  }
}

TEST_CASE("events of unknown types and broken events are passed over") {
  FakeLambda lambda;
  auto done = start(lambda, {});
  lambda.event(R"({"eventType":"REHEARSAL"})");
  lambda.event("no JSON");
  lambda.event(R"({"eventType":"SHUTDOWN","deadlineMs":"soon"})");
  lambda.event("[]");
  lambda.shut_down();
  CHECK(done.get() == 0);
  CHECK(lambda.next_calls() == 5);
}

TEST_CASE("a deadline beyond all reason is one that can be calculated with") {
  FakeLambda lambda;
  std::vector<bool> positive;
  auto done = start(
      lambda, {.on_invoke = [&](const ext::Invoke& i) { positive.push_back(i.remaining() > std::chrono::hours(1)); }});
  for (const char* deadline : {"9223372036854775807", "-9223372036854775808", "0"}) {
    lambda.event(R"({"eventType":"INVOKE","requestId":"x","deadlineMs":)" + std::string(deadline) + "}");
  }
  lambda.shut_down();
  CHECK(done.get() == 0);
  CHECK(positive == std::vector{true, false, false});
}

TEST_CASE("a connection that is lost while waiting for an event is made anew") {
  FakeLambda lambda({.drop_next = 2});
  auto done = start(lambda, {});
  lambda.shut_down();
  CHECK(done.get() == 0);
  CHECK(lambda.next_calls() == 3);
}

TEST_CASE("connections that are lost now and then do not add up") {
  FakeLambda lambda;
  auto done = start(lambda, {.on_invoke = [](const ext::Invoke&) {}});
  for (int i = 0; i < 3; ++i) {
    lambda.wait_next(1 + 3 * i);
    lambda.drop_next(2);
    lambda.invoke("id");
  }
  lambda.wait_next(10);
  lambda.shut_down();
  CHECK(done.get() == 0);
}

TEST_CASE("an Extensions API that stays away ends the extension with an error") {
  FakeLambda lambda({.drop_next = 1'000});
  auto done = start(lambda, {});
  CHECK(done.get() == 1);
  CHECK(lambda.next_calls() < 10);
}

TEST_CASE("a refused registration ends the extension with an error") {
  FakeLambda lambda({.register_status = 403});
  auto done = start(lambda, {});
  CHECK(done.get() == 1);
  CHECK(lambda.next_calls() == 0);
}

TEST_CASE("an address of the Runtime API that is missing or wrong is an error") {
  unsetenv("AWS_LAMBDA_RUNTIME_API");
  CHECK(ext::run({}) == 1);
  for (const char* wrong : {"", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:80/path", "http://127.0.0.1:80"}) {
    setenv("AWS_LAMBDA_RUNTIME_API", wrong, 1);
    CHECK(ext::run({}) == 1);
  }
}

TEST_CASE("the subscription names schema, types, destination and all three buffering limits") {
  FakeLambda lambda;
  auto telemetry = all_records([](ext::TelemetryBatch&) {});
  telemetry.buffering = {2'000, 300'000, std::chrono::milliseconds(70)};
  auto done = start(lambda, {.telemetry = telemetry});
  lambda.wait_next(1);
  lambda.shut_down();
  CHECK(done.get() == 0);
  auto call = lambda.call(kSubscribe);
  CHECK(call.method == "PUT");
  CHECK(call.body.starts_with(R"({"schemaVersion":"2022-12-13","types":["platform","function"],)"
                              R"("buffering":{"maxItems":2000,"maxBytes":300000,"timeoutMs":70},)"
                              R"("destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:)"));
}

TEST_CASE("each schema version can be asked for") {
  struct Row {
    ext::Schema schema;
    const char* version;
  };
  for (auto row : {Row{ext::Schema::v2022_07_01, "2022-07-01"}, Row{ext::Schema::v2022_12_13, "2022-12-13"},
                   Row{ext::Schema::v2025_01_29, "2025-01-29"}}) {
    FakeLambda lambda;
    auto telemetry = all_records([](ext::TelemetryBatch&) {});
    telemetry.schema = row.schema;
    auto done = start(lambda, {.telemetry = telemetry});
    lambda.wait_next(1);
    lambda.shut_down();
    CHECK(done.get() == 0);
    CHECK(lambda.call(kSubscribe).body.starts_with(R"({"schemaVersion":")" + std::string(row.version) + "\""));
  }
}

TEST_CASE("buffering out of its range is an error that names field, value and range, before Lambda is asked") {
  struct Row {
    ext::Buffering buffering;
    const char* message;  // empty: in range
  };
  using std::chrono::milliseconds;
  for (auto row : {
           Row{{999, 262'144, milliseconds(25)},
               "telemetry.buffering.max_items 999 records: must be 1000..10000 records"},
           Row{{10'001, 262'144, milliseconds(25)},
               "telemetry.buffering.max_items 10001 records: must be 1000..10000 records"},
           Row{{1'000, 262'143, milliseconds(25)},
               "telemetry.buffering.max_bytes 262143 bytes: must be 262144..1048576 bytes"},
           Row{{1'000, 1'048'577, milliseconds(25)},
               "telemetry.buffering.max_bytes 1048577 bytes: must be 262144..1048576 bytes"},
           Row{{1'000, 262'144, milliseconds(24)}, "telemetry.buffering.timeout 24 ms: must be 25..30000 ms"},
           Row{{1'000, 262'144, milliseconds(30'001)}, "telemetry.buffering.timeout 30001 ms: must be 25..30000 ms"},
           Row{{1'000, 262'144, milliseconds(25)}, ""},
           Row{{10'000, 1'048'576, milliseconds(30'000)}, ""},
       }) {
    FakeLambda lambda;
    auto telemetry = all_records([](ext::TelemetryBatch&) {});
    telemetry.buffering = row.buffering;
    auto done = start(lambda, {.telemetry = telemetry});
    bool good = *row.message == '\0';
    if (good) lambda.shut_down();
    CHECK(done.get() == (good ? 0 : 1));
    CHECK(lambda.was_called(kSubscribe) == good);
    if (!good) CHECK(lambda.call(kInitError).body.find(row.message) != std::string::npos);
  }
}

TEST_CASE("on Managed Instances nobody asks for INVOKE, and the schema is the one that there is") {
  FakeLambda lambda;
  setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "lambda-managed-instances", 1);
  auto done =
      start(lambda, {.on_invoke = [](const ext::Invoke&) {}, .telemetry = all_records([](ext::TelemetryBatch&) {})});
  lambda.wait_next(1);
  unsetenv("AWS_LAMBDA_INITIALIZATION_TYPE");
  lambda.shut_down();
  CHECK(done.get() == 0);
  CHECK(lambda.call(kRegister).body == R"({"events":["SHUTDOWN"]})");
  CHECK(lambda.call(kSubscribe).body.starts_with(R"({"schemaVersion":"2025-01-29")"));
}

TEST_CASE("an internal extension is ready when start returns, and hears of invocations on a thread of its own") {
  FakeLambda lambda;
  setenv("AWS_LAMBDA_RUNTIME_API", lambda.address().c_str(), 1);
  std::promise<std::thread::id> thread;
  std::thread::id init_thread;
  std::promise<void> records;
  auto running = ext::start({.name = "watch",
                             .on_init = [&](const ext::Registration&) { init_thread = std::this_thread::get_id(); },
                             .on_invoke = [&](const ext::Invoke&) { thread.set_value(std::this_thread::get_id()); },
                             .telemetry = all_records([&](ext::TelemetryBatch&) { records.set_value(); })});
  REQUIRE(running);
  CHECK(init_thread == std::this_thread::get_id());
  CHECK(lambda.call(kRegister).fields["Lambda-Extension-Name"] == "watch");
  CHECK(lambda.call(kRegister).body == R"({"events":["INVOKE"]})");
  CHECK(lambda.was_called(kSubscribe));
  lambda.wait_next(1);
  lambda.invoke("id-1");
  CHECK(thread.get_future().get() != init_thread);
  lambda.wait_next(2);
  lambda.deliver("[]");
  records.get_future().wait();
  running->stop();
  running->stop();
}

TEST_CASE("the thread of an internal extension takes no signals of the function") {
  FakeLambda lambda;
  setenv("AWS_LAMBDA_RUNTIME_API", lambda.address().c_str(), 1);
  std::promise<bool> blocked;
  auto running = ext::start({.name = "watch", .on_invoke = [&](const ext::Invoke&) {
                               sigset_t mask;
                               pthread_sigmask(SIG_BLOCK, nullptr, &mask);
                               blocked.set_value(sigismember(&mask, SIGTERM) == 1);
                             }});
  REQUIRE(running);
  sigset_t mask;
  pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  CHECK(sigismember(&mask, SIGTERM) == 0);
  lambda.invoke("id-1");
  CHECK(blocked.get_future().get());
}

TEST_CASE("an internal extension ends while it waits, and between start and its first next") {
  for (int waits : {1, 0}) {
    FakeLambda lambda;
    setenv("AWS_LAMBDA_RUNTIME_API", lambda.address().c_str(), 1);
    auto running = ext::start({.name = "watch"});
    REQUIRE(running);
    lambda.wait_next(waits);
    ext::Internal moved = std::move(*running);
  }
}

TEST_CASE("an internal extension on Managed Instances asks for no events at all") {
  FakeLambda lambda;
  setenv("AWS_LAMBDA_RUNTIME_API", lambda.address().c_str(), 1);
  setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "lambda-managed-instances", 1);
  auto running = ext::start({.name = "watch", .on_invoke = [](const ext::Invoke&) {}});
  unsetenv("AWS_LAMBDA_INITIALIZATION_TYPE");
  REQUIRE(running);
  CHECK(lambda.call(kRegister).body == R"({"events":[]})");
}

TEST_CASE("what keeps an internal extension from starting is its error, and reported") {
  SUBCASE("an exception in on_init") {
    FakeLambda lambda;
    setenv("AWS_LAMBDA_RUNTIME_API", lambda.address().c_str(), 1);
    auto running = ext::start({.name = "watch", .on_init = [](const ext::Registration&) {
                                 throw mayfly::Error("Extension.NoCache", "none");
                               }});
    REQUIRE_FALSE(running);
    CHECK(running.error().type == "Extension.NoCache");
    CHECK(running.error().message == "none");
    CHECK(lambda.call(kInitError).fields["Lambda-Extension-Function-Error-Type"] == "Extension.NoCache");
  }
  SUBCASE("SHUTDOWN, which there is none of") {
    FakeLambda lambda;
    setenv("AWS_LAMBDA_RUNTIME_API", lambda.address().c_str(), 1);
    auto running = ext::start({.name = "watch", .on_shutdown = [](const ext::Shutdown&) {}});
    REQUIRE_FALSE(running);
    CHECK(running.error().type == "Extension.InvalidOptions");
    CHECK(lambda.was_called(kInitError));
  }
  SUBCASE("a refused registration") {
    FakeLambda lambda({.register_status = 403});
    setenv("AWS_LAMBDA_RUNTIME_API", lambda.address().c_str(), 1);
    auto running = ext::start({.name = "watch"});
    REQUIRE_FALSE(running);
    CHECK(running.error().type == "Extension.RegistrationFailed");
  }
}

TEST_CASE("the listener is on loopback where the Runtime API is") {
  FakeLambda lambda;
  auto done = start(lambda, {.telemetry = all_records([](ext::TelemetryBatch&) {})});
  lambda.wait_next(1);
  auto body = lambda.call(kSubscribe).body;
  auto port = body.substr(body.find("localdomain:") + 12);
  CHECK(listening_address(port) == "0100007F");
  lambda.shut_down();
  CHECK(done.get() == 0);
}

TEST_CASE("the listener is on all interfaces where the Runtime API is not on loopback") {
  boost::asio::io_context io;
  ext::TelemetryListener listener(io, [](std::string) {});
  auto port = listener.listen(false);
  REQUIRE(port);
  CHECK(listening_address(std::to_string(*port)) == "00000000");
}

TEST_CASE("where there is no Telemetry API, life goes on") {
  for (unsigned status : {202u, 404u}) {
    FakeLambda lambda({.subscribe_status = status});
    int invoked = 0;
    auto done = start(lambda, {.on_invoke = [&](const ext::Invoke&) { ++invoked; },
                               .telemetry = all_records([](ext::TelemetryBatch&) {})});
    lambda.invoke("id-1");
    lambda.shut_down();
    CHECK(done.get() == 0);
    CHECK(invoked == 1);
    CHECK_FALSE(lambda.was_called(kInitError));
  }
}

TEST_CASE("a refused subscription is an error of the Init phase") {
  for (unsigned status : {400u, 403u}) {
    FakeLambda lambda({.subscribe_status = status});
    auto done = start(lambda, {.telemetry = all_records([](ext::TelemetryBatch&) {})});
    CHECK(done.get() == 1);
    CHECK(lambda.call(kInitError).fields["Lambda-Extension-Function-Error-Type"] == "Extension.SubscriptionFailed");
    CHECK(lambda.call(kInitError).body.find("Telemetry.Told: told so") != std::string::npos);
    CHECK(lambda.next_calls() == 0);
  }
}

TEST_CASE("delivered records arrive typed, and a bad one costs only itself") {
  FakeLambda lambda;
  std::promise<std::vector<std::string>> lines;
  auto done = start(lambda, {.telemetry = all_records([&](ext::TelemetryBatch& batch) {
                               std::vector<std::string> texts;
                               for (const auto& record : batch) {
                                 if (auto* line = std::get_if<ext::FunctionLog>(&record.event))
                                   texts.emplace_back(line->text);
                               }
                               texts.push_back(std::to_string(batch.malformed()) + " malformed");
                               lines.set_value(texts);
                             })});
  lambda.wait_next(1);
  CHECK(lambda.deliver(batch({record("function", "\"one\""), "{\"time\":3}", record("function", "\"two\\n\"")})) ==
        200);
  CHECK(lines.get_future().get() == std::vector<std::string>{"one", "two\n", "1 malformed"});
  lambda.shut_down();
  CHECK(done.get() == 0);
}

TEST_CASE("a delivery that is too large is thrown away and counted as one malformed record") {
  FakeLambda lambda;
  std::vector<std::size_t> malformed;
  auto done = start(lambda, {.telemetry = all_records([&](ext::TelemetryBatch& batch) {
                               for (const auto& record : batch) static_cast<void>(record);
                               malformed.push_back(batch.malformed());
                             })});
  lambda.wait_next(1);
  CHECK(lambda.deliver("[" + std::string(8 * 1024 * 1024, ' ') + "]") == 200);
  CHECK(lambda.deliver("[]") == 200);
  lambda.shut_down();
  CHECK(done.get() == 0);
  CHECK(malformed == std::vector<std::size_t>{1, 0});
}

TEST_CASE("exceptions are reported by where they happen, with their type") {
  SUBCASE("in on_init: init/error") {
    FakeLambda lambda;
    auto done = start(
        lambda, {.on_init = [](const ext::Registration&) { throw mayfly::Error("Extension.NoCache", "no cache"); }});
    CHECK(done.get() == 1);
    auto call = lambda.call(kInitError);
    CHECK(call.fields["Lambda-Extension-Function-Error-Type"] == "Extension.NoCache");
    CHECK(call.body == R"({"errorMessage":"no cache","errorType":"Extension.NoCache","stackTrace":[]})");
    CHECK(lambda.next_calls() == 0);
  }
  SUBCASE("in on_invoke: exit/error") {
    FakeLambda lambda;
    auto done = start(lambda, {.on_invoke = [](const ext::Invoke&) { throw std::runtime_error("it broke"); }});
    lambda.invoke("id-1");
    CHECK(done.get() == 1);
    auto call = lambda.call(kExitError);
    CHECK(call.fields["Lambda-Extension-Function-Error-Type"] == "Extension.runtime_error");
    CHECK(call.body.find("it broke") != std::string::npos);
  }
  SUBCASE("in on_records: exit/error, although `next` is waiting") {
    FakeLambda lambda;
    auto done = start(lambda, {.telemetry = all_records([](ext::TelemetryBatch&) { throw 17; })});
    lambda.wait_next(1);
    lambda.deliver("[]");
    CHECK(done.get() == 1);
    CHECK(lambda.call(kExitError).fields["Lambda-Extension-Function-Error-Type"] == "Extension.UnknownException");
  }
}
