// A Runtime API, and as much of the Extensions and Telemetry APIs as a start
// takes, with nothing in it but the measurement: one thread, one connection at a
// time, blocking sockets, answers made before the clock starts. What it costs
// itself is in every number and the same for every program measured.
//
//   bench_server PAYLOAD_BYTES WARM_UP INVOCATIONS PROGRAM [ARGUMENT...]
//
// Starts PROGRAM, gives it WARM_UP + INVOCATIONS events that are JSON strings of
// PAYLOAD_BYTES and prints one JSON line. Times are CLOCK_MONOTONIC; a cycle is
// from one `next` received to the following one, an invocation from the event
// sent to the response received. INVOCATIONS 0 ends at the first `next`; an
// extension's `event/next` ends it, too. PROGRAM gets Lambda's variables, and
// those of ours whose names begin with MAYFLY_TELEMETRY_ or OTEL_. With BENCH_CGROUP_PROCS, the cgroup.procs
// file of a cgroup, PROGRAM runs in that cgroup.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr int kGuardSeconds = 120;  // nothing measured takes so long: the program hangs

std::int64_t now_ns() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1'000'000'000LL + t.tv_nsec;
}

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "bench_server: %s\n", what);
  std::exit(1);
}

// The first number behind `name` in a file of /proc.
long proc_number(pid_t pid, const char* file, const char* name) {
  char path[64], text[4096];
  std::snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  if (n < 0) return 0;
  text[n] = 0;
  const char* at = std::strstr(text, name);
  return at ? std::atol(at + std::strlen(name)) : 0;
}

// On the processor, to the nanosecond; rusage counts ticks on many kernels.
// Of all its threads, those that have ended too.
long cpu_ns(pid_t pid) {
  clockid_t clock;
  timespec t;
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0) return 0;
  return t.tv_sec * 1'000'000'000L + t.tv_nsec;
}

// Pages that were touched for the first time, without reading a disk.
long page_faults(pid_t pid) {
  long faults = 0;
  char path[64];
  std::snprintf(path, sizeof path, "/proc/%d/stat", pid);
  if (FILE* stat = std::fopen(path, "re")) {
    if (std::fscanf(stat, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %ld", &faults) != 1) faults = 0;
    std::fclose(stat);
  }
  return faults;
}

class Server {
 public:
  Server() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), buffer_(1 << 20) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) || listen(listener_, 8)) die("cannot listen");
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }

  int port() const { return port_; }
  int connections() const { return connections_; }

  // Reads a whole request and drops its body. Returns its head; the view lives
  // until the next call. Empty: the program has ended.
  std::string_view request() {
    for (;;) {
      if (fd_ < 0) accept_one();
      if (fd_ < 0) return {};
      std::size_t have = 0;
      for (;;) {
        ssize_t n = recv(fd_, buffer_.data() + have, buffer_.size() - have, 0);
        if (n <= 0) break;
        have += static_cast<std::size_t>(n);
        std::string_view got(buffer_.data(), have);
        auto end = got.find("\r\n\r\n");
        if (end == got.npos) continue;
        if (!drop_body(got.substr(0, end), have - end - 4)) break;
        return got.substr(0, end);
      }
      close(fd_);
      fd_ = -1;
    }
  }

  std::size_t body_bytes() const { return body_bytes_; }

  void answer(std::string_view head, std::string_view body) {
    iovec parts[2] = {{const_cast<char*>(head.data()), head.size()}, {const_cast<char*>(body.data()), body.size()}};
    for (std::size_t left = head.size() + body.size(); left > 0;) {
      msghdr message{};
      message.msg_iov = parts;
      message.msg_iovlen = 2;
      ssize_t n = sendmsg(fd_, &message, MSG_NOSIGNAL);
      if (n < 0) return;
      left -= static_cast<std::size_t>(n);
      for (auto& part : parts) {
        auto taken = std::min(part.iov_len, static_cast<std::size_t>(n));
        part.iov_base = static_cast<char*>(part.iov_base) + taken;
        part.iov_len -= taken;
        n -= static_cast<ssize_t>(taken);
      }
    }
  }

 private:
  void accept_one() {
    pollfd p{listener_, POLLIN, 0};
    if (poll(&p, 1, kGuardSeconds * 1000) != 1) return;
    fd_ = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    ++connections_;
    int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    timeval guard{kGuardSeconds, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &guard, sizeof guard);
  }

  bool drop_body(std::string_view head, std::size_t have) {
    static constexpr std::string_view kName = "ontent-";  // Content-Length or content-length
    body_bytes_ = 0;
    for (auto at = head.find(kName); at != head.npos; at = head.find(kName, at + 1)) {
      auto rest = head.substr(at + kName.size());
      if (rest.starts_with("Length: ") || rest.starts_with("length: "))
        body_bytes_ = std::strtoul(rest.data() + 8, nullptr, 10);
    }
    // What is dropped lies behind the head, which must survive.
    char* behind = buffer_.data() + head.size() + 4;
    std::size_t room = buffer_.size() - head.size() - 4;
    if (head.find("ncoding: chunked") != head.npos) return drop_chunks(behind, have, room);
    while (have < body_bytes_) {
      ssize_t n = recv(fd_, behind, std::min(room, body_bytes_ - have), 0);
      if (n <= 0) return false;
      have += static_cast<std::size_t>(n);
    }
    return true;
  }

  // An answer whose length Go's client was not told.
  bool drop_chunks(char* bytes, std::size_t have, std::size_t room) {
    std::size_t skip = 0;  // the rest of a chunk, with its line end
    std::string size_line;
    for (;;) {
      for (std::size_t i = 0; i < have;) {
        if (skip > 0) {
          auto part = std::min(skip, have - i);
          skip -= part;
          i += part;
        } else if (size_line += bytes[i++]; size_line.ends_with("\r\n")) {
          auto size = std::strtoul(size_line.c_str(), nullptr, 16);
          if (size == 0) return true;  // its empty line comes in the same packet
          body_bytes_ += size;
          skip = size + 2;
          size_line.clear();
        }
      }
      ssize_t n = recv(fd_, bytes, room, 0);
      if (n <= 0) return false;
      have = static_cast<std::size_t>(n);
    }
  }

  int listener_;
  int fd_ = -1;
  int port_ = 0;
  int connections_ = 0;
  std::size_t body_bytes_ = 0;
  std::vector<char> buffer_;
};

pid_t start(char** command, int port, std::int64_t& started) {
  std::string api = "AWS_LAMBDA_RUNTIME_API=127.0.0.1:" + std::to_string(port);
  std::vector<std::string> variables{api,
                                     "_HANDLER=echo",
                                     "LAMBDA_TASK_ROOT=/var/task",
                                     "AWS_LAMBDA_FUNCTION_NAME=echo",
                                     "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
                                     "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128",
                                     "AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/echo",
                                     "AWS_LAMBDA_LOG_STREAM_NAME=s",
                                     "AWS_REGION=eu-central-1",
                                     "PATH=/usr/bin:/bin",
                                     "TZ=:UTC",
                                     "LANG=en_US.UTF-8",
                                     "MAYFLY_TELEMETRY_DESTINATIONS=otlp+http://127.0.0.1:9"};
  // What an extension is told beside that, by whoever measures; the first of two of one name counts.
  for (char** own = environ; *own; ++own) {
    std::string_view variable = *own;
    if (variable.starts_with("MAYFLY_TELEMETRY_") || variable.starts_with("OTEL_")) {
      variables.emplace(variables.begin(), variable);
    }
  }
  std::vector<char*> environment;
  for (auto& variable : variables) environment.push_back(variable.data());
  environment.push_back(nullptr);
  // As a sandbox does it: the program joins its share of the processor, then begins.
  if (const char* procs = std::getenv("BENCH_CGROUP_PROCS")) {
    int joined[2];
    if (pipe2(joined, O_CLOEXEC) != 0) die("pipe2");
    if (pid_t pid = fork(); pid != 0) {
      close(joined[1]);
      // To join takes milliseconds, which are not the program's.
      if (read(joined[0], &started, sizeof started) != sizeof started) die("cannot join the cgroup");
      close(joined[0]);
      return pid;
    }
    int fd = open(procs, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "0", 1) != 1) _exit(126);
    auto now = now_ns();
    if (write(joined[1], &now, sizeof now) != sizeof now) _exit(126);
    execve(command[0], command, environment.data());
    _exit(127);
  }
  pid_t pid;
  started = now_ns();
  if (posix_spawn(&pid, command[0], nullptr, nullptr, command, environment.data()) != 0)
    die("cannot start the program");
  return pid;
}

double percentile(std::vector<std::int64_t>& sorted, double p) {
  if (sorted.empty()) return 0;
  return double(sorted[std::min(sorted.size() - 1, static_cast<std::size_t>(double(sorted.size()) * p))]) / 1e3;
}

struct Measured {
  std::int64_t started = 0, first_next = 0;
  long start_faults = 0, start_cpu = 0, warm_cpu = 0, end_cpu = 0;
  std::vector<std::int64_t> cycles, invocations;
};

void serve(Server& server, pid_t pid, std::size_t bytes, int warm_up, int count, Measured& measured) {
  std::string event = '"' + std::string(std::max<std::size_t>(bytes, 2) - 2, 'x') + '"';
  std::string next =
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
      "Lambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\n"
      "Lambda-Runtime-Deadline-Ms: 4102444800000\r\n"
      "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-central-1:123456789012:function:echo\r\n"
      "Lambda-Runtime-Trace-Id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1\r\n"
      "Date: Sat, 21 Nov 2026 10:00:00 GMT\r\nContent-Length: " +
      std::to_string(event.size()) + "\r\n\r\n";
  constexpr std::string_view kAccepted =
      "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n";
  constexpr std::string_view kRegistered =
      "HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: 03a4e1b2-8d6e-4f2c-9a57-c1b0d9e8f7a6\r\nContent-Length: "
      "63\r\n\r\n";
  std::int64_t last_next = 0, sent = 0;
  for (int i = 0; i <= warm_up + count;) {
    auto head = server.request();
    auto now = now_ns();
    if (head.empty()) die("the program has ended or hangs");
    auto line = head.substr(0, head.find("\r\n"));
    if (line.find("/extension/register ") != line.npos) {
      server.answer(kRegistered, R"({"functionName":"echo","functionVersion":"1","handler":"bench"})");
    } else if (line.find("/telemetry ") != line.npos) {
      server.answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "OK");
    } else if (line.find("/next ") != line.npos) {
      if (measured.first_next == 0) {
        measured.first_next = now;
        measured.start_cpu = cpu_ns(pid);
        measured.start_faults = page_faults(pid);
        if (count == 0 || line.find("/event/") != line.npos) return;
      }
      if (i > warm_up) measured.cycles.push_back(now - last_next);
      if (i == warm_up) measured.warm_cpu = cpu_ns(pid);
      if (i++ == warm_up + count) break;
      last_next = now_ns();
      sent = last_next;
      server.answer(next, event);
    } else {
      if (line.find("/response ") == line.npos) die("neither next nor response");
      if (i > warm_up) measured.invocations.push_back(now - sent);
      if (server.body_bytes() != event.size()) die("the response is not the event");
      server.answer(kAccepted, "{\"status\":\"OK\"}\n");
    }
  }
  measured.end_cpu = cpu_ns(pid);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) die("usage: bench_server PAYLOAD_BYTES WARM_UP INVOCATIONS PROGRAM [ARGUMENT...]");
  int count = std::atoi(argv[3]);
  Server server;
  Measured m;
  pid_t pid = start(argv + 4, server.port(), m.started);
  serve(server, pid, std::strtoul(argv[1], nullptr, 10), std::atoi(argv[2]), count, m);
  long resident = proc_number(pid, "status", "VmRSS:"), peak = proc_number(pid, "status", "VmHWM:");
  kill(pid, SIGTERM);  // not SIGKILL: valgrind writes what it has counted
  kill(pid, SIGCONT);
  int status;
  waitpid(pid, &status, 0);
  std::sort(m.cycles.begin(), m.cycles.end());
  std::sort(m.invocations.begin(), m.invocations.end());
  std::printf(
      "{\"start_ms\":%.4f,\"start_cpu_ms\":%.4f,\"start_faults\":%ld,\"cycle_p50_us\":%.3f,\"cycle_p99_us\":%.3f,"
      "\"invoke_p50_us\":%.3f,"
      "\"invoke_p99_us\":%.3f,\"cpu_us\":%.3f,\"resident_kb\":%ld,\"peak_kb\":%ld,\"connections\":%d}\n",
      double(m.first_next - m.started) / 1e6, double(m.start_cpu) / 1e6, m.start_faults, percentile(m.cycles, .5),
      percentile(m.cycles, .99), percentile(m.invocations, .5), percentile(m.invocations, .99),
      count ? double(m.end_cpu - m.warm_cpu) / 1e3 / count : 0, resident, peak, server.connections());
}
