// The generic bootstrap, as a process.

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/runtime/scripted_server.h"

using namespace mayfly;
using test::accepted;
using test::event_answer;
using test::kError;
using test::kExtensionNext;
using test::kInitError;
using test::kNext;
using test::kRegister;
using test::kResponse;
using test::registered;
using test::ScriptedServer;
using test::Step;

namespace {

namespace fs = std::filesystem;

// What a program has said, and how it ended: its exit code, or minus the signal.
struct Ended {
  int code;
  std::string standard_error;
  std::string standard_output;
};

std::string take_text(int file) {
  std::string text(static_cast<std::size_t>(lseek(file, 0, SEEK_END)), '\0');
  REQUIRE(pread(file, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
  close(file);
  return text;
}

// Runs a program with exactly this environment. When the script has ended, it
// gets SIGTERM.
Ended run_program(const std::string& path, ScriptedServer& server, std::vector<std::string> environment) {
  environment.push_back("AWS_LAMBDA_RUNTIME_API=" + server.address());
  std::vector<char*> variables;
  for (auto& variable : environment) variables.push_back(variable.data());
  variables.push_back(nullptr);
  char* arguments[] = {const_cast<char*>(path.c_str()), nullptr};

  int errors = memfd_create("stderr", MFD_CLOEXEC);
  int output = memfd_create("stdout", MFD_CLOEXEC);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  pid_t child = 0;
  REQUIRE(posix_spawn(&child, path.c_str(), &actions, nullptr, arguments, variables.data()) == 0);
  posix_spawn_file_actions_destroy(&actions);

  int child_fd = static_cast<int>(syscall(434 /* pidfd_open */, child, 0));
  pollfd events[] = {{child_fd, POLLIN, 0}, {server.done_fd(), POLLIN, 0}};
  REQUIRE(poll(events, 2, 60'000) > 0);
  if (!events[0].revents) kill(child, SIGTERM);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  close(child_fd);

  return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), take_text(errors), take_text(output)};
}

std::vector<std::string> with_handler(const std::string& handler) {
  return {"_HANDLER=" + handler, "LAMBDA_TASK_ROOT=" TEST_OBJECTS};
}

// An invocation each, answered with 202 whichever way.
std::vector<Step> invocations(std::vector<std::string> events) {
  std::vector<Step> script;
  for (const auto& event : events) {
    script.push_back({std::string(kNext), event_answer(event)});
    script.push_back({"POST /2018-06-01/runtime/invocation/r1/", accepted()});
  }
  return script;
}

// Expects that Init fails; gives the body of init/error.
test::Request init_error_of(std::vector<std::string> environment) {
  ScriptedServer server({{std::string(kInitError), accepted()}});
  auto ended = run_program(TEST_BOOTSTRAP, server, std::move(environment));
  CAPTURE(ended.standard_error);
  CHECK(ended.code == 1);
  REQUIRE(server.requests(kInitError).size() == 1);
  CHECK(server.requests().size() == 1);
  return server.requests(kInitError)[0];
}

std::string error_type(const test::Request& request) {
  return std::string(request.field("Lambda-Runtime-Function-Error-Type"));
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

// A folder of its own, removed at the end.
class Folder {
 public:
  Folder() {
    char name[] = "/tmp/bootstrap_test.XXXXXX";
    path_ = mkdtemp(name);
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::string& path() const { return path_; }
  void write(const std::string& file, std::string_view bytes) {
    std::ofstream(path_ + "/" + file, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }

 private:
  std::string path_;
};

std::string read_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("a typed handler in a shared object answers, logs with the request id, and is killed by SIGTERM") {
  ScriptedServer server(invocations({R"({"id":"a1","quantity":2})"}));
  auto ended = run_program(TEST_BOOTSTRAP, server, with_handler("orders.so:price"));
  CHECK(ended.code == -SIGTERM);
  REQUIRE(server.requests(kResponse).size() == 1);
  CHECK(server.requests(kResponse)[0].body == R"({"order":"a1","total":3})");
  CHECK(contains(ended.standard_error, "r1\tINFO\tpricing request=r1\n"));
}

TEST_CASE("an exception of a shared object with its own C++ library becomes an error, and the next invocation works") {
  ScriptedServer server(invocations({R"({"id":"a1","quantity":0})", R"({"id":"a1"})", R"({"id":"a1","quantity":2})"}));
  auto ended = run_program(TEST_BOOTSTRAP, server, with_handler("orders.so:price"));
  CAPTURE(ended.standard_error);
  REQUIRE(server.requests(kError).size() == 2);
  auto thrown = server.requests(kError)[0];
  CHECK(error_type(thrown) == "Order.Invalid");
  CHECK(thrown.body.starts_with(
      R"({"errorMessage":"quantity must be positive","errorType":"Order.Invalid","stackTrace":["price(Order const&, mayfly::Context&)+0x)"));
  CHECK(error_type(server.requests(kError)[1]) == "Runtime.UnmarshalError");
  CHECK(server.requests(kResponse).size() == 1);
}

TEST_CASE("an exception thrown inside the object's C++ library has its stack") {
  ScriptedServer server(invocations({"long"}));
  run_program(TEST_BOOTSTRAP, server, with_handler("orders.so:out_of_range"));
  REQUIRE(server.requests(kError).size() == 1);
  CHECK(error_type(server.requests(kError)[0]) == "std::out_of_range");
  CHECK(contains(server.requests(kError)[0].body, "std::__throw_out_of_range_fmt"));
}

TEST_CASE("what a handler prints is out before its answer is") {
  ScriptedServer server(invocations({"1"}));
  auto ended = run_program(TEST_BOOTSTRAP, server, with_handler("orders.so:print"));
  CHECK(ended.code == -SIGTERM);  // which flushes nothing
  CHECK(ended.standard_output == "printed without a flush");
}

TEST_CASE("bytes go through a shared object unchanged, also 6 MB of them") {
  std::string bytes;
  for (int i = 0; i < 6 * 1024 * 1024; ++i) bytes += static_cast<char>(i * 7);
  ScriptedServer server(invocations({bytes, ""}));
  run_program(TEST_BOOTSTRAP, server, with_handler("orders.so:echo"));
  REQUIRE(server.requests(kResponse).size() == 2);
  CHECK(server.requests(kResponse)[0].body == bytes);
  CHECK(server.requests(kResponse)[1].body == "");
}

TEST_CASE("a shared object's failed Init is reported as the object says") {
  auto request = init_error_of(with_handler("orders.so:Broken"));
  CHECK(error_type(request) == "std::runtime_error");
  CHECK(request.body.starts_with(R"({"errorMessage":"no table name","errorType":"std::runtime_error","stackTrace":[)"));
  CHECK(error_type(init_error_of(with_handler("plain.so:fails"))) == "C.Failed");
}

TEST_CASE("a shared object's before_shutdown is called at SIGTERM, and bootstrap ends with 0") {
  std::vector<Step> script = invocations({"1"});
  script.push_back({std::string(kRegister), registered()});
  script.push_back({std::string(kExtensionNext), ""});
  ScriptedServer server(script);
  auto ended = run_program(TEST_BOOTSTRAP, server, with_handler("orders.so:Ending"));
  CHECK(ended.code == 0);
  CHECK(server.requests(kResponse).size() == 1);
  CHECK(contains(ended.standard_error, "Z\tINFO\tended\n"));
}

TEST_CASE("a handler inside a namespace is exported under a name of its own") {
  for (auto [handler, answer] :
       {std::pair{"orders.so:refund_whole", "\"all of it\""}, std::pair{"orders.so:refund_part", "\"a part\""}}) {
    CAPTURE(handler);
    ScriptedServer server(invocations({"{}"}));
    run_program(TEST_BOOTSTRAP, server, with_handler(handler));
    REQUIRE(server.requests(kResponse).size() == 1);
    CHECK(server.requests(kResponse)[0].body == answer);
  }
}

TEST_CASE("a handler written in C is a handler") {
  ScriptedServer server(invocations({"{}"}));
  run_program(TEST_BOOTSTRAP, server, with_handler("plain.so:first_field"));
  REQUIRE(server.requests(kResponse).size() == 1);
  CHECK(server.requests(kResponse)[0].body == "r1");
}

TEST_CASE("any other form of _HANDLER is an init error that names the form") {
  for (std::string handler : {"orders", "orders.handler", "orders.so", "orders.so:", ":price", "orders.so:price:x ",
                              "orders.py:price", "exec:./program", "orders.so:1price", "orders.so:pri-ce",
                              "../orders.so:price", "a/../../orders.so:price", TEST_OBJECTS "/orders.so:price"}) {
    CAPTURE(handler);
    auto request = init_error_of(with_handler(handler));
    CHECK(error_type(request) == "Runtime.InvalidHandler");
    CHECK(contains(request.body, "the handler '" + handler + "' (_HANDLER) has not the form file.so:symbol"));
  }
  CHECK(contains(init_error_of({}).body, "_HANDLER is not set"));
}

TEST_CASE("a missing file is an init error that names both folders") {
  auto request = init_error_of(with_handler("nothing.so:price"));
  CHECK(error_type(request) == "Runtime.HandlerNotFound");
  CHECK(contains(request.body, "looked for " TEST_OBJECTS "/nothing.so and /opt/lib/nothing.so"));
  CHECK(contains(init_error_of({"_HANDLER=nothing.so:price"}).body,
                 "looked for /var/task/nothing.so and /opt/lib/nothing.so"));
}

TEST_CASE("neither the working directory nor LD_LIBRARY_PATH is searched") {
  Folder empty;
  auto request =
      init_error_of({"_HANDLER=orders.so:price", "LAMBDA_TASK_ROOT=" + empty.path(), "LD_LIBRARY_PATH=" TEST_OBJECTS});
  CHECK(error_type(request) == "Runtime.HandlerNotFound");
  CHECK(error_type(init_error_of({"_HANDLER=orders.so:price", "LAMBDA_TASK_ROOT=."})) == "Runtime.InvalidHandler");
}

TEST_CASE("a missing symbol is an init error that names symbol and file") {
  auto request = init_error_of(with_handler("orders.so:prize"));
  CHECK(error_type(request) == "Runtime.HandlerNotFound");
  CHECK(contains(request.body,
                 TEST_OBJECTS "/orders.so has no handler 'prize': looked for the symbol mayfly_handler_prize"));
}

TEST_CASE("an entry point of another version is an init error that names both versions") {
  for (std::string name : {"later", "short"}) {
    auto request = init_error_of(with_handler("plain.so:" + name));
    CHECK(error_type(request) == "Runtime.HandlerNotLoadable");
  }
  CHECK(contains(init_error_of(with_handler("plain.so:later")).body,
                 "version 2 of the entry point, and this bootstrap needs 1"));
}

TEST_CASE("a shared object of another architecture is an init error that names both") {
  std::string object = read_file(TEST_OBJECTS "/plain.so");
  REQUIRE(object.size() > 20);
  bool is_x86 = object[18] == 62;  // e_machine
  object[18] = static_cast<char>(is_x86 ? 183 : 62);
  Folder folder;
  folder.write("other.so", object);
  auto request = init_error_of({"_HANDLER=other.so:price", "LAMBDA_TASK_ROOT=" + folder.path()});
  CHECK(error_type(request) == "Runtime.HandlerNotLoadable");
  CHECK(contains(request.body, is_x86 ? "is for arm64, and this environment is x86_64"
                                      : "is for x86_64, and this environment is arm64"));
}

TEST_CASE("a file that is no shared object is an init error, not a crash") {
  std::string object = read_file(TEST_OBJECTS "/plain.so");
  Folder folder;
  folder.write("text.so", "#!/bin/sh\n");
  folder.write("empty.so", "");
  folder.write("cut.so", object.substr(0, 100));
  for (std::string file : {"text.so", "empty.so", "cut.so"}) {
    CAPTURE(file);
    auto request = init_error_of({"_HANDLER=" + file + ":price", "LAMBDA_TASK_ROOT=" + folder.path()});
    CHECK(error_type(request) == "Runtime.HandlerNotLoadable");
    CHECK(contains(request.body, file));
  }
}
