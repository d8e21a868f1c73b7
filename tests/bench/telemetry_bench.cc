// mayfly-telemetry in a sandbox, measured: what it adds to invocations, how many
// records it carries, what memory it takes.
//
//   telemetry_bench PROGRAM PROCESSOR MEASUREMENT [NAME=VALUE...]
//
// PROGRAM runs on PROCESSOR alone, its sandbox and its backend elsewhere; the
// values are its environment's. One JSON line is printed.
//
//   throughput   1,000,000 lines of 200 bytes, in deliveries of 1,000, through to the backend
//   after        what an invocation lasts beyond its response, one at a time
//   busy         the same with the next call always waiting
//   dead         the same with a backend that does not answer
//   memory       resident: at the start, after invocations, with 100,000 records for a dead backend
//   secure       resident after invocations over TLS, with the system's certificates known

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "bench/message.h"
#include "storm/record.h"
#include "storm/sandbox.h"
#include "storm/stub_backend.h"

namespace {

using storm::Clock;
using storm::Number;
using Milliseconds = std::chrono::duration<double, std::milli>;
using std::chrono::milliseconds;

constexpr milliseconds kLong{600'000};
// Lambda holds records back for so long; the least that an extension can ask for.
constexpr milliseconds kBuffer{25};
constexpr milliseconds kFunction{5};

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "telemetry_bench: %s\n", what);
  std::exit(1);
}

double at(std::vector<double> values, double p) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<std::size_t>(static_cast<double>(values.size()) * p))];
}

class Bench {
 public:
  Bench(std::string program, int processor, std::vector<std::string> variables)
      : folder_(make_folder()), variables_(variables), sandbox_({std::move(program), {}, folder_, processor}) {
    variables.push_back("MAYFLY_TELEMETRY_DESTINATIONS=otlp+http://127.0.0.1:" + std::to_string(backend_.port()));
    sandbox_.set_variables(std::move(variables));
  }
  ~Bench() { std::filesystem::remove_all(folder_); }

  void throughput() {
    constexpr std::size_t kRecords = 1'000'000, kWarmUp = 20'000, kInBatch = 1'000, kAhead = 12'000;
    storm::BatchTemplate batch(kInBatch);
    sandbox_.start();
    sandbox_.invoke(storm::request_id(0), kLong);
    Number next = 0;
    auto pump = [&](std::size_t until) {
      for (; next < until; next += kInBatch) {
        if (sandbox_.deliver(batch.numbered(next)) != 200) die("a delivery was not taken");
        // What waits in memory is not carried yet, and what does not fit would be dropped.
        if (next + kInBatch > kAhead) backend_.wait_kept(next + kInBatch - kAhead);
      }
      backend_.wait_kept(until);
    };
    pump(kWarmUp);
    auto cpu = sandbox_.cpu();
    auto began = Clock::now();
    pump(kWarmUp + kRecords);
    std::chrono::duration<double> took = Clock::now() - began;
    cpu = sandbox_.cpu() - cpu;
    std::printf("{\"records_per_s\":%.0f,\"cpu_ns_per_record\":%.1f,\"resident_kb\":%ld}\n", kRecords / took.count(),
                static_cast<double>(cpu.count()) / kRecords, sandbox_.memory_kib("VmHWM:"));
  }

  void after() {
    constexpr int kWarmUp = 5, kCounted = 60;
    sandbox_.start();
    std::vector<double> added, floor;
    for (int i = 0; i < kWarmUp + kCounted; ++i) {
      auto round_trip = exchange_alone();
      auto [took, told] = invoke();
      if (i < kWarmUp) continue;
      added.push_back(took);
      floor.push_back(told + round_trip);
    }
    std::printf("{\"floor_p50_ms\":%.3f,\"added_p50_ms\":%.3f,\"added_p99_ms\":%.3f}\n", at(floor, 0.5), at(added, 0.5),
                at(added, 0.99));
  }

  void busy() {
    constexpr int kWarmUp = 100, kCounted = 500;
    sandbox_.start();
    std::vector<double> added;
    for (int i = 0; i < kWarmUp + kCounted; ++i) {
      auto took = invoke().took;
      if (i >= kWarmUp) added.push_back(took);
    }
    std::printf("{\"added_p50_ms\":%.3f,\"added_p99_ms\":%.3f,\"kept\":%zu,\"sent\":%u}\n", at(added, 0.5),
                at(added, 0.99), backend_.kept(), next_);
  }

  void dead() {
    backend_.go_away(true);
    sandbox_.start();
    std::vector<double> added;
    for (int i = 0; i < 20; ++i) added.push_back(invoke().took);
    double first = added.front();
    added.erase(added.begin());
    std::printf("{\"first_ms\":%.3f,\"then_p50_ms\":%.3f,\"then_most_ms\":%.3f}\n", first, at(added, 0.5),
                at(added, 1));
  }

  void secure() {
    const std::string known = folder_ + "/known.pem";
    std::ofstream(known) << std::ifstream("/etc/ssl/certs/ca-certificates.crt").rdbuf() << '\n'
                         << std::ifstream(trusted_ca()).rdbuf();
    backend_.secure(good_certificate());
    auto variables = variables_;
    variables.push_back("MAYFLY_TELEMETRY_DESTINATIONS=otlp+https://localhost:" + std::to_string(backend_.port()));
    variables.push_back("OTEL_EXPORTER_OTLP_CERTIFICATE=" + known);
    sandbox_.set_variables(std::move(variables));
    sandbox_.start();
    std::vector<double> added;
    for (int i = 0; i < 100; ++i) added.push_back(invoke().took);
    if (backend_.kept() == 0) die("nothing came over TLS");
    std::printf("{\"used_kb\":%ld,\"most_kb\":%ld,\"first_ms\":%.3f,\"added_p50_ms\":%.3f}\n",
                sandbox_.memory_kib("VmRSS:"), sandbox_.memory_kib("VmHWM:"), added.front(), at(added, 0.5));
  }

  void memory() {
    sandbox_.start();
    long started = sandbox_.memory_kib("VmRSS:");
    for (int i = 0; i < 100; ++i) invoke();
    long used = sandbox_.memory_kib("VmRSS:");
    backend_.go_away(false);
    storm::BatchTemplate batch(1'000);
    sandbox_.invoke(storm::request_id(0), kLong);
    for (int i = 0; i < 100; ++i) {
      if (sandbox_.deliver(batch.numbered(next_ += 1'000)) != 200) die("a delivery was not taken");
    }
    long dead = sandbox_.memory_kib("VmRSS:"), most = sandbox_.memory_kib("VmHWM:");
    // Well again: what waited goes out, in the order in which it came.
    backend_.come_back();
    if (sandbox_.deliver(storm::batch({storm::platform_runtime_done(0)})) != 200 || !sandbox_.wait_next(kLong))
      die("no `next`");
    do {
      invoke();
    } while (!backend_.wait_for(next_ - 1, milliseconds{100}));
    invoke();  // after which it gives back what it does not need
    invoke();
    std::printf("{\"started_kb\":%ld,\"used_kb\":%ld,\"dead_kb\":%ld,\"dead_most_kb\":%ld,\"after_kb\":%ld}\n", started,
                used, dead, most, sandbox_.memory_kib("VmRSS:"));
  }

 private:
  static std::string make_folder() {
    char name[] = "/tmp/mayfly-bench-XXXXXX";
    if (!mkdtemp(name)) die("cannot make a folder in /tmp");
    return name;
  }

  struct Added {
    double took;  // ms from the response to `next`; 0 when that came before
    double told;  // ms from the response until Lambda told of it
  };

  // One invocation of a few lines.
  Added invoke() {
    const Number invocation = next_;
    next_ += 2;
    sandbox_.invoke(storm::request_id(invocation), kLong);
    std::vector<std::string> records{storm::platform_start(invocation)};
    for (int i = 0; i < 3; ++i) records.push_back(storm::function_line(next_++, invocation, dice_));
    records.push_back(storm::platform_runtime_done(invocation));
    std::this_thread::sleep_for(kFunction);

    const auto response = Clock::now();
    auto since = [&] { return Milliseconds(Clock::now() - response).count(); };
    double took = 0;
    bool ready = sandbox_.wait_next(milliseconds{0});
    if (!ready && (ready = sandbox_.wait_next(kBuffer))) took = since();
    std::this_thread::sleep_until(response + kBuffer);
    double told = since();
    if (sandbox_.deliver(storm::batch(records)) != 200) die("a delivery was not taken");
    if (!ready) {
      if (!sandbox_.wait_next(kLong)) die("no `next`");
      took = since();
    }
    return {took, told};
  }

  // What a request to the backend takes over a connection that is open.
  double exchange_alone() {
    if (!alone_) {
      int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      address.sin_port = htons(static_cast<std::uint16_t>(backend_.port()));
      if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) die("no backend");
      alone_ = std::make_unique<bench::Messages>(fd);
    }
    auto began = Clock::now();
    if (!alone_->send("POST /v1/metrics HTTP/1.1\r\nContent-Length: 300\r\n\r\n", std::string(300, 'x')) ||
        !alone_->receive())
      die("no answer of the backend");
    return Milliseconds(Clock::now() - began).count();
  }

  const std::string folder_;
  const std::vector<std::string> variables_;
  storm::Dice dice_{1};
  storm::StubBackend backend_{storm::StubBackend::Protocol::otlp, 1};
  storm::Sandbox sandbox_;
  std::unique_ptr<bench::Messages> alone_;
  Number next_ = 0;
};

// This program and its threads leave the daemon's processor alone, where there is another.
void stay_off(int processor) {
  cpu_set_t all;
  if (sched_getaffinity(0, sizeof all, &all) != 0) return;
  CPU_CLR(static_cast<unsigned>(processor), &all);
  if (CPU_COUNT(&all) > 0) sched_setaffinity(0, sizeof all, &all);
}

}  // namespace

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  if (argc < 4)
    die("usage: telemetry_bench PROGRAM PROCESSOR throughput|after|busy|dead|memory|secure [NAME=VALUE...]");
  int processor = std::atoi(argv[2]);
  stay_off(processor);
  Bench bench(argv[1], processor, {argv + 4, argv + argc});
  std::string_view what = argv[3];
  if (what == "throughput") return bench.throughput(), 0;
  if (what == "after") return bench.after(), 0;
  if (what == "busy") return bench.busy(), 0;
  if (what == "dead") return bench.dead(), 0;
  if (what == "memory") return bench.memory(), 0;
  if (what == "secure") return bench.secure(), 0;
  die("no such measurement");
}
