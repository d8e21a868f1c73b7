// Handlers that are programs, under the real bootstrap.

#include <doctest/doctest.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/runtime/bootstrap_run.h"

using namespace mayfly;
using test::accepted;
using test::contains;
using test::error_type;
using test::Folder;
using test::init_error_of;
using test::kError;
using test::kNext;
using test::kResponse;
using test::ScriptedServer;
using test::Step;

namespace {

std::vector<std::string> variables(const Folder& folder, const std::string& handler) {
  return {"_HANDLER=" + handler, "LAMBDA_TASK_ROOT=" + folder.path(), "PATH=/usr/bin:/bin"};
}

// Runs the program once for each event.
test::Ended run(ScriptedServer& server, const Folder& folder, const std::string& handler) {
  return test::run_program(TEST_BOOTSTRAP, server, variables(folder, handler));
}

test::Request error_of(const std::string& lines) {
  Folder folder;
  folder.write_script("program", lines);
  ScriptedServer server(test::invocations({"{}"}));
  run(server, folder, "exec:program");
  REQUIRE(server.requests(kError).size() == 1);
  return server.requests(kError)[0];
}

// An invocation whose deadline is so near.
Step invocation_ending_in(std::chrono::milliseconds time) {
  auto deadline =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch() + time)
          .count();
  auto answer = test::event_answer("{}");
  answer.insert(answer.find("\r\n") + 2, "Lambda-Runtime-Deadline-Ms: " + std::to_string(deadline) + "\r\n");
  return {std::string(kNext), answer};
}

}  // namespace

TEST_CASE("a program gets the event on its standard input and answers on its standard output") {
  Folder folder;
  ScriptedServer server(test::invocations({R"({"id":1})", R"({"id":2})"}));
  auto ended = run(server, folder, "exec:cat");
  CAPTURE(ended.standard_error);
  auto responses = server.requests(kResponse);
  REQUIRE(responses.size() == 2);
  CHECK(responses[0].body == R"({"id":1})");
  CHECK(responses[1].body == R"({"id":2})");
}

TEST_CASE("an event and a response of 6 MB pass a program") {
  Folder folder;
  std::string event = '"' + std::string(6 * 1024 * 1024 - 2, 'x') + '"';
  ScriptedServer server(test::invocations({event}));
  run(server, folder, "exec:cat");
  REQUIRE(server.requests(kResponse).size() == 1);
  CHECK(server.requests(kResponse)[0].body == event);
}

TEST_CASE("a program that prints nothing answers null") {
  Folder folder;
  ScriptedServer server(test::invocations({"{}"}));
  run(server, folder, "exec:true");
  REQUIRE(server.requests(kResponse).size() == 1);
  CHECK(server.requests(kResponse)[0].body == "null");
}

TEST_CASE("a program knows what Lambda said with the event") {
  Folder folder;
  folder.write_script("program", R"(printf '"%s %s %s"' "$LAMBDA_RUNTIME_AWS_REQUEST_ID" "$_HANDLER" "$OLD")");
  ScriptedServer server(test::invocations({"{}"}));
  auto environment = variables(folder, "exec:./program");
  environment.push_back("OLD=variable");
  environment.push_back("LAMBDA_RUNTIME_AWS_REQUEST_ID=another");
  test::run_program(TEST_BOOTSTRAP, server, environment);
  REQUIRE(server.requests(kResponse).size() == 1);
  CHECK(server.requests(kResponse)[0].body == R"("r1 exec:./program variable")");
}

TEST_CASE("a program's standard error is the log, and its last lines are the error's stack") {
  Folder folder;
  folder.write_script("program", "echo opening >&2\necho no such order >&2\nexit 3\n");
  ScriptedServer server(test::invocations({"{}"}));
  auto ended = run(server, folder, "exec:program");
  CHECK(contains(ended.standard_error, "opening\nno such order\n"));
  REQUIRE(server.requests(kError).size() == 1);
  auto error = server.requests(kError)[0];
  CHECK(error_type(error) == "Function.ExitError");
  CHECK(error.body ==
        R"({"errorMessage":"program ended with exit status 3: no such order","errorType":"Function.ExitError",)"
        R"("stackTrace":["opening","no such order"]})");
}

TEST_CASE("a program killed by a signal is an error that names it") {
  CHECK(contains(error_of("kill -SEGV $$\n").body, "program ended with signal: segmentation fault"));
}

TEST_CASE("of a long standard error only whole last lines become the stack") {
  auto error = error_of("i=0\nwhile [ $i -lt 2000 ]; do echo \"line $i\" >&2; i=$((i+1)); done\nexit 1\n");
  CHECK(contains(error.body, "line 1999"));
  CHECK_FALSE(contains(error.body, "line 1000"));
  CHECK_FALSE(contains(error.body, "\"ine "));
  CHECK(error.body.size() < 8 * 1024);
}

TEST_CASE("a program that writes more than a response may hold is ended") {
  auto error = error_of("exec cat /dev/zero\n");
  CHECK(error_type(error) == "Function.ResponseSizeTooLarge");
}

TEST_CASE("a program near its deadline gets SIGTERM and may still say why") {
  Folder folder;
  folder.write_script("program", "trap 'echo cleaned up >&2; exit 1' TERM\nsleep 1000 &\nwait\n");
  ScriptedServer server({invocation_ending_in(std::chrono::milliseconds(1'500)),
                         {"POST /2018-06-01/runtime/invocation/r1/", accepted()}});
  run(server, folder, "exec:program");
  REQUIRE(server.requests(kError).size() == 1);
  CHECK(error_type(server.requests(kError)[0]) == "Function.Timeout");
  CHECK(contains(server.requests(kError)[0].body, "near the deadline: cleaned up"));
}

TEST_CASE("a program that ignores SIGTERM is killed with all it has started") {
  Folder folder;
  folder.write_script(
      "program", "trap '' TERM\nsleep 1000 &\necho $! > " + folder.path() + "/child\nwhile :; do sleep 0.01; done\n");
  ScriptedServer server({invocation_ending_in(std::chrono::milliseconds(1'500)),
                         {"POST /2018-06-01/runtime/invocation/r1/", accepted()}});
  run(server, folder, "exec:program");
  REQUIRE(server.requests(kError).size() == 1);
  CHECK(error_type(server.requests(kError)[0]) == "Function.Timeout");
  CHECK(test::has_ended(std::stoi(folder.read("child"))));
}

TEST_CASE("what a program leaves running ends with it, and holds up no answer") {
  Folder folder;
  folder.write_script("program", "sleep 1000 &\necho $! > " + folder.path() + "/child\necho 1\n");
  ScriptedServer server(test::invocations({"{}"}));
  run(server, folder, "exec:program");
  REQUIRE(server.requests(kResponse).size() == 1);
  CHECK(server.requests(kResponse)[0].body == "1\n");
  CHECK(test::has_ended(std::stoi(folder.read("child"))));
}

TEST_CASE("a program has no descriptor of the runtime") {
  Folder folder;
  folder.write_script("program", "ls -l /proc/$$/fd | grep -c -e socket: -e memfd:\n");
  ScriptedServer server(test::invocations({"{}"}));
  run(server, folder, "exec:program");
  REQUIRE(server.requests(kResponse).size() == 1);
  CHECK(server.requests(kResponse)[0].body == "1\n");  // its input
}

TEST_CASE("programs that cannot be started are named in Init") {
  Folder folder;
  folder.write("text", "no program");
  auto refusal = [&](const std::string& handler) {
    auto request = init_error_of(variables(folder, handler));
    return error_type(request) + ": " + request.body;
  };
  CHECK(refusal("exec:").starts_with("Runtime.InvalidHandler"));
  auto missing = refusal("exec:nothing");
  CHECK(missing.starts_with("Runtime.HandlerNotFound"));
  CHECK(contains(missing, "looked for " + folder.path() + "/nothing and for nothing in PATH"));
  CHECK(contains(refusal("exec:./nothing"), "looked for " + folder.path() + "/./nothing\""));
  auto text = refusal("exec:text");
  CHECK(text.starts_with("Runtime.HandlerNotLoadable"));
  CHECK(contains(text, "is not executable"));
}

TEST_CASE("a wrapper is started in the place of the runtime, once") {
  Folder folder;
  folder.write_script("wrapper", "export WRAPPED=\"$#-$AWS_LAMBDA_EXEC_WRAPPER\"\nexec \"$@\"\n");
  folder.write_script("program", "echo \"\\\"$WRAPPED\\\"\"\n");
  ScriptedServer server(test::invocations({"{}"}));
  auto environment = variables(folder, "exec:program");
  environment.push_back("AWS_LAMBDA_EXEC_WRAPPER=" + folder.path() + "/wrapper");
  auto ended = test::run_program(TEST_BOOTSTRAP, server, environment);
  CAPTURE(ended.standard_error);
  REQUIRE(server.requests(kResponse).size() == 1);
  CHECK(server.requests(kResponse)[0].body == "\"1-\"\n");
}

TEST_CASE("a wrapper that cannot be started is named in Init") {
  Folder folder;
  auto environment = variables(folder, "exec:true");
  environment.push_back("AWS_LAMBDA_EXEC_WRAPPER=/nowhere/wrapper");
  auto request = init_error_of(environment);
  CHECK(error_type(request) == "Runtime.InvalidEntrypoint");
  CHECK(contains(request.body, "/nowhere/wrapper (AWS_LAMBDA_EXEC_WRAPPER) cannot be started: No such file"));
}
