// Each case holds one mistake that Lambda runtimes have made against a server
// that provokes it.

#include "runtime/src/runtime_api.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "core/uri.h"
#include "runtime/src/invoke_loop.h"
#include "tests/runtime/captured_output.h"
#include "tests/runtime/scripted_server.h"

using namespace mayfly;
using test::accepted;
using test::answer_with_status;
using test::event_answer;
using test::kError;
using test::kNext;
using test::kResponse;
using test::ScriptedServer;
using test::Step;

namespace {

Step next(std::string answer) { return {std::string(kNext), std::move(answer)}; }
Step next(std::string answer, Step::Then then) { return {std::string(kNext), std::move(answer), then}; }
Step response(std::string answer) { return {std::string(kResponse), std::move(answer)}; }
Step response(std::string answer, Step::Then then) { return {std::string(kResponse), std::move(answer), then}; }

// Runs `handler` until `wake_fd` is readable or the Runtime API is gone; gives
// what ended the loop.
template <class F>
core::Failure drive(ScriptedServer& server, F&& handler, int wake_fd) {
  runtime::RuntimeApi api(*core::parse_host_port(server.address()), wake_fd);
  auto source = runtime::source_of(handler);
  auto made = source.make(source.from);
  auto failure = runtime::invoke_loop(api, made, nullptr);
  made.destroy(made.state);
  return failure;
}

// The same, until the script has ended.
template <class F>
core::Failure drive(ScriptedServer& server, F&& handler) {
  return drive(server, handler, server.done_fd());
}

std::string_view echo(std::string_view event) { return event; }

}  // namespace

TEST_CASE("an event is answered with the bytes the handler returns") {
  ScriptedServer server({next(event_answer(R"({"a":1})")), response(accepted())});
  CHECK(drive(server, echo).code == core::Errc::interrupted);
  REQUIRE(server.requests(kResponse).size() == 1);
  CHECK(server.requests(kResponse)[0].body == R"({"a":1})");
  CHECK(server.requests(kResponse)[0].field("Content-Type") == "application/json");
}

TEST_CASE("one connection carries all invocations") {
  ScriptedServer server({next(event_answer("1")), response(accepted()), next(event_answer("2")), response(accepted())});
  drive(server, echo);
  REQUIRE(server.requests().size() == 5);
  for (const auto& request : server.requests()) CHECK(request.connection == 0);
}

TEST_CASE("a response of the largest size is sent") {
  std::string largest(runtime::kMaxResponseBytes, 'x');
  ScriptedServer server({next(event_answer("")), response(accepted())});
  drive(server, [&]() -> std::string_view { return largest; });
  REQUIRE(server.requests(kResponse).size() == 1);
  CHECK(server.requests(kResponse)[0].body == largest);
}

TEST_CASE("a response over the largest size becomes an error before it is sent") {
  std::string over(runtime::kMaxResponseBytes + 1, 'x');
  ScriptedServer server({next(event_answer("")), {std::string(kError), accepted()}});
  test::CapturedStandardError log;
  CHECK(drive(server, [&]() -> std::string_view { return over; }).code == core::Errc::interrupted);
  CHECK(server.requests(kResponse).empty());
  REQUIRE(server.requests(kError).size() == 1);
  CHECK(server.requests(kError)[0].field("Lambda-Runtime-Function-Error-Type") == "Function.ResponseSizeTooLarge");
  CHECK(
      server.requests(kError)[0].body ==
      R"({"errorMessage":"Response payload size (6291557 bytes) exceeded maximum allowed payload size (6291556 bytes).",)"
      R"("errorType":"Function.ResponseSizeTooLarge","stackTrace":[]})");
}

TEST_CASE("an error has its cause for X-Ray") {
  ScriptedServer server({next(event_answer("")), {std::string(kError), accepted()}});
  test::CapturedStandardError log;
  drive(server, []() -> std::string_view { throw std::runtime_error("no \xF0\x9F\x90\x9D"); });
  REQUIRE(server.requests(kError).size() == 1);
  std::string cause(server.requests(kError)[0].field("Lambda-Runtime-Function-XRay-Error-Cause"));
  CHECK(cause.starts_with(R"({"working_directory":"/)"));
  CHECK(cause.find(R"("exceptions":[{"type":"std::runtime_error","message":"no \ud83d\udc1d","stack":[{"path":)") !=
        cause.npos);
}

TEST_CASE("a refused response costs the invocation, not the process") {
  for (int status : {400, 403, 410, 413}) {
    CAPTURE(status);
    ScriptedServer server(
        {next(event_answer("1")), response(answer_with_status(status)), next(event_answer("2")), response(accepted())});
    test::CapturedStandardError log;
    CHECK(drive(server, echo).code == core::Errc::interrupted);
    CHECK(server.requests(kResponse).size() == 2);
    CHECK(server.requests(kError).empty());
    CHECK(log.text().find("r1\tWARN\tLambda refused a post route=response status=" + std::to_string(status)) !=
          std::string::npos);
  }
}

TEST_CASE("a long response that is refused before it is read costs the invocation only") {
  std::string large(4 * 1024 * 1024, 'x');
  Step refuse = response(answer_with_status(413, "", "Connection: close\r\n"));
  refuse.at_head = true;
  ScriptedServer server({next(event_answer("1")), refuse, next(event_answer("2")), response(accepted())});
  int calls = 0;
  test::CapturedStandardError log;
  CHECK(drive(server, [&]() -> std::string_view { return calls++ == 0 ? std::string_view(large) : "2"; }).code ==
        core::Errc::interrupted);
  CHECK(calls == 2);
}

TEST_CASE("a response met by a server error is sent again, whole, on a fresh connection") {
  // The response is a view into the event: the error's body must not overwrite it.
  std::string event(1000, 'e');
  ScriptedServer server(
      {next(event_answer(event)), response(answer_with_status(500, std::string(1000, 'X'))), response(accepted())});
  CHECK(drive(server, echo).code == core::Errc::interrupted);
  auto posts = server.requests(kResponse);
  REQUIRE(posts.size() == 2);
  CHECK(posts[1].body == event);
  CHECK(posts[1].connection != posts[0].connection);
}

TEST_CASE("the loop ends when every attempt to post meets a server error") {
  std::vector<Step> script{next(event_answer("1"))};
  for (int i = 0; i < 20; ++i) script.push_back(response(answer_with_status(503)));
  ScriptedServer server(script);
  auto failure = drive(server, echo);
  CHECK(failure.code == core::Errc::refused);
  CHECK(failure.message == "the Runtime API takes no post: HTTP status 503");
  CHECK(server.requests(kResponse).size() == 5);
}

TEST_CASE("the loop ends when every attempt to get an event fails") {
  std::vector<Step> script;
  for (int i = 0; i < 20; ++i) script.push_back(next("", Step::Then::close));
  ScriptedServer server(script);
  auto failure = drive(server, echo);
  CHECK(failure.code == core::Errc::unanswered);
  CHECK(failure.message.starts_with("no next invocation from the Runtime API: "));
  CHECK(server.requests(kNext).size() == 5);
}

TEST_CASE("a dead idle connection takes away none of the attempts to get an event") {
  std::vector<Step> script{next(event_answer("1")), response(accepted(), Step::Then::close)};
  for (int i = 0; i < 20; ++i) script.push_back(next("", Step::Then::close));
  for (bool interruptible : {true, false}) {  // one polls before it reads, the other does not
    CAPTURE(interruptible);
    ScriptedServer server(script);
    CHECK(drive(server, echo, interruptible ? server.done_fd() : -1).code == core::Errc::unanswered);
    CHECK(server.requests(kNext).size() == 1 + 5);
  }
}

TEST_CASE("the loop ends when nothing listens at the address") {
  std::string address;
  { address = ScriptedServer({}).address(); }
  runtime::RuntimeApi api(*core::parse_host_port(address), -1);
  auto failure = runtime::invoke_loop(api, {}, nullptr);
  CHECK(failure.code == core::Errc::unreachable);
  CHECK(failure.message.find(address) != std::string::npos);
}

TEST_CASE("next waits longer than a connection may take to be made") {
  Step late = next(event_answer("1"));
  late.delay_ms = 3'300;
  ScriptedServer server({late, response(accepted())});
  CHECK(drive(server, echo).code == core::Errc::interrupted);
  CHECK(server.requests(kNext).size() == 2);
  CHECK(server.requests(kResponse).size() == 1);
}

TEST_CASE("an idle connection that has died is replaced without a pause or a word") {
  // The server ends its side after each post, without having said so.
  std::vector<Step> script;
  for (int i = 0; i < 10; ++i) {
    script.push_back(next(event_answer("1")));
    script.push_back(response(accepted(), Step::Then::close));
  }
  ScriptedServer server(script);
  test::CapturedStandardError log;
  CHECK(drive(server, echo).code == core::Errc::interrupted);
  CHECK(server.requests(kResponse).size() == 10);
  CHECK(log.text() == "");
}

TEST_CASE("a post that nobody answered is sent again, and its refusal then means that it had arrived") {
  for (int refusal : {400, 403}) {
    CAPTURE(refusal);
    ScriptedServer server({next(event_answer("1")), response("", Step::Then::close),
                           response(answer_with_status(refusal)), next(event_answer("2")), response(accepted())});
    test::CapturedStandardError log;
    CHECK(drive(server, echo).code == core::Errc::interrupted);
    CHECK(server.requests(kResponse).size() == 3);
    CHECK(log.text() == "");
  }
}

TEST_CASE("a post whose answer is cut off is not sent again") {
  ScriptedServer server({next(event_answer("1")), response("HTTP/1.1 202 Acc", Step::Then::close),
                         next(event_answer("2")), response(accepted())});
  test::CapturedStandardError log;
  CHECK(drive(server, echo).code == core::Errc::interrupted);
  auto posts = server.requests(kResponse);
  REQUIRE(posts.size() == 2);
  CHECK(posts[1].body == "2");
}

TEST_CASE("proxy variables of the environment are not followed") {
  ScriptedServer proxy({});
  for (const char* name : {"http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"}) {
    setenv(name, ("http://" + proxy.address()).c_str(), 1);
  }
  ScriptedServer server({next(event_answer("1")), response(accepted())});
  CHECK(drive(server, echo).code == core::Errc::interrupted);
  for (const char* name : {"http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"}) unsetenv(name);
  CHECK(server.requests(kResponse).size() == 1);
  CHECK(proxy.requests().empty());
}

TEST_CASE("redirects are not followed") {
  ScriptedServer elsewhere({});
  ScriptedServer server({next(event_answer("1")),
                         response(answer_with_status(307, "", "Location: http://" + elsewhere.address() + "/\r\n"))});
  test::CapturedStandardError log;
  drive(server, echo);
  CHECK(elsewhere.requests().empty());
}

TEST_CASE("a long response asks for no leave to continue and states its length once") {
  std::string large(2 * 1024 * 1024, 'x');
  ScriptedServer server({next(event_answer("")), response(accepted())});
  drive(server, [&]() -> std::string_view { return large; });
  REQUIRE(server.requests(kResponse).size() == 1);
  auto post = server.requests(kResponse)[0];
  CHECK_FALSE(post.has_field("Expect"));
  CHECK_FALSE(post.has_field("Transfer-Encoding"));
  CHECK(post.body == large);
  auto first = post.head.find("Content-Length");
  CHECK(post.head.find("Content-Length", first + 1) == std::string::npos);
}

TEST_CASE("a connection reset in the middle of a long response raises no signal") {
  std::string large(6 * 1024 * 1024, 'x');
  Step reset = response("", Step::Then::reset);
  reset.at_head = true;
  ScriptedServer server({next(event_answer("1")), reset, response(accepted())});
  CHECK(drive(server, [&]() -> std::string_view { return large; }).code == core::Errc::interrupted);
  auto posts = server.requests(kResponse);
  REQUIRE(posts.size() == 2);
  CHECK(posts[1].body == large);
}

TEST_CASE("an event without a content type is an event") {
  ScriptedServer server({next("HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: r1\r\nContent-Length: 2\r\n\r\n{}"),
                         response(accepted())});
  drive(server, echo);
  REQUIRE(server.requests(kResponse).size() == 1);
  CHECK(server.requests(kResponse)[0].body == "{}");
}

TEST_CASE("header names are read in any case") {
  ScriptedServer server(
      {next("HTTP/1.1 200 OK\r\nlambda-runtime-aws-request-id: r1\r\nLAMBDA-RUNTIME-DEADLINE-MS: 4102444800000\r\n"
            "LaMbDa-RuNtImE-tRaCe-Id: Root=1\r\ncontent-length: 2\r\n\r\n{}"),
       response(accepted())});
  std::string trace;
  bool has_deadline = false;
  drive(server, [&](Context& context) {
    trace = context.trace_id();
    has_deadline = context.deadline().has_value();
  });
  CHECK(trace == "Root=1");
  CHECK(has_deadline);
  CHECK(server.requests(kResponse).size() == 1);
}

TEST_CASE("an event in chunks, in pieces and behind an interim answer is an event") {
  ScriptedServer server({next("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: r1\r\n"
                              "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"),
                         response(accepted())});
  drive(server, echo);
  REQUIRE(server.requests(kResponse).size() == 1);
  CHECK(server.requests(kResponse)[0].body == "abcdefg");
}

TEST_CASE("NUL and bytes that are not UTF-8 go through a raw handler unchanged") {
  std::string bytes;
  for (int i = 0; i < 512; ++i) bytes += static_cast<char>(i);
  ScriptedServer server({next(event_answer(bytes)), response(accepted())});
  drive(server, [](std::string_view event) { return std::string(event); });
  REQUIRE(server.requests(kResponse).size() == 1);
  CHECK(server.requests(kResponse)[0].body == bytes);
}

TEST_CASE("neither event nor response is ever written to the log") {
  struct Named {
    std::string name;
  };
  ScriptedServer server({next(event_answer(R"({"name":"CANARY"})")),
                         response(answer_with_status(413, "CANARY")),
                         next(event_answer(R"({"nome":"CANARY"})")),
                         {std::string(kError), accepted()},
                         next(event_answer(R"({"name":{"CANARY":"CANARY"}})")),
                         {std::string(kError), accepted()},
                         next(event_answer("CANARY")),
                         {std::string(kError), accepted()}});
  test::CapturedStandardError log;
  drive(server, [](const Named& named) { return named; });
  CHECK(server.requests(kError).size() == 3);
  CHECK(log.text().find("r1\tERROR\t") != std::string::npos);
  CHECK(log.text().find("CANARY") == std::string::npos);
}

TEST_CASE("the invocation id is sent back with a response and with an error when one came") {
  auto id = "Lambda-Runtime-Invocation-Id: attempt-1\r\n";
  ScriptedServer server({next(event_answer("1", "r1", id)),
                         response(accepted()),
                         next(event_answer("2", "r1", id)),
                         {std::string(kError), accepted()}});
  test::CapturedStandardError log;
  drive(server, [](std::string_view event) {
    if (event == "2") throw Error("Two", "is an error");
    return event;
  });
  REQUIRE(server.requests(kResponse).size() == 1);
  REQUIRE(server.requests(kError).size() == 1);
  CHECK(server.requests(kResponse)[0].field("Lambda-Runtime-Invocation-Id") == "attempt-1");
  CHECK(server.requests(kError)[0].field("Lambda-Runtime-Invocation-Id") == "attempt-1");
}

TEST_CASE("no invocation id is sent back when none came, also behind an invocation that had one") {
  ScriptedServer server({next(event_answer("1", "r1", "Lambda-Runtime-Invocation-Id: attempt-1\r\n")),
                         response(accepted()), next(event_answer("2")), response(accepted())});
  drive(server, echo);
  REQUIRE(server.requests(kResponse).size() == 2);
  CHECK_FALSE(server.requests(kResponse)[1].has_field("Lambda-Runtime-Invocation-Id"));
}

TEST_CASE("a request id that would change the path of a request is not answered") {
  for (std::string_view id : {"../../evil", "r1 HTTP/1.1", "r1?x", "r%31", "", "r\"1"}) {
    CAPTURE(id);
    ScriptedServer server({next(event_answer("1", id))});
    bool called = false;
    drive(server, [&] { called = true; });
    CHECK_FALSE(called);
    CHECK(server.requests("POST").empty());
  }
}

TEST_CASE("an error type cannot add a header field") {
  ScriptedServer server({next(event_answer("1")), {std::string(kError), accepted()}});
  test::CapturedStandardError log;
  drive(server, [] { throw Error("Bad\r\nInjected: 1", "m\x7f"); });
  REQUIRE(server.requests(kError).size() == 1);
  CHECK_FALSE(server.requests(kError)[0].has_field("Injected"));
  CHECK(server.requests(kError)[0].field("Lambda-Runtime-Function-Error-Type") == "Bad  Injected: 1");
}

TEST_CASE("an error type of any length is reported, its beginning in the head and all of it in the body") {
  ScriptedServer server({next(event_answer("1")), {std::string(kError), accepted()}});
  std::string type(100'000, 'T');
  test::CapturedStandardError log;
  drive(server, [&] { throw Error(type, "m"); });
  REQUIRE(server.requests(kError).size() == 1);
  CHECK(server.requests(kError)[0].field("Lambda-Runtime-Function-Error-Type") == type.substr(0, 256));
  CHECK(server.requests(kError)[0].body.find("\"errorType\":\"" + type + "\"") != std::string::npos);
}

TEST_CASE("an event over the limit is refused before it is stored") {
  std::vector<Step> script;
  for (int i = 0; i < 20; ++i) {
    script.push_back(
        next("HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: r1\r\nContent-Length: 99999999999\r\n\r\n"));
  }
  ScriptedServer server(script);
  auto failure = drive(server, echo);
  CHECK(failure.code == core::Errc::protocol);
  CHECK(failure.message.find("99999999999") != std::string::npos);
}

TEST_CASE("runtimes on several threads do not disturb one another") {
  auto loop = [] {
    std::vector<Step> script;
    for (int i = 0; i < 50; ++i) {
      script.push_back(next(event_answer(std::to_string(i))));
      script.push_back(response(accepted(), i % 5 == 4 ? Step::Then::close : Step::Then::keep));
    }
    ScriptedServer server(script);
    runtime::RuntimeApi api(*core::parse_host_port(server.address()), server.done_fd());
    for (int i = 0; i < 50; ++i) {
      if (!api.next() || api.event() != std::to_string(i) || !api.post_response(api.event())) return false;
    }
    return server.requests(kResponse).size() == 50;
  };
  std::vector<std::thread> threads;
  std::vector<int> good(4);
  for (std::size_t i = 0; i < good.size(); ++i) threads.emplace_back([&, i] { good[i] = loop(); });
  for (auto& thread : threads) thread.join();
  CHECK(good == std::vector<int>{1, 1, 1, 1});
}
