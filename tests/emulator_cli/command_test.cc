// The binary itself: what it writes where, and how it leaves.

#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "folder.h"

namespace mayfly::emulator::cli {
namespace {

using test::Folder;

// A mayfly that runs in `folder`, its streams in files there.
class Mayfly {
 public:
  Mayfly(const Folder& folder, std::vector<std::string> words, const std::string& input = "") : folder_(folder) {
    folder.write("stdin", input);
    words.insert(words.begin(), MAYFLY_BINARY);
    pid_ = fork();
    if (pid_ == 0) {
      if (chdir(folder.path.c_str()) != 0) _exit(99);
      dup2(open("stdin", O_RDONLY), 0);
      dup2(open("stdout", O_WRONLY | O_CREAT | O_TRUNC, 0644), 1);
      dup2(open("stderr", O_WRONLY | O_CREAT | O_TRUNC, 0644), 2);
      std::vector<char*> argv;
      for (std::string& word : words) argv.push_back(word.data());
      argv.push_back(nullptr);
      execv(MAYFLY_BINARY, argv.data());
      _exit(99);
    }
  }
  ~Mayfly() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }
  Mayfly(const Mayfly&) = delete;
  Mayfly& operator=(const Mayfly&) = delete;

  void signal(int number) const { kill(pid_, number); }
  // Exit code; 128 and the signal's number when one ended it.
  int wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  // Waits until a file of the folder is there; its text.
  std::string file(const std::string& name) const {
    for (int i = 0; i < 2'000; ++i) {
      if (std::filesystem::exists(folder_.path / name)) return folder_.read(name);
      usleep(5'000);
    }
    return "";
  }

 private:
  const Folder& folder_;
  pid_t pid_ = 0;
};

struct Ended {
  int code;
  std::string out, err;
};

Ended run(const Folder& folder, std::vector<std::string> words, const std::string& input = "") {
  Mayfly mayfly(folder, std::move(words), input);
  int code = mayfly.wait();
  return {code, folder.read("stdout"), folder.read("stderr")};
}

// A server that gives every request the same answer.
class OneAnswer {
 public:
  explicit OneAnswer(std::string answer) : answer_(std::move(answer)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(listen(listener_, 4) == 0);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = std::to_string(ntohs(address.sin_port));
    thread_ = std::thread([this] { serve(); });
  }
  ~OneAnswer() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }

  const std::string& port() const { return port_; }
  const std::string& request() const { return request_; }

 private:
  void serve() {
    for (int fd; (fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0; close(fd)) {
      std::string got;
      char block[4096];
      for (ssize_t n; (n = read(fd, block, sizeof block)) > 0;) {
        got.append(block, static_cast<std::size_t>(n));
        auto end = got.find("\r\n\r\n");
        auto length = got.find("Content-Length: ");
        if (end == got.npos || length == got.npos) continue;
        if (got.size() >= end + 4 + std::stoul(got.substr(length + 16))) break;
      }
      request_ = got;
      if (send(fd, answer_.data(), answer_.size(), MSG_NOSIGNAL) < 0) continue;
    }
  }

  const std::string answer_;
  int listener_ = -1;
  std::string port_, request_;
  std::thread thread_;
};

std::string http(const std::string& status, const std::string& fields, const std::string& body) {
  return "HTTP/1.1 " + status + "\r\n" + fields + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

// Answers `body` for `calls` events; needs only what every Debian has.
std::string bootstrap(const std::string& in_the_loop) {
  return "#!/usr/bin/python3\nimport http.client, os, sys, time\n"
         "c = http.client.HTTPConnection(os.environ['AWS_LAMBDA_RUNTIME_API'])\n"
         "def post(id, what, body, headers={}):\n"
         "    c.request('POST', '/2018-06-01/runtime/invocation/' + id + '/' + what, body, headers)\n"
         "    c.getresponse().read()\n"
         "while True:\n"
         "    c.request('GET', '/2018-06-01/runtime/invocation/next')\n"
         "    r = c.getresponse(); event = r.read(); id = r.getheader('Lambda-Runtime-Aws-Request-Id')\n"
         "    " +
         in_the_loop + "\n";
}

const std::string kEcho = bootstrap("print('seen', flush=True); post(id, 'response', event)");

}  // namespace

TEST_CASE("help goes to stdout and is a success") {
  Folder folder;
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{}, {"--help"}, {"help"}, {"help", "run"}, {"invoke", "--help"}, {"--version"}}) {
    auto ended = run(folder, words);
    CHECK(ended.code == 0);
    CHECK_FALSE(ended.out.empty());
    CHECK(ended.err.empty());
  }
}

TEST_CASE("usage errors leave with 2 and say nothing on stdout") {
  Folder folder;
  for (const std::vector<std::string>& words : {std::vector<std::string>{"rnu"},
                                                {"run", "--lisen"},
                                                {"run", "--timeout", "0"},
                                                {"run", "./bootstrap"},
                                                {"invoke", "--payload", "{"},
                                                {"invoke", "--payload", "@nowhere"},
                                                {"invoke", "--timeout", "3"},
                                                {"run", "--fail-on", "rain"},
                                                {"run", "--env", "AWS_REGION=x", "--", "sh"},
                                                {"invoke", "--endpoint", "https://x"},
                                                {"completion", "tcsh"},
                                                {"run", "--"},
                                                {"invoke", "--endpoint", "1", "--", "sh"}}) {
    auto ended = run(folder, words);
    INFO(words.back());
    CHECK(ended.code == 2);
    CHECK(ended.out.empty());
    CHECK(ended.err.starts_with("error: "));
  }
}

TEST_CASE("a payload that is not JSON is shown with a caret") {
  Folder folder;
  CHECK(run(folder, {"invoke", "--payload", "{\"id\" 17}"}).err ==
        "error: the payload is not JSON: line 1, column 7: expected ':'\n"
        "  why {\"id\" 17}\n"
        "            ^\n"
        "  try --payload @FILE or -   (--unchecked sends it as it is)\n");
}

TEST_CASE("nothing to run leaves with 5") {
  Folder folder;
  auto none = run(folder, {"run"});
  CHECK(none.code == 5);
  CHECK(none.err.starts_with("error: no function to run in this folder\n"));
  folder.write("bootstrap", "#!/bin/sh\n", 0644);
  CHECK(run(folder, {"run"}).code == 5);
  CHECK(run(folder, {"invoke", "--", "./missing"}).code == 5);
  CHECK(run(folder, {"run", "--extensions", "nowhere", "--", "sh"}).code == 5);
}

TEST_CASE("a port in use leaves with 3 and names the holder") {
  Folder folder;
  OneAnswer holder("");
  auto ended = run(folder, {"run", "--listen", holder.port(), "--", "sh"});
  CHECK(ended.code == 3);
  CHECK(ended.err.find("port " + holder.port() + " is taken by ") != std::string::npos);
  CHECK(ended.err.find("(pid " + std::to_string(getpid()) + ")") != std::string::npos);
}

TEST_CASE("nothing that answers, and something else that answers, leave with 3") {
  Folder folder;
  std::string free_port;
  {
    OneAnswer gone("");
    free_port = gone.port();
  }
  auto nothing = run(folder, {"invoke", "--endpoint", free_port});
  CHECK(nothing.code == 3);
  CHECK(nothing.err.starts_with("error: nothing answers at http://127.0.0.1:" + free_port));
  for (const std::string& answer :
       {http("404 Not Found", "Content-Type: text/html\r\n", "<h1>"), std::string("SSH-2.0-OpenSSH\r\n\r\n")}) {
    OneAnswer other(answer);
    auto ended = run(folder, {"invoke", "--endpoint", other.port()});
    CHECK(ended.code == 3);
    CHECK(ended.err.find("is no Lambda endpoint") != std::string::npos);
  }
}

TEST_CASE("an answer that breaks off leaves with 3") {
  Folder folder;
  OneAnswer broken("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
  auto ended = run(folder, {"invoke", "--endpoint", broken.port()});
  CHECK(ended.code == 3);
  CHECK(ended.out.empty());
}

TEST_CASE("an error of the Invoke API leaves with 4 and its own text") {
  Folder folder;
  OneAnswer api(http("404 Not Found", "x-amzn-ErrorType: ResourceNotFoundException\r\n",
                     "{\"Type\":\"User\",\"Message\":\"Function not found: orders\"}"));
  auto ended = run(folder, {"invoke", "orders", "--endpoint", api.port()});
  CHECK(ended.code == 4);
  CHECK(ended.err.find("404 ResourceNotFoundException") != std::string::npos);
  CHECK(ended.err.find("Function not found: orders") != std::string::npos);
}

TEST_CASE("the answer reaches stdout byte for byte, its figures stderr") {
  Folder folder;
  OneAnswer api(http("200 OK", "x-amzn-RequestId: 1\r\nX-Amz-Executed-Version: $LATEST\r\n", " {\"a\" : 1.0} "));
  auto ended = run(folder, {"invoke", "orders", "--endpoint", api.port(), "-e", "-"}, "{\"id\":17}");
  CHECK(ended.code == 0);
  CHECK(ended.out == " {\"a\" : 1.0} ");
  CHECK(ended.err.starts_with("200"));
  CHECK(api.request().starts_with("POST /2015-03-31/functions/orders/invocations HTTP/1.1\r\n"));
  CHECK(api.request().ends_with("\r\n\r\n{\"id\":17}"));
  CHECK(run(folder, {"invoke", "-q", "--endpoint", api.port()}).err.empty());
}

TEST_CASE("a function error leaves with 1, its answer still on stdout") {
  Folder folder;
  OneAnswer api(http("200 OK", "x-amzn-RequestId: 1\r\nX-Amz-Function-Error: Unhandled\r\n",
                     "{\"errorType\":\"E\",\"errorMessage\":\"m\",\"stackTrace\":[\"f()  a.cc:1\"]}"));
  auto ended = run(folder, {"invoke", "--endpoint", api.port()});
  CHECK(ended.code == 1);
  CHECK(ended.out.starts_with("{\"errorType\""));
  CHECK(ended.err.starts_with("error: the function failed (Unhandled): E: m\n  at  f()  a.cc:1\n"));
}

TEST_CASE("invoke --json is one object, also for payloads that are no JSON") {
  Folder folder;
  OneAnswer json(http("200 OK", "x-amzn-RequestId: 1\r\n", "{\n\"a\":1}")),
      text(http("200 OK", "x-amzn-RequestId: 1\r\n", "plain"));
  CHECK(run(folder, {"invoke", "--json", "--endpoint", json.port()}).out ==
        "{\"StatusCode\":200,\"RequestId\":\"1\",\"Payload\":{ \"a\":1}}\n");
  CHECK(run(folder, {"invoke", "--json", "--endpoint", text.port()}).out ==
        "{\"StatusCode\":200,\"RequestId\":\"1\",\"Payload\":\"plain\"}\n");
}

TEST_CASE("run says where it listens, serves, and leaves with 0 when told to stop") {
  Folder folder;
  folder.write("bootstrap", kEcho, 0755);
  Mayfly service(folder, {"run", "--listen", "0", "--ready-file", "ready"});
  std::string url = service.file("ready");
  REQUIRE(url.starts_with("http://127.0.0.1:"));
  url.pop_back();
  Folder elsewhere;
  auto cold = run(elsewhere, {"invoke", "--endpoint", url, "--payload", "{\"n\":1}", "--tail"});
  CHECK(cold.code == 0);
  CHECK(cold.out == "{\"n\":1}");
  CHECK(cold.err.find("\nseen\n") != std::string::npos);
  CHECK(cold.err.find("200 cold  billed ") != std::string::npos);
  auto warm = run(elsewhere, {"invoke", "--endpoint", url, "--repeat", "3"});
  CHECK(warm.out == "{}\n{}\n{}\n");
  CHECK(warm.err.find("#3 200 warm") != std::string::npos);
  CHECK(warm.err.find("3 calls, 0 failed, billed ") != std::string::npos);
  service.signal(SIGTERM);
  CHECK(service.wait() == 0);
  CHECK(folder.read("stdout").find("4 calls, 0 errors, 0 throttles, ") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(folder.path / "ready"));
}

TEST_CASE("a private environment is started, called and gone, with the call's exit code") {
  Folder folder;
  folder.write("bootstrap", kEcho, 0755);
  auto good = run(folder, {"invoke", "--payload", "{\"n\":1}", "--", "./bootstrap"});
  CHECK(good.code == 0);
  CHECK(good.out == "{\"n\":1}");
  folder.write("bootstrap", bootstrap("post(id, 'error', '{\"errorType\":\"E\",\"errorMessage\":\"m\"}')"), 0755);
  CHECK(run(folder, {"invoke", "--", "./bootstrap"}).code == 1);
  folder.write("bootstrap", bootstrap("sys.exit(3)"), 0755);
  auto crash = run(folder, {"invoke", "--", "./bootstrap"});
  CHECK(crash.code == 1);
  CHECK(crash.out.find("Runtime.ExitError") != std::string::npos);
  CHECK(crash.err.find(" warm ") == std::string::npos);
}

TEST_CASE("a call that meets a new start after a crash is called re-init") {
  Folder folder;
  folder.write("bootstrap", bootstrap("sys.exit(3) if event == b'0' else post(id, 'response', event)"), 0755);
  Mayfly service(folder, {"run", "--listen", "0", "--ready-file", "ready", "--quiet"});
  std::string url = service.file("ready");
  REQUIRE_FALSE(url.empty());
  url.pop_back();
  auto says = [&](const char* payload) { return run(folder, {"invoke", "--endpoint", url, "--payload", payload}).err; };
  CHECK(says("1").find("200 cold  ") != std::string::npos);
  CHECK(says("0").find("200  billed") != std::string::npos);
  CHECK(says("1").find("200 re-init  ") != std::string::npos);
  CHECK(says("1").find("200 warm  ") != std::string::npos);
}

TEST_CASE("run --json writes an event a line, from ready to summary") {
  Folder folder;
  folder.write("bootstrap", kEcho, 0755);
  Mayfly service(folder, {"run", "--listen", "0", "--json", "--ready-file", "ready"});
  std::string url = service.file("ready");
  REQUIRE_FALSE(url.empty());
  url.pop_back();
  Folder elsewhere;
  CHECK(run(elsewhere, {"invoke", "--endpoint", url}).code == 0);
  service.signal(SIGINT);
  CHECK(service.wait() == 0);
  std::istringstream lines(folder.read("stdout"));
  std::vector<std::string> all;
  for (std::string line; std::getline(lines, line);) all.push_back(line);
  REQUIRE(all.size() > 3);
  for (const std::string& line : all) CHECK(line.starts_with("{\"time\":\""));
  for (const char* type : {"initStart", "initRuntimeDone", "initReport", "start", "runtimeDone", "report"}) {
    INFO(type);
    CHECK(std::ranges::count_if(all, [&](const std::string& line) {
            return line.find("\"type\":\"platform." + std::string(type) + "\",\"record\":{") != line.npos;
          }) == 1);
  }
  CHECK(all.front().find("\"type\":\"mayfly.ready\",\"record\":{\"listen\":\"" + url) != std::string::npos);
  CHECK(all.back().find("\"type\":\"mayfly.summary\",\"record\":{\"calls\":1,") != std::string::npos);
}

TEST_CASE("--fail-on makes a failed call the exit code of run") {
  Folder folder;
  folder.write("bootstrap", bootstrap("sys.exit(3)"), 0755);
  Mayfly service(folder, {"run", "--listen", "0", "--fail-on", "error", "--ready-file", "ready"});
  std::string url = service.file("ready");
  REQUIRE_FALSE(url.empty());
  url.pop_back();
  Folder elsewhere;
  CHECK(run(elsewhere, {"invoke", "--endpoint", url}).code == 1);
  service.signal(SIGTERM);
  CHECK(service.wait() == 1);
}

TEST_CASE("an interrupted private call leaves with 130 and nothing behind") {
  Folder folder;
  folder.write("bootstrap", bootstrap("open('here', 'w').write(str(os.getpid())); time.sleep(600)"), 0755);
  Mayfly mayfly(folder, {"invoke", "--timeout", "900", "--", "./bootstrap"});
  REQUIRE_FALSE(mayfly.file("here").empty());
  mayfly.signal(SIGINT);
  CHECK(mayfly.wait() == 130);
  CHECK(kill(std::stoi(folder.read("here")), 0) == -1);
}

TEST_CASE("a row of private calls ends when interrupted, wherever it stands") {
  Folder folder;
  folder.write("bootstrap", kEcho, 0755);
  for (int i = 0; i < 5; ++i) {
    std::filesystem::remove(folder.path / "stdout");
    Mayfly mayfly(folder, {"invoke", "--repeat", "1000000", "--", "./bootstrap"});
    for (int wait = 0; wait < 2'000 && folder.read("stdout").empty(); ++wait) usleep(5'000);
    mayfly.signal(SIGINT);
    CHECK(mayfly.wait() == 130);
  }
}

TEST_CASE("a second signal does not wait for who ignores the first") {
  Folder folder;
  folder.write("bootstrap", bootstrap("post(id, 'response', event)"), 0755);
  std::filesystem::create_directory(folder.path / "extensions");
  // Lives through everything but SIGKILL, and never answers SHUTDOWN.
  folder.write("extensions/stubborn",
               "#!/usr/bin/python3\nimport http.client, os, signal, time\n"
               "c = http.client.HTTPConnection(os.environ['AWS_LAMBDA_RUNTIME_API'])\n"
               "c.request('POST', '/2020-01-01/extension/register', '{\"events\":[\"SHUTDOWN\"]}', "
               "{'Lambda-Extension-Name': 'stubborn'})\n"
               "r = c.getresponse(); r.read(); id = r.getheader('Lambda-Extension-Identifier')\n"
               "c.request('GET', '/2020-01-01/extension/event/next', headers={'Lambda-Extension-Identifier': id})\n"
               "c.getresponse().read(); open(os.environ['MARK'], 'w').write('x'); time.sleep(600)\n",
               0755);
  Mayfly service(folder, {"run", "--listen", "0", "--extensions", "extensions", "--env",
                          "MARK=" + (folder.path / "told").string(), "--ready-file", "ready"});
  std::string url = service.file("ready");
  REQUIRE_FALSE(url.empty());
  url.pop_back();
  Folder elsewhere;
  REQUIRE(run(elsewhere, {"invoke", "--endpoint", url}).code == 0);
  service.signal(SIGINT);
  REQUIRE_FALSE(service.file("told").empty());
  service.signal(SIGINT);
  CHECK(service.wait() == 0);
  // Its 2 s were cut short: less than one, it is told in milliseconds.
  auto out = folder.read("stdout");
  CHECK_MESSAGE(out.find(" ms: 1 call, ") != out.npos, out);
}

TEST_CASE("with a reader gone, run ends quietly") {
  Folder folder;
  folder.write("bootstrap", kEcho, 0755);
  std::string command = std::string("cd ") + folder.path.string() + " && (" + MAYFLY_BINARY +
                        " run --listen 0 --ready-file ready; echo $? > code) | true";
  std::thread shell([&] { CHECK(std::system(command.c_str()) == 0); });
  Folder elsewhere;
  for (int i = 0; i < 2'000 && !std::filesystem::exists(folder.path / "code"); ++i) {
    std::string url = folder.read("ready");
    if (!url.empty()) {
      url.pop_back();
      run(elsewhere, {"invoke", "--endpoint", url});
    }
    usleep(5'000);
  }
  CHECK(folder.read("code") == "0\n");
  shell.join();
}

}  // namespace mayfly::emulator::cli
