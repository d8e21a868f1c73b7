// Calls a function through the Invoke API, on one connection a thread, as fast as
// it answers.
//
//   invoke_load PORT PAYLOAD_BYTES WARM_UP INVOCATIONS CALLERS
//
// Prints one JSON line: calls a second of all callers together, and the median
// and 99th percentile of a call in microseconds.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "message.h"

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void die(const char* what, std::string_view text = {}) {
  std::fprintf(stderr, "invoke_load: %s\n%.*s\n", what, static_cast<int>(text.size()), text.data());
  std::exit(1);
}

void call(int port, std::size_t payload_bytes, std::size_t invocations, std::vector<double>& taken_us) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(static_cast<unsigned short>(port));
  bench::Messages peer(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(peer.fd(), reinterpret_cast<sockaddr*>(&to), sizeof to)) die("cannot connect");
  int on = 1;
  setsockopt(peer.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  std::string payload = '"' + std::string(payload_bytes - 2, 'x') + '"';
  std::string head =
      "POST /2015-03-31/functions/function/invocations HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) +
      "\r\nContent-Length: " + std::to_string(payload.size()) + "\r\n\r\n";
  for (std::size_t i = 0; i < invocations; ++i) {
    auto begin = Clock::now();
    if (!peer.send(head, payload) || !peer.receive()) die("the connection was closed");
    taken_us.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
    if (peer.body() != payload) die("not the payload came back", peer.head());
  }
}

using Taken = std::vector<std::vector<double>>;  // microseconds, by caller

// All callers at once; how long that took, in seconds.
double run(int port, std::size_t payload_bytes, std::size_t invocations, std::size_t callers, Taken& each) {
  each.assign(callers, {});
  std::vector<std::thread> threads;
  auto begin = Clock::now();
  for (auto& one : each) {
    one.reserve(invocations / callers);
    threads.emplace_back([&] { call(port, payload_bytes, invocations / callers, one); });
  }
  for (auto& thread : threads) thread.join();
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double quantile(const std::vector<double>& sorted, double share) {
  return sorted.empty() ? 0 : sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) die("usage: invoke_load PORT PAYLOAD_BYTES WARM_UP INVOCATIONS CALLERS");
  auto number = [&](int i) { return std::strtoul(argv[i], nullptr, 10); };
  int port = std::atoi(argv[1]);
  Taken each;
  run(port, number(2), number(3), number(5), each);
  double seconds = run(port, number(2), number(4), number(5), each);
  std::vector<double> all;
  for (const auto& one : each) all.insert(all.end(), one.begin(), one.end());
  std::ranges::sort(all);
  std::printf("{\"calls_per_s\":%.0f,\"p50_us\":%.1f,\"p99_us\":%.1f}\n", static_cast<double>(number(4)) / seconds,
              quantile(all, 0.5), quantile(all, 0.99));
}
