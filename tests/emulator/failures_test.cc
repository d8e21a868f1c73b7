// What callers get when function, runtime or extensions fail, from real
// processes: every row of Lambda's table of function errors.

#include <doctest/doctest.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <thread>

#include "tests/emulator/running_service.h"

using namespace mayfly::emulator;
using namespace mayfly::emulator::test;
using Kind = Observation::Kind;
namespace fs = std::filesystem;

namespace {

// Checks a failure's status line, fields and both members of its payload.
void check_failure(const Reply& reply, const std::string& type, const std::string& message) {
  CHECK(reply.status == 200);
  CHECK(reply.field("x-amz-function-error") == "Unhandled");
  std::string full = message;
  if (message.starts_with("Error: ")) full = "RequestId: " + reply.field("x-amzn-requestid") + " " + message;
  CHECK(reply.body == "{\"errorType\":\"" + type + "\",\"errorMessage\":\"" + full + "\"}");
}

}  // namespace

TEST_CASE("an error that the runtime posts reaches the caller as it is") {
  RunningService service;
  service.start();
  auto reply = service.invoke(R"({"fail":"Orders.Unknown"})");
  CHECK(reply.status == 200);
  CHECK(reply.field("x-amz-function-error") == "Unhandled");
  CHECK(reply.body == R"({"errorType": "Orders.Unknown", "errorMessage": "as asked"})");
  auto ended = service.wait_for(Kind::invocation_ended);
  CHECK(ended.report.status == "error");
  CHECK(ended.report.error_type == "Runtime.Unknown");
  CHECK(ended.report.error_message == "as asked");
}

TEST_CASE("a runtime that exits during a call is Runtime.ExitError, and the next call finds a new one") {
  RunningService service;
  service.start();
  check_failure(service.invoke(R"({"exit":3})"), "Runtime.ExitError",
                "Error: Runtime exited with error: exit status 3");
  check_failure(service.invoke(R"({"exit":0})"), "Runtime.ExitError",
                "Error: Runtime exited without providing a reason");
  check_failure(service.invoke(R"({"signal":9})"), "Runtime.ExitError",
                "Error: Runtime exited with error: signal: killed");
  check_failure(service.invoke(R"({"signal":11})"), "Runtime.ExitError",
                "Error: Runtime exited with error: signal: segmentation fault");
  CHECK(service.invoke("1").body == "1");
  CHECK(service.details(Kind::init_started) ==
        std::vector<std::string>{"init", "invoke", "invoke", "invoke", "invoke"});
  CHECK(service.has_line("\tStatus: error\tError Type: Runtime.ExitError"));
}

TEST_CASE("a call over the function's timeout is Sandbox.Timedout, and /tmp outlives the reset") {
  RunningService service;
  service.settings.timeout = std::chrono::milliseconds(1'000);
  service.start();
  auto file = (service.folder() / "kept").string();
  CHECK(service.evaluate("open('" + file + "', 'w').write('here')") == "4");
  check_failure(service.invoke(R"({"sleep":20})"), "Sandbox.Timedout", "Error: Task timed out after 1.00 seconds");
  CHECK(service.evaluate("open('" + file + "').read()") == "\"here\"");
  CHECK(service.has_line("Duration: 1000.00 ms\tBilled Duration: 1000 ms"));
  CHECK(service.has_line("\tStatus: timeout"));
}

TEST_CASE("an error posted in Init reaches the caller as it is, after one more try") {
  RunningService service;
  service.set_init(R"({"error":"Runtime.NoConfig"})");
  service.start();
  for (int call = 0; call < 2; ++call) {
    auto reply = service.invoke("{}");
    CHECK(reply.status == 200);
    CHECK(reply.field("x-amz-function-error") == "Unhandled");
    CHECK(reply.body == R"({"errorType": "Runtime.NoConfig", "errorMessage": "no luck"})");
  }
  CHECK(service.details(Kind::init_started) == std::vector<std::string>{"init", "invoke", "invoke"});
  CHECK(service.has_line("\tPhase: init\tStatus: error\tError Type: Runtime.NoConfig"));
  CHECK(service.has_line("\tPhase: invoke\tStatus: error\tError Type: Runtime.NoConfig"));
}

TEST_CASE("an answer that was posted before the runtime ended counts, even if it did not wait for the reply") {
  RunningService service;
  service.start();
  for (int i = 0; i < 10; ++i) {
    auto reply = service.invoke(R"({"last_words":"here"})");
    CHECK(reply.body == "\"here\"");
    CHECK(reply.field("x-amz-function-error").empty());
  }
}

TEST_CASE("a runtime that exits in Init is Runtime.ExitError") {
  RunningService service;
  service.set_init(R"({"exit":7})");
  service.start();
  check_failure(service.invoke("{}"), "Runtime.ExitError", "Error: Runtime exited with error: exit status 7");
}

TEST_CASE("an Init over its limit is tried again on the function's own timeout") {
  RunningService service;
  service.settings.init_limit = std::chrono::milliseconds(300);
  service.settings.timeout = std::chrono::milliseconds(1'000);
  service.set_init(R"({"sleep":20})");
  service.start();
  check_failure(service.invoke("{}"), "Sandbox.Timedout", "Error: Task timed out after 1.00 seconds");
  CHECK(service.details(Kind::init_ended) == std::vector<std::string>{"timeout", "timeout"});
  CHECK(service.has_line("\tPhase: init\tStatus: timeout"));
}

TEST_CASE("a response of 6,291,556 bytes passes, one more byte is Function.ResponseSizeTooLarge") {
  RunningService service;
  service.start();
  auto reply = service.invoke(R"({"bytes":6291556})");
  CHECK(reply.field("x-amz-function-error").empty());
  CHECK(reply.body.size() == 6'291'556);
  check_failure(service.invoke(R"({"bytes":6291557})"), "Function.ResponseSizeTooLarge",
                "Response payload size exceeded maximum allowed payload size (6291556 bytes).");
  service.wait_for([](const Observation& what) {
    return what.detail ==
           R"(answer 413 {"errorMessage":"Exceeded maximum allowed payload size (6291556 bytes).","errorType":"RequestEntityTooLarge"})";
  });
  CHECK(service.invoke("2").body == "2");
  CHECK(service.details(Kind::process_started).size() == 1);
}

TEST_CASE("a command that is missing or cannot be run is Runtime.InvalidEntrypoint") {
  RunningService service;
  const std::string program = (service.folder() / "bootstrap").string();
  service.settings.command = {"./bootstrap"};
  service.start();
  check_failure(service.invoke("{}"), "Runtime.InvalidEntrypoint",
                "Error: Couldn't find valid bootstrap(s): [" + program + "]");
  service.add_extension_file("../bootstrap", "#!/bin/sh\n", fs::perms(0644));
  check_failure(service.invoke("{}"), "Runtime.InvalidEntrypoint",
                "Error: fork/exec " + program + ": permission denied");
  service.add_extension_file("../bootstrap", "neither ELF nor script", fs::perms(0755));
  check_failure(service.invoke("{}"), "Runtime.InvalidEntrypoint",
                "Error: fork/exec " + program + ": exec format error");
}

TEST_CASE("signals that arrive while a process starts do not hide why it cannot") {
  RunningService service;
  service.settings.command = {"./bootstrap"};
  service.add_extension_file("../bootstrap", "neither ELF nor script", fs::perms(0755));
  service.start();
  struct sigaction ignore {};
  ignore.sa_handler = [](int) {};        // without SA_RESTART, as the SIGCHLD of Asio's signal_set
  sigaction(SIGUSR1, &ignore, nullptr);  // for good: a signal may still be on its way at the end
  std::promise<pthread_t> told;
  service.post([&](Service&) { told.set_value(pthread_self()); });
  pthread_t thread = told.get_future().get();
  std::atomic<bool> over = false;
  std::thread disturbing([&] {
    while (!over) pthread_kill(thread, SIGUSR1), usleep(50);
  });
  for (int i = 0; i < 5; ++i) {
    CHECK(service.invoke("{}").body.find(": exec format error") != std::string::npos);
  }
  over = true;
  disturbing.join();
}

TEST_CASE("a folder that is not there is Runtime.InvalidWorkingDir") {
  RunningService service;
  service.settings.task_root = service.folder() / "none";
  service.start();
  check_failure(service.invoke("{}"), "Runtime.InvalidWorkingDir",
                "Error: chdir " + (service.folder() / "none").string() + ": no such file or directory");
}

TEST_CASE("an extension that cannot be executed is Extension.LaunchError") {
  RunningService service;
  service.add_extension_file("broken", "#!/bin/sh\n", fs::perms(0644));
  service.start();
  check_failure(service.invoke("{}"), "Extension.LaunchError",
                "Error: fork/exec " + (service.folder() / "extensions/broken").string() + ": permission denied");
  CHECK(service.has_line("EXTENSION\tName: broken\tState: LaunchError\tEvents: []"));
}

TEST_CASE("an eleventh extension is Extension.LaunchError") {
  RunningService service;
  for (int i = 0; i < 11; ++i) service.add_extension("e" + std::to_string(10 + i), "{}");
  service.start();
  check_failure(service.invoke("{}"), "Extension.LaunchError", "Error: Extension limit (10) reached");
}

TEST_CASE("an extension that dies is Extension.Crash, in Init and during a call") {
  for (const char* plan : {R"({"before":{"exit":4}})", R"({"on_invoke":{"exit":4}})"}) {
    RunningService service;
    service.add_extension("alpha", plan);
    service.start();
    // A function that answers first has won; so it takes its time.
    check_failure(service.invoke(R"({"sleep":2})"), "Extension.Crash", "Error: exit status 4");
  }
}

TEST_CASE("an extension that exits with 0 has crashed, too") {
  RunningService service;
  service.add_extension("alpha", R"({"before":{"exit":0}})");
  service.start();
  check_failure(service.invoke("{}"), "Extension.Crash", "Error: exit code 0");
}

TEST_CASE("errors that extensions report name the failure that their exit causes") {
  struct Row {
    const char *plan, *type;
  };
  for (auto [plan, type] : {Row{R"({"init_error":"Extension.NoKey"})", "Extension.InitError"},
                            Row{R"({"exit_error":"Extension.NoKey"})", "Extension.ExitError"}}) {
    RunningService service;
    service.add_extension("alpha", plan);
    service.start();
    check_failure(service.invoke("{}"), type, "Error: exit status 1");
  }
}

TEST_CASE("an extension that never registers, or never calls next, lets Init run out of time") {
  for (const char* plan :
       {R"({"before":{"sleep":60}})", R"({"silent":true})", R"({"name":"other","events":["INVOKE"]})"}) {
    RunningService service;
    service.settings.init_limit = std::chrono::milliseconds(500);
    service.settings.timeout = std::chrono::milliseconds(1'000);
    service.settings.shutdown_with_external = std::chrono::milliseconds(200);
    service.add_extension("alpha", plan);
    service.start();
    check_failure(service.invoke("{}"), "Sandbox.Timedout", "Error: Task timed out after 1.00 seconds");
  }
}

TEST_CASE("the function's timeout covers extensions that work after the response") {
  RunningService service;
  service.settings.timeout = std::chrono::milliseconds(1'000);
  service.add_extension("alpha", R"({"on_invoke":{"sleep":30}})");
  service.settings.shutdown_with_external = std::chrono::milliseconds(200);
  service.start();
  CHECK(service.invoke("5").body == "5");  // the caller does not wait for the extension
  auto ended = service.wait_for(Kind::invocation_ended);
  CHECK(ended.report.status == "timeout");
  service.wait_for(Kind::reset_started);
}

TEST_CASE("a runtime that ends after its response fails the environment, not the call") {
  RunningService service;
  service.start();
  auto reply = service.invoke(R"({"then_exit":5})");
  CHECK(reply.field("x-amz-function-error").empty());
  auto ended = service.wait_for(Kind::invocation_ended);
  CHECK(ended.report.error_type == "Runtime.ExitError");
  CHECK(service.invoke("6").body == "6");
}
