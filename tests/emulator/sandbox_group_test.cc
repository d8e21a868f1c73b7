// Environments as one thing, with real processes, by each means that the machine
// has: frozen, thawed, limited, measured, ended.

#include <doctest/doctest.h>
#include <sched.h>

#include <atomic>
#include <future>
#include <thread>

#include "emulator/sandbox/process_tree.h"
#include "tests/emulator/running_service.h"

using namespace mayfly::emulator;
using namespace mayfly::emulator::test;
using Kind = Observation::Kind;
namespace fs = std::filesystem;

namespace {

Enforcement enforcement(RunningService& service) {
  std::promise<Enforcement> told;
  service.post([&](Service& running) { told.set_value(running.enforcement()); });
  return told.get_future().get();
}

// False, with a message, where the machine does not have this means.
bool start_with(RunningService& service, ControlGroups means) {
  service.settings.control_groups = means;
  service.start();
  std::string expected = means == ControlGroups::v1   ? "cgroup v1"
                         : means == ControlGroups::v2 ? "cgroup v2"
                                                      : "signals";
  bool there = enforcement(service).freezer == expected;
  if (!there) MESSAGE("not on this machine: " << expected);
  return there;
}

// Of an environment's processes in clock ticks; they are read as long as they live.
std::uint64_t cpu_ticks(const std::vector<pid_t>& pids) {
  std::uint64_t sum = 0;
  for (pid_t pid : pids) {
    std::string stat = read_all("/proc/" + std::to_string(pid) + "/stat");
    REQUIRE_FALSE(stat.empty());
    auto at = stat.rfind(')');
    for (int field = 2; field < 14; ++field) at = stat.find(' ', at + 1);
    char* end = nullptr;
    sum += std::strtoull(stat.c_str() + at, &end, 10);
    sum += std::strtoull(end, nullptr, 10);
  }
  return sum;
}

void wait_until(const std::function<bool()>& condition) {
  for (int look = 0; look < 3'000 && !condition(); ++look) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  REQUIRE(condition());
}

void wait_until_frozen(const RunningService& service, std::uint32_t call) {
  auto ended = service.wait_for(
      [&](const Observation& what) { return what.kind == Kind::invocation_ended && what.number == call; });
  service.wait_for(
      [&](const Observation& what) { return what.kind == Kind::frozen && what.elapsed_ns > ended.elapsed_ns; });
}

// Something that left its parent, its group and its session, and is never idle.
pid_t start_spinning_stray(RunningService& service) {
  auto file = (service.folder() / "stray").string();
  auto answer =
      service.evaluate("(__import__('subprocess').Popen(['setsid', 'sh', '-c', '(while :; do :; done) & echo $! > " +
                       file + ".new; mv " + file + ".new " + file + "'], stdin=-3, stdout=-3, stderr=-3).wait(), " +
                       "[time.sleep(0.01) for _ in iter(lambda: os.path.exists('" + file + "'), True)])");
  INFO(answer);
  pid_t pid = std::atoi(read_all(file).c_str());
  REQUIRE(pid > 1);
  return pid;
}

bool is_alive(pid_t pid) { return start_time_of(pid) != 0; }

constexpr ControlGroups kMeans[] = {ControlGroups::v2, ControlGroups::v1, ControlGroups::none};

}  // namespace

TEST_CASE("nothing runs while frozen, whatever the function has started; the next event thaws all of it") {
  for (auto means : kMeans) {
    RunningService service;
    if (!start_with(service, means)) continue;
    std::vector<pid_t> pids{std::atoi(service.evaluate("os.getpid()").c_str())};
    // A thread that is never idle, and a process that is not.
    service.evaluate("threading.Thread(target=lambda: [None for _ in iter(int, 1)], daemon=True).start()");
    auto spinner = service.evaluate("__import__('subprocess').Popen(['sh', '-c', 'while :; do :; done']).pid");
    pids.push_back(std::atoi(spinner.c_str()));
    wait_until_frozen(service, 3);
    // The order has been given; it takes a process when it leaves the kernel, and
    // one that has no processor at the moment looks frozen, too.
    std::uint64_t before = cpu_ticks(pids);
    int unchanged = 0;
    wait_until([&] {
      unchanged = std::exchange(before, cpu_ticks(pids)) == before ? unchanged + 1 : 0;
      return unchanged >= 30;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    CHECK(cpu_ticks(pids) == before);
    CHECK(service.invoke("1").body == "1");
    CHECK(service.details(Kind::thawed).size() >= 1);
    service.invoke(R"({"sleep":0.1})");
    wait_until([&] { return cpu_ticks(pids) > before; });
    service.stop();
    for (pid_t pid : pids) CHECK_FALSE(is_alive(pid));
  }
}

TEST_CASE("what is frozen hears of the end: SIGTERM, SHUTDOWN, and time to act on them") {
  for (auto means : kMeans) {
    RunningService service;
    auto heard = (service.folder() / "heard").string();
    service.set_init(R"({"record":")" + heard + "\"}");
    service.add_extension("alpha", R"({"on_shutdown":{"sleep":0.1}})");
    if (!start_with(service, means)) continue;
    service.invoke("1");
    wait_until_frozen(service, 1);
    service.stop();
    CHECK(read_all(heard) == "SIGTERM\n");
    CHECK(service.record_text("alpha").find("\"shutdownReason\": \"spindown\"") != std::string::npos);
    CHECK(service.details(Kind::process_exited) == std::vector<std::string>{"exit status 0", "exit status 0"});
  }
}

// Of a process that has just been thawed the kernel would give the signal to any
// thread, and Python only sees one that interrupts the first. On one processor,
// with somebody else on it, nothing has run between the thaw and the signal.
TEST_CASE("a runtime with threads that is frozen hears SIGTERM") {
  cpu_set_t all, one;
  REQUIRE(sched_getaffinity(0, sizeof all, &all) == 0);
  CPU_ZERO(&one);
  for (int cpu = 0; CPU_COUNT(&one) == 0; ++cpu) {
    if (CPU_ISSET(cpu, &all)) CPU_SET(cpu, &one);
  }
  REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);
  for (auto means : kMeans) {
    for (int round = 0; round < 6; ++round) {
      CAPTURE(round);
      RunningService service;
      service.settings.shutdown_with_internal = std::chrono::seconds(20);
      auto heard = (service.folder() / "heard").string();
      service.set_init(R"({"internal":[],"record":")" + heard + "\"}");
      if (!start_with(service, means)) break;
      service.evaluate("[threading.Thread(target=time.sleep, args=(60,), daemon=True).start() for _ in range(4)]");
      wait_until_frozen(service, 1);
      std::atomic<bool> over = false;
      std::thread busy([&] {
        while (!over) continue;
      });
      service.stop();
      over = true;
      busy.join();
      CHECK(read_all(heard) == "SIGTERM\n");
    }
  }
  sched_setaffinity(0, sizeof all, &all);
}

TEST_CASE("strays end with the environment, at its reset and at its end") {
  for (auto means : kMeans) {
    RunningService service;
    if (!start_with(service, means)) continue;
    pid_t first = start_spinning_stray(service);
    service.invoke(R"({"exit":1})");
    wait_until([&] { return !is_alive(first); });
    fs::remove(service.folder() / "stray");
    pid_t second = start_spinning_stray(service);
    CHECK(is_alive(second));
    service.stop();
    CHECK_FALSE(is_alive(second));
  }
}

TEST_CASE("a frozen process that is killed costs nobody a call") {
  RunningService service;
  service.start();
  if (enforcement(service).freezer == "cgroup v1") return;  // there the kill waits for the thaw
  pid_t pid = std::atoi(service.evaluate("os.getpid()").c_str());
  wait_until_frozen(service, 1);
  kill(pid, SIGKILL);
  service.wait_for(Kind::process_exited);
  CHECK(service.invoke("1").body == "1");
}

TEST_CASE("a runtime over the memory size is Runtime.OutOfMemory, and the next call finds a new one") {
  for (auto means : {ControlGroups::automatic, ControlGroups::v1}) {
    RunningService service;
    service.settings.control_groups = means;
    service.start();
    if (auto problem = enforcement(service).memory_problem; !problem.empty()) {
      MESSAGE("memory is not limited here: " << problem);
      continue;
    }
    for (int call = 0; call < 2; ++call) {
      auto reply = service.invoke(R"plan({"script":"len(b'x' * (200 << 20))"})plan");
      CHECK(reply.status == 200);
      CHECK(reply.field("x-amz-function-error") == "Unhandled");
      CHECK(reply.body == "{\"errorType\":\"Runtime.OutOfMemory\",\"errorMessage\":\"RequestId: " +
                              reply.field("x-amzn-requestid") + " Error: Runtime exited with error: signal: killed\"}");
    }
    CHECK(service.has_line("\tStatus: error\tError Type: Runtime.OutOfMemory"));
    // That it was killed by another is told from that.
    CHECK(service.invoke(R"({"signal":9})").body.find("Runtime.ExitError") != std::string::npos);
    CHECK(service.evaluate("len(b'x' * (60 << 20))") == std::to_string(60 << 20));
  }
}

TEST_CASE("Max Memory Used is the peak of all processes, and no file that was only read or written") {
  RunningService service;
  service.settings.memory_mb = 256;
  service.start();
  if (auto problem = enforcement(service).memory_problem; !problem.empty()) {
    MESSAGE("memory is not measured here: " << problem);
    return;
  }
  auto report = [&](std::uint32_t call) {
    return service
        .wait_for([&](const Observation& what) { return what.kind == Kind::invocation_ended && what.number == call; })
        .report;
  };
  auto file = (service.folder() / "large").string();
  service.evaluate("open('" + file + "', 'wb').write(b'x' * (40 << 20))");
  service.evaluate("[open('" + file + "', 'ab').write(b'x' * (1 << 20)) for _ in range(100)].__len__()");
  CHECK(report(2).max_memory_mb >= 40);
  CHECK(report(2).max_memory_mb < 100);
  service.evaluate("__import__('subprocess').run([sys.executable, '-c', 'len(bytearray(90 << 20))']).returncode");
  CHECK(report(3).max_memory_mb >= 90);
  CHECK(report(3).max_memory_mb < 160);
  CHECK(report(3).memory_mb == 256);
}

TEST_CASE("an environment has 1,024 processes and threads at most") {
  RunningService service;
  service.settings.timeout = std::chrono::seconds(30);
  service.settings.memory_mb = 1'024;
  service.start();
  if (auto problem = enforcement(service).processes_problem; !problem.empty()) {
    MESSAGE("their number is not limited here: " << problem);
    return;
  }
  auto reply = service.evaluate(
      "[threading.stack_size(65536), [threading.Thread(target=time.sleep, args=(3,), daemon=True).start() "
      "for _ in range(1100)]]");
  CHECK(service.has_line("can't start new thread"));
  CHECK(service.invoke("1").body == "1");  // a new environment
}
