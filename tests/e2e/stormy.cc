// The function and the extensions of a storm: small and fast to start, so that
// they can be killed often.
//
//   stormy             a runtime of AWS_LAMBDA_MAX_CONCURRENCY workers, or one
//   stormy extension NAME
//
// An event is "ID ACT MS": after MS milliseconds it does ACT and answers "ID".
// What happens in Init, or to an extension, is asked by files in STORM_FOLDER, each
// of which is followed once: init-ACT, extension-init-ACT, extension-ACT.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/bench/message.h"

namespace {

using Fields = std::string;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

const std::string kApi = variable("AWS_LAMBDA_RUNTIME_API");

int connect_to_api() {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(static_cast<unsigned short>(std::stoi(kApi.substr(kApi.find(':') + 1))));
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) _exit(10);
  return fd;
}

std::string field(std::string_view head, std::string_view name) {
  auto at = head.find(std::string(name) + ": ");
  if (at == head.npos) return {};
  at += name.size() + 2;
  return std::string(head.substr(at, head.find('\r', at) - at));
}

// One connection to the APIs.
class Api {
 public:
  void send(const std::string& line, const std::string& fields, std::string_view body) {
    auto head = line + " HTTP/1.1\r\nHost: " + kApi + "\r\n" + fields +
                "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
    if (!messages_->send(head, body)) _exit(11);
  }
  void send_raw(std::string_view text) {
    if (!messages_->send(text, {})) _exit(11);
  }
  int receive() {
    if (!messages_->receive()) _exit(12);
    return std::stoi(std::string(messages_->head().substr(9, 3)));
  }
  int ask(const std::string& line, const std::string& fields = {}, std::string_view body = {}) {
    send(line, fields, body);
    return receive();
  }
  void reconnect() { messages_ = std::make_unique<bench::Messages>(connect_to_api()); }
  std::string_view head() const { return messages_->head(); }
  std::string_view body() const { return messages_->body(); }

 private:
  std::unique_ptr<bench::Messages> messages_ = std::make_unique<bench::Messages>(connect_to_api());
};

// True for whoever comes first.
bool is_asked_to(const std::string& what) {
  static const std::string folder = variable("STORM_FOLDER");
  return unlink((folder + "/" + what).c_str()) == 0;
}

void say(const std::string& line) {
  auto text = line + "\n";
  [[maybe_unused]] auto n = write(1, text.data(), text.size());
}

[[noreturn]] void hang() {
  for (;;) pause();
}

void spawn() {
  if (fork() != 0) return;
  setsid();
  std::signal(SIGTERM, SIG_IGN);
  hang();
}

// What ends or stops this process; nothing for other words.
void fail_by(std::string_view act) {
  if (act == "exit") _exit(3);
  if (act == "leave") _exit(0);
  if (act == "segfault") std::raise(SIGSEGV);
  if (act == "kill") std::raise(SIGKILL);
  if (act == "hang") hang();
  if (act == "stop") std::raise(SIGSTOP);
}

// ---- the runtime

const std::string kInvocation = "POST /2018-06-01/runtime/invocation/";
const std::string kStreaming = "Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n";

// {"errorType":"Function.Storm"}, in base64.
const std::string kErrorTrailers =
    "0\r\nLambda-Runtime-Function-Error-Type: Function.Storm\r\n"
    "Lambda-Runtime-Function-Error-Body: eyJlcnJvclR5cGUiOiJGdW5jdGlvbi5TdG9ybSJ9\r\n\r\n";

std::string chunk(std::string_view bytes) {
  char size[16];
  std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  return size + std::string(bytes) + "\r\n";
}

void stream(Api& api, const std::string& id, std::string_view act) {
  auto head = kInvocation + id + "/response HTTP/1.1\r\nHost: " + kApi + "\r\n" + kStreaming;
  if (act == "stream-error")
    head += "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n";
  api.send_raw(head + "\r\n" + chunk("\"" + id.substr(0, 18)));
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  if (act == "stream-exit") _exit(4);
  if (act == "stream-cut") return api.reconnect();
  if (act == "stream-hang") hang();
  api.send_raw(chunk(id.substr(18) + "\""));
  api.send_raw(act == "stream-error" ? kErrorTrailers : std::string("0\r\n\r\n"));
  api.receive();
}

void serve(Api& api, const std::string& request_id, std::string_view event) {
  auto id = std::string(event.substr(1, event.find(' ') - 1));  // behind the quote
  event.remove_prefix(id.size() + 2);
  auto act = event.substr(0, event.find(' '));
  auto ms = std::atoi(std::string(event.substr(act.size() + 1)).c_str());
  say("ran " + id);
  if (act == "noise") {
    for (int i = 0; i < 300; ++i) say("noise " + std::to_string(i));
  }
  if (act == "spawn") spawn();
  std::this_thread::sleep_for(std::chrono::milliseconds(ms));
  fail_by(act);
  const std::string answer = "\"" + id + "\"", response = kInvocation + request_id + "/response";
  if (act.starts_with("stream")) return stream(api, request_id, act);
  if (act == "error") {
    api.ask(kInvocation + request_id + "/error", "Lambda-Runtime-Function-Error-Type: Function.Storm\r\n",
            R"({"errorType":"Function.Storm","errorMessage":)" + answer + "}");
    return;
  }
  if (act == "other") api.ask(kInvocation + "11111111-1111-4111-8111-111111111111/response", {}, "\"nobody's\"");
  if (act == "half") {
    api.send_raw(response + " HTTP/1.1\r\nHost: " + kApi + "\r\nContent-Length: 100\r\n\r\n\"half");
    api.reconnect();
  }
  api.ask(response, {}, answer);
  if (act == "twice") api.ask(response, {}, "\"again\"");
  if (act == "then-exit") _exit(5);
}

[[noreturn]] void work() {
  Api api;
  for (;;) {
    if (api.ask("GET /2018-06-01/runtime/invocation/next") != 200) _exit(13);
    std::string event(api.body());
    serve(api, field(api.head(), "Lambda-Runtime-Aws-Request-Id"), event);
  }
}

void run_function() {
  for (const char* act : {"exit", "leave", "segfault", "hang", "stop"}) {
    if (is_asked_to(std::string("init-") + act)) fail_by(act);
  }
  if (is_asked_to("init-error")) {
    Api().ask("POST /2018-06-01/runtime/init/error", "Lambda-Runtime-Function-Error-Type: Function.StormInit\r\n",
              R"({"errorType":"Function.StormInit","errorMessage":"no luck"})");
    _exit(1);
  }
  auto workers = std::max(1, std::atoi(variable("AWS_LAMBDA_MAX_CONCURRENCY").c_str()));
  std::vector<std::thread> others;
  for (int i = 1; i < workers; ++i) others.emplace_back(work);
  work();
}

// ---- an extension

// Takes telemetry; returns its port. Now and then it is slow, or refuses.
int listen_for_telemetry() {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener, 16) != 0) _exit(14);
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  std::thread([listener] {
    for (int n = 0;; ++n) {
      bench::Messages batch(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
      while (batch.receive()) {
        if (n % 16 == 7) std::this_thread::sleep_for(std::chrono::milliseconds(300));
        batch.send(n % 16 == 11 ? "HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n"
                                : "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                   {});
      }
    }
  }).detach();
  return ntohs(address.sin_port);
}

void run_extension(std::string name) {
  bool managed = variable("AWS_LAMBDA_INITIALIZATION_TYPE") == "lambda-managed-instances";
  for (const char* act : {"exit", "leave", "hang", "stop"}) {
    if (is_asked_to(std::string("extension-init-") + act)) fail_by(act);
  }
  Api api;
  if (api.ask("POST /2020-01-01/extension/register", "Lambda-Extension-Name: " + name + "\r\n",
              managed ? R"({"events":["SHUTDOWN"]})" : R"({"events":["INVOKE","SHUTDOWN"]})") != 200) {
    _exit(15);
  }
  auto me = "Lambda-Extension-Identifier: " + field(api.head(), "Lambda-Extension-Identifier") + "\r\n";
  if (is_asked_to("extension-init-error")) {
    api.ask("POST /2020-01-01/extension/init/error", me + "Lambda-Extension-Function-Error-Type: Extension.Storm\r\n");
    _exit(1);
  }
  auto destination = "http://sandbox.localdomain:" + std::to_string(listen_for_telemetry());
  api.ask("PUT /2022-07-01/telemetry", me,
          std::string(R"({"schemaVersion":")") + (managed ? "2025-01-29" : "2022-12-13") +
              R"(","types":["platform","function"],"buffering":{"maxItems":1000,"maxBytes":262144,"timeoutMs":25},)"
              R"("destination":{"protocol":"HTTP","URI":")" +
              destination + "\"}}");
  for (;;) {
    if (api.ask("GET /2020-01-01/extension/event/next", me) != 200) _exit(16);
    if (api.body().find("SHUTDOWN") != api.body().npos) {
      if (is_asked_to("extension-linger")) hang();
      _exit(0);
    }
    for (const char* act : {"exit", "leave", "segfault", "hang", "stop"}) {
      if (is_asked_to(std::string("extension-") + act)) fail_by(act);
    }
    if (is_asked_to("extension-error")) {
      api.ask("POST /2020-01-01/extension/exit/error",
              me + "Lambda-Extension-Function-Error-Type: Extension.Storm\r\n");
      _exit(1);
    }
  }
}

}  // namespace

int main(int count, char** words) {
  std::signal(SIGPIPE, SIG_IGN);
  if (count > 2) run_extension(words[2]);
  run_function();
}
