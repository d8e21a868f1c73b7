// What relaying invocations costs at least: takes a caller's request, gives it to
// the function's `next`, and its response to the caller. One thread, one caller
// and one function at a time, blocking sockets, nothing looked at that could be
// left alone. What `mayfly run` is measured against.
//
//   bare_relay PROGRAM [ARGUMENT...]
//
// Prints the port that callers use; ends when its standard input does.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "message.h"

namespace {

struct Listener {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int port = 0;

  Listener() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) || listen(fd, 8)) std::exit(1);
    getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
  }
  // Ends the program when standard input does.
  int accept() const {
    pollfd wanted[2] = {{fd, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    do {
      poll(wanted, 2, -1);
    } while (wanted[0].revents == 0 && wanted[1].revents == 0);
    if (wanted[1].revents != 0) std::exit(0);
    int peer = accept4(fd, nullptr, nullptr, SOCK_CLOEXEC), on = 1;
    setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return peer;
  }
};

std::string head(const char* status, const char* more, std::size_t body_bytes) {
  return "HTTP/1.1 " + std::string(status) + "\r\nContent-Type: application/json\r\n" + more +
         "Content-Length: " + std::to_string(body_bytes) + "\r\n\r\n";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  Listener callers, runtimes;
  std::string api = "AWS_LAMBDA_RUNTIME_API=127.0.0.1:" + std::to_string(runtimes.port), handler = "_HANDLER=x";
  char* variables[] = {api.data(), handler.data(), nullptr};
  pid_t child;
  if (posix_spawn(&child, argv[1], nullptr, nullptr, argv + 1, variables) != 0) return 1;
  std::atexit([] { kill(0, SIGTERM); });
  signal(SIGTERM, [](int) { _exit(0); });
  std::printf("%d\n", callers.port);
  std::fflush(stdout);

  constexpr const char* kEventFields =
      "Lambda-Runtime-Aws-Request-Id: 8f3c41d2-0000-4000-8000-000000000000\r\n"
      "Lambda-Runtime-Deadline-Ms: 9999999999999\r\n"
      "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:123456789012:function:function\r\n";
  bench::Messages runtime(runtimes.accept());
  runtime.receive();  // next
  for (;;) {
    bench::Messages caller(callers.accept());
    while (caller.receive()) {
      runtime.send(head("200 OK", kEventFields, caller.body().size()), caller.body());
      runtime.receive();  // response
      caller.send(head("200 OK", "", runtime.body().size()), runtime.body());
      runtime.send(head("202 Accepted", "", 0), {});
      runtime.receive();  // next
    }
  }
}
