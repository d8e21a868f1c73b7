#include <doctest/doctest.h>
#include <mayfly/extension_test.h>
#include <mayfly/log.h>

#include <atomic>
#include <stdexcept>
#include <thread>

namespace ext = mayfly::extension;
namespace test = mayfly::extension::test;

namespace {

using Strings = std::vector<std::string>;

// Says what it hears.
ext::Options talkative() {
  return {
      .on_init =
          [](const ext::Registration& r) {
            mayfly::log.info("init", {{"function", r.function_name}});
          },
      .on_invoke =
          [](const ext::Invoke& i) {
            mayfly::log.info("invoke", {{"id", i.request_id}, {"in_time", i.remaining().count() > 0}});
          },
      .on_shutdown =
          [](const ext::Shutdown& s) {
            mayfly::log.info("shutdown", {{"reason", s.reason_text}});
          },
      .telemetry = {.types = {ext::TelemetryType::platform, ext::TelemetryType::function},
                    .on_records =
                        [](ext::TelemetryBatch& batch) {
                          for (const auto& record : batch) {
                            if (auto* line = std::get_if<ext::FunctionLog>(&record.event)) {
                              mayfly::log.info("line", {{"text", line->is_object ? record.record_json : line->text}});
                            } else if (auto* report = std::get_if<ext::Report>(&record.event)) {
                              mayfly::log.info("report", {{"mb", report->max_memory_used_mb.value_or(0)}});
                            } else {
                              mayfly::log.info(record.type);
                            }
                          }
                          if (batch.malformed() > 0) mayfly::log.warn("malformed", {{"records", batch.malformed()}});
                        }},
  };
}

}  // namespace

TEST_CASE("the kit drives an extension from its Init phase to its end") {
  test::Environment env(talkative(), {.registration = {"orders", "7", "orders.handle", ""}});
  CHECK(env.events() == Strings{"INVOKE", "SHUTDOWN"});
  CHECK(env.subscription().find("2022-12-13") != std::string::npos);
  env.invoke({.request_id = "id-1"});
  CHECK(env.deliver({test::start("id-1"), test::function_line("hello \"you\""), test::function_object(R"({"n":1})"),
                     test::runtime_done("id-1"), test::report("id-1", {.max_memory_used_mb = 42})}) == 200);
  CHECK(env.deliver_raw("[7]") == 200);
  CHECK_FALSE(env.exit_code());
  env.shut_down(ext::Shutdown::Reason::timeout);
  CHECK(env.exit_code() == 0);
  CHECK(env.log() == Strings{"INFO init function=orders", "INFO invoke id=id-1 in_time=true", "INFO platform.start",
                             "INFO line text=hello \"you\"", "INFO line text={\"n\":1}", "INFO platform.runtimeDone",
                             "INFO report mb=42", "WARN malformed records=1", "INFO shutdown reason=timeout"});
}

TEST_CASE("the kit ends what a test has not ended") {
  bool ended = false;
  {
    test::Environment env({.on_shutdown = [&](const ext::Shutdown&) { ended = true; }});
  }
  CHECK(ended);
}

TEST_CASE("the kit tells what was reported to Lambda") {
  SUBCASE("from the Init phase") {
    test::Environment env(
        {.on_init = [](const ext::Registration&) { throw mayfly::Error("Extension.NoCache", "gone"); }});
    CHECK(env.exit_code() == 1);
    REQUIRE(env.init_error());
    CHECK(env.init_error()->type == "Extension.NoCache");
    CHECK(env.init_error()->message == "gone");
    CHECK_FALSE(env.exit_error());
    env.invoke();
    env.shut_down();
  }
  SUBCASE("from an invocation") {
    test::Environment env({.on_invoke = [](const ext::Invoke&) { throw std::runtime_error("it broke"); }});
    env.invoke();
    CHECK(env.exit_code() == 1);
    CHECK(env.exit_error()->type == "Extension.runtime_error");
    CHECK(env.deliver({}) == 0);
  }
  SUBCASE("from a delivery") {
    auto options = talkative();
    options.telemetry.on_records = [](ext::TelemetryBatch&) { throw 7; };
    test::Environment env(std::move(options));
    env.deliver({});
    CHECK(env.exit_error()->type == "Extension.UnknownException");
  }
}

TEST_CASE("the kit plays an emulator without telemetry") {
  test::Environment env(talkative(), {.telemetry_api = false});
  CHECK(env.deliver({test::function_line("hello")}) == 0);
  env.shut_down();
  CHECK(env.exit_code() == 0);
}

TEST_CASE("the kit plays Managed Instances") {
  test::Environment env(talkative(), {.managed_instances = true});
  CHECK(env.events() == Strings{"SHUTDOWN"});
  CHECK(env.subscription().find("2025-01-29") != std::string::npos);
  env.invoke();
  CHECK(env.deliver({test::function_line("hello")}) == 200);
  CHECK(env.log() == Strings{"INFO init function=test", "INFO line text=hello"});
}

TEST_CASE("in a freeze nothing of the extension moves, its own threads neither, and afterwards all of it does") {
  std::atomic<int> turns{0};
  std::jthread worker;
  {
    test::Environment env({
        .on_init =
            [&](const ext::Registration&) {
              worker = std::jthread([&](std::stop_token stop) {
                while (!stop.stop_requested()) {
                  ++turns;
                  std::this_thread::yield();
                }
              });
            },
        .on_shutdown = [&](const ext::Shutdown&) { worker = {}; },
        .telemetry = {.types = {ext::TelemetryType::function},
                      .on_records = [](ext::TelemetryBatch&) { mayfly::log.info("records"); }},
    });
    for (int round = 0; round < 3; ++round) {
      env.freeze();
      int frozen_at = turns;
      CHECK(env.deliver({}) == 0);  // waits
      for (int i = 0; i < 1'000; ++i) std::this_thread::yield();
      CHECK(turns == frozen_at);
      CHECK(env.log().size() == static_cast<std::size_t>(round));
      env.thaw();
      while (turns == frozen_at) std::this_thread::yield();
      CHECK(env.log().size() == static_cast<std::size_t>(round + 1));
    }
    env.freeze();
    env.shut_down();
    CHECK(env.exit_code() == 0);
  }
}
