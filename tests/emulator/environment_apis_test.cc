// The APIs on the Runtime API port over real sockets, with real processes on
// the other side, and what those processes find around them.

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "tests/emulator/running_service.h"

using namespace mayfly::emulator;
using namespace mayfly::emulator::test;
using Kind = Observation::Kind;

namespace {

// Where the environment's Runtime API listens; the environment is warm then.
mayfly::core::Origin runtime_api(RunningService& service) {
  auto body = service.evaluate("API");  // "127.0.0.1:1234" in quotes
  auto origin = mayfly::core::parse_host_port(body.substr(1, body.size() - 2));
  REQUIRE(origin.has_value());
  service.wait_for(Kind::invocation_ended);
  return *origin;
}

std::string error_body(const std::string& type, const std::string& message) {
  return "{\"errorMessage\":\"" + message + "\",\"errorType\":\"" + type + "\"}\n";
}

}  // namespace

TEST_CASE("routes of the Runtime API port answer as the official emulator's") {
  RunningService service;
  service.start();
  auto api = runtime_api(service);
  auto ping = request(api, "GET", "/2018-06-01/ping");
  CHECK(ping.status == 200);
  CHECK(ping.body == "pong");
  for (const char* path :
       {"/", "/2018-06-01/", "/2018-06-01/runtime/restore/next", "/2018-06-01/runtime/invocation/x/none",
        "/2020-01-01/extension/none", "/2019-01-01/runtime/invocation/next"}) {
    INFO(path);
    auto reply = request(api, "GET", path);
    CHECK(reply.status == 404);
    CHECK(reply.body == "404 page not found\n");
  }
  auto wrong = request(api, "POST", "/2018-06-01/runtime/invocation/next");
  CHECK(wrong.status == 405);
  CHECK(wrong.body.empty());
  CHECK(wrong.field("allow") == "GET");
  CHECK(request(api, "GET", "/2018-06-01/runtime/invocation/x/response").field("allow") == "POST");
  CHECK(request(api, "GET", "/2018-06-01/runtime/init/error").field("allow") == "POST");
  CHECK(request(api, "GET", "/2020-01-01/extension/register").field("allow") == "POST");
  auto unknown = request(api, "POST", "/2018-06-01/runtime/invocation/x/response", "1");
  CHECK(unknown.status == 400);
  CHECK(unknown.field("content-type") == "application/json");
  CHECK(unknown.body == error_body("InvalidRequestID", "Invalid request ID"));
  auto late = request(api, "POST", "/2018-06-01/runtime/init/error", "{}");
  CHECK(late.status == 403);
  CHECK(late.body ==
        error_body(
            "InvalidStateTransition",
            "State transition from Ready to InitError failed for runtime. Error: State transition is not allowed"));
  auto logs = request(api, "PUT", "/2020-08-15/logs", "{}");
  CHECK(logs.status == 202);
  CHECK(logs.body == error_body("Logs.NotSupported", "Logs API is not supported"));
  CHECK(request(api, "GET", "/2018-06-01/ping", {}, {{"Origin", "null"}}).status == 403);
}

TEST_CASE("a bad response mode is refused and leaves the invocation as it was") {
  RunningService service;
  service.start();
  auto reply = service.invoke(
      R"({"post":["/2018-06-01/runtime/invocation/ID/response",{"Lambda-Runtime-Function-Response-Mode":"Streaming"},"1"]})");
  CHECK(member(reply.body, "status") == "400");
  CHECK(reply.body.find("Invalid function response mode") != std::string::npos);
}

TEST_CASE("a response with the invocation id of another attempt is answered 410") {
  RunningService service;
  service.start();
  auto reply = service.invoke(
      R"({"post":["/2018-06-01/runtime/invocation/ID/response",{"Lambda-Runtime-Invocation-Id":"stale"},"1"]})");
  CHECK(member(reply.body, "status") == "410");
  CHECK(reply.body.find("InvokeTimeout") != std::string::npos);
}

TEST_CASE("a posted error with an errorCause reaches the caller without it") {
  RunningService service;
  service.start();
  auto reply = service.invoke(
      R"({"post":["/2018-06-01/runtime/invocation/ID/error",{"Content-Type":"application/vnd.aws.lambda.error.cause+json","Lambda-Runtime-Function-Error-Type":"Function.Cause"},"{\"errorType\":\"T\",\"errorMessage\":\"m\",\"errorCause\":{},\"stackTrace\":[1]}"]})");
  CHECK(reply.body == R"({"errorMessage":"m","errorType":"T","stackTrace":[1]})");
  CHECK(service.wait_for(Kind::invocation_ended).report.error_type == "Function.Cause");
}

TEST_CASE("registration answers the function's name, version, handler and account") {
  RunningService service;
  service.settings.function_name = "orders";
  service.settings.handler = "app.main";
  service.add_extension("alpha", "{}");
  service.start();
  service.invoke("1");
  CHECK(
      service.record_text("alpha").find(
          R"({"registered": 200, "body": {"accountId": "123456789012", "functionName": "orders", "functionVersion": "$LATEST", "handler": "app.main"}})") !=
      std::string::npos);
}

TEST_CASE("what is wrong in a registration is named as the official emulator does") {
  struct Row {
    const char *fields, *body, *type;
  };
  for (auto [fields, body, type] :
       {Row{R"({})", R"({\"events\":[]})", "Extension.InvalidExtensionName"},
        Row{R"({"Lambda-Extension-Name":"i"})", "", "InvalidRequestFormat"},
        Row{R"({"Lambda-Extension-Name":"i"})", "{", "InvalidRequestFormat"},
        Row{R"({"Lambda-Extension-Name":"i"})", R"({\"events\":[\"FOO\"]})", "FOO: ErrorInvalidEventType"},
        Row{R"({"Lambda-Extension-Name":"i"})", R"({\"events\":[\"SHUTDOWN\"]})",
            "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension"},
        Row{R"({"Lambda-Extension-Name":"i"})", R"({\"configurationKeys\":[\"a\"]})", "InvalidRequestFormat"},
        Row{R"({"Lambda-Extension-Name":"i"})", R"({\"events\":[]})", "Extension.RegistrationClosed"}}) {
    RunningService service;
    service.start();
    auto reply =
        service.invoke(R"({"post":["/2020-01-01/extension/register",)" + std::string(fields) + ",\"" + body + "\"]}");
    CHECK(member(reply.body, "status") == "403");
    CHECK_MESSAGE(reply.body.find(type) != std::string::npos, reply.body);
  }
}

TEST_CASE("the function finds Lambda's variables, the user's, and none of the shell's") {
  setenv("MAYFLY_CANARY", "of the shell", 1);
  RunningService service;
  service.settings.environment.emplace_back("TABLE", "a=b");
  service.settings.environment.emplace_back("TZ", "Europe/Rome");
  service.settings.credentials = {{"AWS_ACCESS_KEY_ID", "id"}};
  service.settings.handler = "app.main";
  service.settings.memory_mb = 256;
  service.add_extension("alpha", "{}");
  service.start();
  auto runtime = service.invoke(R"({"environment":1})").body;
  auto extension = service.record("alpha").front();
  for (const auto* all : {&runtime, &extension}) {
    CHECK(all->find("MAYFLY_CANARY") == std::string::npos);
    CHECK(member(*all, "HOME").empty());
    CHECK(member(*all, "TABLE") == "a=b");
    CHECK(member(*all, "TZ") == "Europe/Rome");
    CHECK(member(*all, "LANG") == "en_US.UTF-8");
    CHECK(member(*all, "PATH") == "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin");
    CHECK(member(*all, "AWS_REGION") == "us-east-1");
    CHECK(member(*all, "AWS_DEFAULT_REGION") == "us-east-1");
    CHECK(member(*all, "AWS_ACCESS_KEY_ID") == "id");
    CHECK(member(*all, "AWS_LAMBDA_FUNCTION_NAME") == "function");
    CHECK(member(*all, "AWS_LAMBDA_FUNCTION_VERSION") == "$LATEST");
    CHECK(member(*all, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE") == "256");
    CHECK(member(*all, "AWS_LAMBDA_INITIALIZATION_TYPE") == "on-demand");
    CHECK(member(*all, "AWS_LAMBDA_LOG_FORMAT") == "Text");
  }
  CHECK(member(runtime, "_HANDLER") == "app.main");
  CHECK(member(runtime, "LAMBDA_TASK_ROOT") == service.folder().string());
  CHECK(member(runtime, "LAMBDA_RUNTIME_DIR") == "/var/runtime");
  CHECK(member(runtime, "AWS_LAMBDA_LOG_GROUP_NAME") == "/aws/lambda/function");
  CHECK(member(runtime, "AWS_XRAY_CONTEXT_MISSING") == "LOG_ERROR");
  for (const char* hidden : {"AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
                             "AWS_XRAY_CONTEXT_MISSING", "AWS_XRAY_DAEMON_ADDRESS", "LAMBDA_RUNTIME_DIR",
                             "LAMBDA_TASK_ROOT", "_AWS_XRAY_DAEMON_ADDRESS", "_AWS_XRAY_DAEMON_PORT", "_HANDLER"}) {
    CHECK_MESSAGE(extension.find("\"" + std::string(hidden) + "\"") == std::string::npos, hidden);
  }
  CHECK(runtime.find("AWS_EXECUTION_ENV") == std::string::npos);
  CHECK(runtime.find("_X_AMZN_TRACE_ID") == std::string::npos);
}

TEST_CASE("the function inherits no descriptor, blocked signal or terminal, and may open 1,024 files") {
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
  signal(SIGPIPE, SIG_IGN);
  RunningService service;
  service.start();
  // 0, 1, 2, the connection to the Runtime API, and listdir's own.
  CHECK(service.evaluate("len(os.listdir('/proc/self/fd'))") == "5");
  CHECK(service.evaluate("os.readlink('/proc/self/fd/0')") == "\"/dev/null\"");
  CHECK(service.evaluate("os.getpgid(0) == os.getpid()") == "true");
  CHECK(service.evaluate("__import__('resource').getrlimit(__import__('resource').RLIMIT_NOFILE)") == "[1024, 1024]");
  auto status = service.evaluate("open('/proc/self/status').read()");
  CHECK(status.find("SigBlk:\\t0000000000000000") != std::string::npos);
  // Python itself ignores SIGPIPE and SIGXFSZ, and nothing else.
  CHECK(status.find("SigIgn:\\t0000000001001000") != std::string::npos);
  pthread_sigmask(SIG_UNBLOCK, &blocked, nullptr);
}

TEST_CASE("sandbox.localdomain resolves in the processes, or one notice says why it does not") {
  RunningService service;
  service.start();
  auto body = service.evaluate("'sandbox.localdomain' in open('/etc/hosts').read()");
  CHECK(service.details(Kind::notice).size() == (body == "true" ? 0 : 1));
}

TEST_CASE("peak memory is that of the processes, not zero and not the limit") {
  RunningService service;
  service.start();
  service.invoke("1");
  auto first = service.wait_for(Kind::invocation_ended).report;
  CHECK(first.max_memory_mb > 3);
  CHECK(first.max_memory_mb < 100);
  service.evaluate("len(bytearray(64 << 20))");
  auto second =
      service.wait_for([](const Observation& what) { return what.kind == Kind::invocation_ended && what.number == 2; })
          .report;
  CHECK(second.max_memory_mb >= first.max_memory_mb + 60);
}

TEST_CASE("lines keep their order over both streams, and a last line needs no newline") {
  RunningService service;
  service.start();
  service.evaluate("[os.write(1 + i % 2, b'%d\\n' % i) for i in range(6)]");
  service.evaluate("[os.write(1, b'no end'), os._exit(0)]");
  CHECK(service.details(Kind::log_line) == std::vector<std::string>{"0", "1", "2", "3", "4", "5", "no end"});
}

TEST_CASE("a function that never stops writing holds up neither its timeout nor the next call") {
  RunningService service;
  service.settings.timeout = std::chrono::milliseconds(1'000);
  service.start();
  auto reply = service.invoke(R"({"script":"[os.write(1, b'x' * 1000 + b'\\n') for i in iter(int, 1)]"})");
  CHECK(reply.body.find("Sandbox.Timedout") != std::string::npos);
  CHECK(service.invoke("1").body == "1");
}

TEST_CASE("an error cause of 60 KB in a header field passes") {
  RunningService service;
  service.start();
  auto reply = service.invoke(
      R"({"post":["/2018-06-01/runtime/invocation/ID/error",{"Lambda-Runtime-Function-XRay-Error-Cause":")" +
      std::string(60'000, 'x') + R"("},"{}"]})");
  CHECK(reply.body == "{}");
  CHECK(reply.field("x-amz-function-error") == "Unhandled");
}

TEST_CASE("internal extensions give the runtime a SIGTERM, none gives it SIGKILL") {
  for (bool internal : {true, false}) {
    RunningService service;
    auto file = service.folder() / "signals";
    service.set_init(R"({"record":")" + file.string() + (internal ? R"(","internal":[]})" : "\"}"));
    service.start();
    service.invoke("1");
    service.stop();
    CHECK(std::filesystem::exists(file) == internal);
    auto killed = service.details(Kind::process_killed);
    CHECK(killed.front() == (internal ? "SIGTERM" : "SIGKILL"));
  }
}

TEST_CASE("extensions get SHUTDOWN with its reason and no SIGTERM; those that overrun are killed") {
  RunningService service;
  service.settings.shutdown_with_external = std::chrono::milliseconds(600);
  service.add_extension("alpha", "{}");
  service.add_extension("beta", R"({"on_shutdown":{"sleep":60}})");
  service.add_extension("gamma", R"({"events":["INVOKE"]})");
  service.start();
  service.invoke("1");
  service.wait_for(Kind::invocation_ended);
  service.stop();
  CHECK(service.record_text("alpha").find(R"("shutdownReason": "spindown")") != std::string::npos);
  for (const char* name : {"alpha", "beta", "gamma"})
    CHECK(service.record_text(name).find("SIGTERM") == std::string::npos);
  CHECK(service.record_text("gamma").find("SHUTDOWN\"") == std::string::npos);
  std::vector<std::string> killed;
  for (const auto& what : service.observations()) {
    if (what.kind == Kind::process_killed) killed.push_back(what.process + " " + what.detail);
  }
  CHECK(killed == std::vector<std::string>{"bootstrap SIGTERM", "gamma SIGKILL", "beta SIGKILL"});
}

TEST_CASE("after a failure the SHUTDOWN event says so, and the extension is started anew") {
  RunningService service;
  service.add_extension("alpha", "{}");
  service.start();
  service.invoke(R"({"exit":1})");
  service.invoke("1");
  CHECK(service.record_text("alpha").find(R"("shutdownReason": "failure")") != std::string::npos);
  auto starts = service.record("alpha");
  CHECK(std::ranges::count_if(starts, [](const std::string& line) { return line.starts_with("{\"environment\""); }) ==
        2);
}

TEST_CASE("nothing that the function has started outlives it") {
  RunningService service;
  service.start();
  // In its group, in a session of its own, and an orphan of that.
  auto body = service.evaluate(
      "[__import__('subprocess').Popen(['sleep', '1000'], start_new_session=alone).pid for alone in (False, True)] +"
      "[int(__import__('subprocess').check_output(['sh', '-c', 'setsid sleep 1000 >/dev/null & echo $!']))]");
  std::vector<pid_t> pids;
  for (std::size_t at = 1; at < body.size(); at = body.find_first_of(",]", at) + 1)
    pids.push_back(std::atoi(body.c_str() + at));
  REQUIRE(pids.size() >= 3);
  for (std::size_t i = 0; i < 3; ++i) CHECK(kill(pids[i], 0) == 0);
  service.stop();
  for (std::size_t i = 0; i < 3; ++i) CHECK(kill(pids[i], 0) != 0);
  CHECK(waitpid(-1, nullptr, WNOHANG) == -1);  // no child is left to reap
}

TEST_CASE("kill -9 of the environment's program leaves no process of it running") {
  TemporaryFolder folder;
  int port_pipe[2];
  REQUIRE(pipe(port_pipe) == 0);
  pid_t program = fork();
  if (program == 0) {
    boost::asio::io_context io;
    Settings settings;
    settings.listen.port = 0;
    settings.task_root = folder.path();
    settings.command = {MAYFLY_TEST_PROGRAMS "/runtime.py"};
    Service service(io, settings, {});
    auto port = service.start()->port;
    if (write(port_pipe[1], &port, sizeof port) == sizeof port) io.run();
    _exit(1);
  }
  std::uint16_t port = 0;
  REQUIRE(read(port_pipe[0], &port, sizeof port) == sizeof port);
  // The thread keeps the process alive when its Runtime API is gone.
  auto reply = request({"127.0.0.1", port}, "POST", "/2015-03-31/functions/f/invocations",
                       R"x({"script":"[os.getpid(), threading.Thread(target=time.sleep, args=(60,)).start()][0]"})x");
  pid_t runtime = std::atoi(reply.body.c_str());
  REQUIRE(runtime > 1);
  CHECK(kill(runtime, 0) == 0);
  close(port_pipe[1]);
  kill(program, SIGKILL);
  waitpid(program, nullptr, 0);
  auto state = [&] {
    std::ifstream in("/proc/" + std::to_string(runtime) + "/stat");
    std::string number, name, letter;
    in >> number >> name >> letter;
    return letter;
  };
  for (int i = 0; i < 600 && !state().empty() && state() != "Z"; ++i) usleep(50'000);
  CHECK((state().empty() || state() == "Z"));
  while (waitpid(-1, nullptr, WNOHANG) > 0) {  // it may have become ours
  }
  close(port_pipe[0]);
}

TEST_CASE("stop() answers the call that runs and those that wait with a ServiceException") {
  RunningService service;
  service.start();
  std::vector<Reply> replies(3);
  std::vector<std::thread> callers;
  for (auto& reply : replies) callers.emplace_back([&] { reply = service.invoke(R"({"sleep":30})"); });
  service.wait_for([](const Observation& what) { return what.kind == Kind::invocation_accepted && what.number == 3; });
  service.wait_for(Kind::invocation_started);
  service.stop();
  for (auto& caller : callers) caller.join();
  for (const auto& reply : replies) {
    CHECK(reply.status == 500);
    CHECK(reply.field("x-amzn-errortype") == "ServiceException");
  }
}

TEST_CASE("kill() ends a shutdown that takes its time") {
  RunningService service;
  service.settings.shutdown_with_external = std::chrono::milliseconds(60'000);
  service.add_extension("alpha", R"({"on_shutdown":{"sleep":60}})");
  service.start();
  service.invoke("1");
  service.wait_for(Kind::invocation_ended);
  service.post([](Service& running) { running.stop([] {}); });
  service.wait_for(
      [](const Observation& what) { return what.kind == Kind::process_exited && what.process == "bootstrap"; });
  service.post([](Service& running) { running.kill(); });
  service.wait_for(Kind::shutdown_ended);
}

TEST_CASE("an unreadable extension folder and a taken port are told by start()") {
  boost::asio::io_context io;
  Settings settings;
  settings.listen.port = 0;
  settings.extension_folders = {"/nonexistent"};
  {
    Service service(io, settings, {});
    auto started = service.start();
    REQUIRE_FALSE(started.has_value());
    CHECK(started.error().code == mayfly::core::Errc::not_found);
    CHECK(started.error().message.find("/nonexistent") != std::string::npos);
  }
  RunningService other;
  other.start();
  settings.extension_folders.clear();
  settings.listen = other.origin();
  Service service(io, settings, {});
  auto started = service.start();
  REQUIRE_FALSE(started.has_value());
  CHECK(started.error().code == mayfly::core::Errc::refused);
}
