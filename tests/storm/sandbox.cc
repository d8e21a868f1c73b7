#include "sandbox.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

namespace storm {
namespace {

constexpr milliseconds kStartPatience{60'000};
constexpr int kDeliveryPatienceS = 20;  // it may be frozen meanwhile, but never for so long

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "sandbox: %s\n", what.c_str());
  std::exit(1);
}

int open_listener(int& port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) || listen(fd, 8)) die("cannot listen on loopback");
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  port = ntohs(address.sin_port);
  return fd;
}

std::int64_t wall_ms() {
  return std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// What `text` says behind `name`, as a number.
long number_behind(std::string_view text, std::string_view name) {
  auto at = text.find(name);
  return at == text.npos ? 0 : std::atol(std::string(text.substr(at + name.size(), 20)).c_str());
}

std::string slurp(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

Sandbox::Sandbox(Options options) : options_(std::move(options)) {
  api_ = open_listener(api_port_);
  std::filesystem::create_directories(options_.folder + "/tmp");
}

Sandbox::~Sandbox() {
  if (running()) kill();
  close(api_);
}

void Sandbox::spawn() {
  std::vector<std::string> texts = options_.variables;
  texts.insert(texts.end(),
               {"AWS_LAMBDA_RUNTIME_API=127.0.0.1:" + std::to_string(api_port_), "AWS_LAMBDA_FUNCTION_NAME=storm",
                "AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128",
                "AWS_LAMBDA_LOG_FORMAT=JSON", "AWS_REGION=eu-central-1", "PATH=/usr/bin:/bin", "TZ=:UTC"});
  std::vector<char*> environment;
  for (auto& text : texts) environment.push_back(text.data());
  environment.push_back(nullptr);
  const std::string out = options_.folder + "/out", err = options_.folder + "/err";
  char* arguments[] = {options_.program.data(), nullptr};
  cpu_set_t processors;
  CPU_ZERO(&processors);
  if (options_.processor >= 0) CPU_SET(static_cast<unsigned>(options_.processor), &processors);

  pid_ = fork();
  if (pid_ < 0) die("cannot fork");
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (options_.processor >= 0) sched_setaffinity(0, sizeof processors, &processors);
    dup2(open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDOUT_FILENO);
    dup2(open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDERR_FILENO);
    execve(arguments[0], arguments, environment.data());
    _exit(127);
  }
}

void Sandbox::start() {
  extension_.reset();
  telemetry_.reset();
  telemetry_port_ = 0;
  next_pending_ = frozen_ = false;
  spawn();
  if (!wait_next(kStartPatience)) die("no `next` from " + options_.program + ": " + errors());
}

bool Sandbox::running() {
  reap(false);
  return pid_ > 0;
}

void Sandbox::reap(bool wait) {
  if (pid_ <= 0 || waitpid(pid_, &status_, wait ? 0 : WNOHANG) != pid_) return;
  pid_ = -1;
  extension_.reset();
  telemetry_.reset();
  next_pending_ = frozen_ = false;
}

void Sandbox::kill() {
  ::kill(pid_, SIGKILL);
  reap(true);
}

void Sandbox::freeze() {
  if (!running()) return;
  frozen_ = true;
  ::kill(pid_, SIGSTOP);
}

void Sandbox::thaw() {
  if (!frozen_) return;
  frozen_ = false;
  ::kill(pid_, SIGCONT);
}

bool Sandbox::wait_end(milliseconds patience) {
  if (!running()) return true;
  int end = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  pollfd ended{end, POLLIN, 0};
  bool by_itself = poll(&ended, 1, static_cast<int>(patience.count())) == 1;
  close(end);
  if (!by_itself) ::kill(pid_, SIGKILL);
  reap(true);
  return by_itself;
}

std::string Sandbox::errors() const { return slurp(options_.folder + "/err"); }

// ---- the Extensions API

bool Sandbox::wait_next(milliseconds patience) {
  auto until = Clock::now() + patience;
  do {
    if (next_pending_) return true;
    auto left = std::chrono::ceil<milliseconds>(until - Clock::now());
    if (!serve_one(std::max(left, milliseconds{0}))) return false;
  } while (next_pending_ || Clock::now() < until);
  return next_pending_;
}

// One request, a connection taken, or one lost. False: none came, or the program has ended.
bool Sandbox::serve_one(milliseconds patience) {
  pollfd fds[2] = {{api_, POLLIN, 0}, {extension_ ? extension_->fd() : -1, POLLIN, 0}};
  // A program that ends before it connects makes no socket readable.
  auto slice = extension_ ? patience : std::min(patience, milliseconds{20});
  if (poll(fds, 2, static_cast<int>(slice.count())) == 0) return running();
  if (fds[0].revents != 0) {
    int fd = accept4(api_, nullptr, nullptr, SOCK_CLOEXEC);
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    extension_ = std::make_unique<bench::Messages>(fd);
    return true;
  }
  if (!extension_->receive()) {
    extension_.reset();
    return running();
  }
  auto line = extension_->head().substr(0, extension_->head().find("\r\n"));
  if (line.starts_with("GET /2020-01-01/extension/event/next ")) {
    next_pending_ = true;
  } else if (line.starts_with("POST /2020-01-01/extension/register ")) {
    answer("200 OK\r\nLambda-Extension-Identifier: 03a4e1b2-8d6e-4f2c-9a57-c1b0d9e8f7a6",
           R"({"functionName":"storm","functionVersion":"$LATEST","handler":"h","accountId":"123456789012"})");
  } else if (line.starts_with("PUT /2022-07-01/telemetry ")) {
    telemetry_port_ = static_cast<int>(number_behind(extension_->body(), "sandbox.localdomain:"));
    answer("200 OK", "\"OK\"");
  } else {
    die("unexpected request: " + std::string(line) + " " + std::string(extension_->body()));
  }
  return true;
}

void Sandbox::answer(std::string_view head, std::string_view body) {
  std::string text = "HTTP/1.1 ";
  text.append(head).append("\r\nContent-Type: application/json\r\nContent-Length: ");
  text.append(std::to_string(body.size())).append("\r\n\r\n");
  static_cast<void>(extension_->send(text, body));
}

void Sandbox::invoke(std::string_view request_id, milliseconds timeout) {
  next_pending_ = false;
  std::string body = R"({"eventType":"INVOKE","deadlineMs":)" + std::to_string(wall_ms() + timeout.count()) +
                     R"(,"requestId":")" + std::string(request_id) +
                     R"(","invokedFunctionArn":"arn:aws:lambda:eu-central-1:123456789012:function:storm",)"
                     R"("tracing":{"type":"X-Amzn-Trace-Id","value":""}})";
  answer("200 OK\r\nLambda-Extension-Event-Identifier: 6ff0f2f8-35f2-4d3a-8d6b-1b1f3a4c5d6e", body);
}

void Sandbox::send_shutdown(std::string_view reason, milliseconds budget) {
  next_pending_ = false;
  answer("200 OK", R"({"eventType":"SHUTDOWN","shutdownReason":")" + std::string(reason) + R"(","deadlineMs":)" +
                       std::to_string(wall_ms() + budget.count()) + "}");
}

// ---- the Telemetry API

bool Sandbox::connect_listener() {
  if (telemetry_port_ == 0) return false;
  if (telemetry_) return true;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(telemetry_port_));
  timeval patience{kDeliveryPatienceS, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    close(fd);
    return false;
  }
  telemetry_ = std::make_unique<bench::Messages>(fd);
  return true;
}

namespace {
std::string delivery_head(std::size_t bytes) {
  return "POST / HTTP/1.1\r\nHost: sandbox.localdomain\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(bytes) + "\r\n\r\n";
}
}  // namespace

int Sandbox::deliver(std::string_view batch) {
  if (!connect_listener()) return 0;
  if (!telemetry_->send(delivery_head(batch.size()), batch) || !telemetry_->receive()) {
    telemetry_.reset();
    return 0;
  }
  return static_cast<int>(number_behind(telemetry_->head(), "HTTP/1.1 "));
}

void Sandbox::deliver_part(std::string_view batch, std::size_t bytes) {
  telemetry_.reset();
  if (connect_listener()) static_cast<void>(telemetry_->send(delivery_head(batch.size()), batch.substr(0, bytes)));
  telemetry_.reset();
}

// ---- /proc

std::chrono::nanoseconds Sandbox::cpu() const {
  clockid_t clock;
  timespec used{};
  if (clock_getcpuclockid(pid_, &clock) == 0) clock_gettime(clock, &used);
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

long Sandbox::memory_kib(const char* field) const {
  return number_behind(slurp("/proc/" + std::to_string(pid_) + "/status"), field);
}

std::size_t Sandbox::descriptors() const {
  std::error_code none;
  std::filesystem::directory_iterator all("/proc/" + std::to_string(pid_) + "/fd", none);
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

}  // namespace storm
