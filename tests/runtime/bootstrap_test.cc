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

#include "tests/runtime/bootstrap_run.h"

using namespace mayfly;
using test::accepted;
using test::contains;
using test::error_type;
using test::event_answer;
using test::Folder;
using test::init_error_of;
using test::invocations;
using test::kError;
using test::kExtensionNext;
using test::kInitError;
using test::kNext;
using test::kRegister;
using test::kResponse;
using test::registered;
using test::run_program;
using test::ScriptedServer;
using test::Step;

namespace {

namespace fs = std::filesystem;

std::vector<std::string> with_handler(const std::string& handler) {
  return {"_HANDLER=" + handler, "LAMBDA_TASK_ROOT=" TEST_OBJECTS};
}

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
      R"({"errorMessage":"quantity must be positive","errorType":"Order.Invalid","stackTrace":["price(Order const&, mayfly::Context&) (orders.so+0x)"));
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

TEST_CASE("a handler in a shared object streams, in C++ and in C") {
  ScriptedServer server(invocations({"ab", "a!", "!"}));
  run_program(TEST_BOOTSTRAP, server, with_handler("orders.so:letters"));
  auto streamed = server.requests(kResponse);
  REQUIRE(streamed.size() == 2);
  CHECK(streamed[0].field("Content-Type") == "text/plain");
  CHECK(streamed[0].body == "1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
  CHECK(streamed[1].body.starts_with("1\r\na\r\n0\r\nLambda-Runtime-Function-Error-Type: Letters.Loud\r\n"));
  REQUIRE(server.requests(kError).size() == 1);
  CHECK(error_type(server.requests(kError)[0]) == "Letters.Loud");

  ScriptedServer of_c(invocations({"abc"}));
  run_program(TEST_BOOTSTRAP, of_c, with_handler("plain.so:stream"));
  REQUIRE(of_c.requests(kResponse).size() == 1);
  CHECK(of_c.requests(kResponse)[0].field("Content-Type") == "text/csv");
  CHECK(of_c.requests(kResponse)[0].body == "3\r\nabc\r\n0\r\n\r\n");
}

TEST_CASE("any other form of _HANDLER is an init error that names the form") {
  for (std::string handler : {"orders", "orders.handler", "orders.so", "orders.so:", ":price", "orders.so:price:x ",
                              "orders.py:price", "exec", "orders.so:1price", "orders.so:pri-ce", "../orders.so:price",
                              "a/../../orders.so:price", TEST_OBJECTS "/orders.so:price"}) {
    CAPTURE(handler);
    auto request = init_error_of(with_handler(handler));
    CHECK(error_type(request) == "Runtime.InvalidHandler");
    CHECK(contains(request.body, "the handler '" + handler + "' (_HANDLER) has the form neither of file.so:symbol"));
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

TEST_CASE("a shared object that gives up has reported why, in an invocation and in Init") {
  ScriptedServer server(invocations({"1"}));
  auto ended = run_program(TEST_BOOTSTRAP, server, with_handler("orders.so:give_up"));
  CHECK(ended.code == 1);
  CHECK(contains(ended.standard_error, "FATAL\tfatal error errorType=Prices.Corrupt"));
  REQUIRE(server.requests(kError).size() == 1);
  CHECK(error_type(server.requests(kError)[0]) == "Prices.Corrupt");
  CHECK(error_type(init_error_of(with_handler("orders.so:Hopeless"))) == "Prices.Corrupt");
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
