#include "extensions/telemetry/usage.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "extensions/telemetry/otlp_metrics.h"
#include "fake_lambda.h"
#include "otlp_decode.h"

using namespace mayfly::telemetry;
namespace fs = std::filesystem;

namespace {

// A /proc of files, as the kernel would show it.
class Proc {
 public:
  Proc() {
    char name[] = "/tmp/mayfly-proc-XXXXXX";
    REQUIRE(mkdtemp(name));
    path = name;
  }
  ~Proc() { fs::remove_all(path); }

  void write(const std::string& name, const std::string& text) {
    fs::create_directories((path / name).parent_path());
    std::ofstream(path / name, std::ios::trunc) << text;
  }
  void stat(int user, int nice, int system, int irq, int softirq) {
    auto s = [](int n) { return " " + std::to_string(n); };
    write("stat", "cpu " + s(user) + s(nice) + s(system) + " 9999999 55" + s(irq) + s(softirq) +
                      " 7 0 0\ncpu0 1 2 3 4\nintr 12345\n");
  }
  void net(const std::string& interfaces) {
    write("net/dev",
          "Inter-|   Receive                                                |  Transmit\n"
          " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls "
          "carrier compressed\n" +
              interfaces);
  }
  void process(int pid, int threads, int descriptors) {
    for (int i = 0; i < threads; ++i) fs::create_directories(path / std::to_string(pid) / "task" / std::to_string(i));
    fs::create_directories(path / std::to_string(pid) / "fd");
    for (int i = 0; i < descriptors; ++i) write(std::to_string(pid) + "/fd/" + std::to_string(i), "");
  }
  Usage read() { return UsageReader(path, path).read(); }

  fs::path path;
};

}  // namespace

TEST_CASE("CPU time, network and memory are read as proc(5) describes them") {
  Proc proc;
  proc.stat(200, 100, 50, 25, 25);
  proc.net(
      "    lo: 1000 1 0 0 0 0 0 0 1000 1 0 0 0 0 0 0\n  eth0:12345 9 0 0 0 0 0 0 678 9 0 0 0 0 0 0\n"
      "vinternal_1: 5 1 0 0 0 0 0 0 2 1 0 0 0 0 0 0\n");
  proc.write("meminfo", "MemTotal:         250000 kB\nMemFree:           10 kB\nMemAvailable:     150000 kB\n");
  proc.write("self/statm", "700 123 5 6 7 8 0\n");
  auto usage = proc.read();
  REQUIRE(usage.cpu_user_s);
  REQUIRE(usage.cpu_system_s);
  double ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  CHECK(*usage.cpu_user_s == doctest::Approx(300 / ticks));
  CHECK(*usage.cpu_system_s == doctest::Approx(100 / ticks));
  CHECK(usage.received_bytes == 12350);
  CHECK(usage.sent_bytes == 680);
  CHECK(usage.memory_bytes == 100000u * 1024);
  CHECK(usage.own_memory_bytes == 123u * static_cast<unsigned>(sysconf(_SC_PAGESIZE)));
  REQUIRE(usage.tmp_limit_bytes);
  CHECK(*usage.tmp_limit_bytes >= *usage.tmp_bytes);
  REQUIRE(usage.own_cpu_s);
  CHECK(*usage.own_cpu_s > 0);
}

TEST_CASE("threads and descriptors are those of all processes, and are counted now and then only") {
  Proc proc;
  proc.process(1, 3, 10);
  proc.process(getpid(), 2, 5);
  UsageReader reader(proc.path, proc.path);
  auto usage = reader.read();
  CHECK(usage.threads == 5);
  CHECK(usage.file_descriptors == 15);
  CHECK_FALSE(reader.read().threads.has_value());
}

TEST_CASE("a process that sees none but itself does not take itself for all") {
  Proc proc;
  proc.process(getpid(), 2, 5);
  auto usage = proc.read();
  CHECK_FALSE(usage.threads.has_value());
  CHECK_FALSE(usage.file_descriptors.has_value());
}

TEST_CASE("too many processes are not walked through") {
  Proc proc;
  for (int pid = 1; pid <= UsageReader::kMaxProcesses + 1; ++pid) proc.process(pid, 1, 0);
  CHECK_FALSE(proc.read().threads.has_value());
}

TEST_CASE("what cannot be read costs only itself") {
  Proc proc;
  proc.write("stat", "cpu  1 2 x\n");
  proc.net("eth0: 1 2\n");
  proc.write("meminfo", "MemTotal: 5 kB\n");
  auto usage = proc.read();
  CHECK_FALSE(usage.cpu_user_s.has_value());
  CHECK_FALSE(usage.received_bytes.has_value());
  CHECK_FALSE(usage.memory_bytes.has_value());
  CHECK_FALSE(usage.own_memory_bytes.has_value());
  CHECK(usage.tmp_bytes.has_value());
}

TEST_CASE("this machine's own /proc is read") {
  auto usage = UsageReader().read();
  CHECK(usage.cpu_user_s.has_value());
  CHECK(usage.memory_bytes.has_value());
  REQUIRE(usage.own_memory_bytes.has_value());
  CHECK(*usage.own_memory_bytes > 100 * 1024);
}

TEST_CASE("what was used since the last batch is shared out among the invocations that ended") {
  Proc proc;
  proc.stat(100, 0, 0, 0, 0);
  proc.net("eth0: 1000 0 0 0 0 0 0 0 500 0 0 0 0 0 0 0\n");
  Settings settings;
  Resource resource(settings);
  OtlpMetricsEncoder::Sources sources;
  sources.usage = UsageReader(proc.path, proc.path);
  OtlpMetricsEncoder encoder(resource, std::move(sources));
  Invocations invocations;
  std::string json = batch({runtime_done("a"), runtime_done("b")});
  mayfly::extension::TelemetryBatch records(json, json.size());
  for (const auto& r : records) encoder.add(r, {{}, invocations, {}});
  proc.stat(160, 0, 40, 0, 0);
  proc.net("eth0: 3000 0 0 0 0 0 0 0 700 0 0 0 0 0 0 0\n");
  auto metrics = decode_metrics(encoder.seal()->body);
  double ticks = static_cast<double>(sysconf(_SC_CLK_TCK));

  const auto& cpu = metrics["faas.cpu_usage"].points.at(0);
  CHECK(metrics["faas.cpu_usage"].unit == "s");
  CHECK(cpu.count == 2);
  CHECK(cpu.value == doctest::Approx(100 / ticks));
  CHECK(cpu.max == doctest::Approx(50 / ticks));
  const auto& net = metrics["faas.net_io"].points.at(0);
  CHECK(metrics["faas.net_io"].unit == "By");
  CHECK(net.count == 2);
  CHECK(net.value == 2200);
  auto& time = metrics["mayfly.lambda.cpu_time"];
  REQUIRE(time.points.size() == 2);
  CHECK(time.points[0].attributes["cpu.mode"] == "s:user");
  CHECK(time.points[0].value == doctest::Approx(60 / ticks));
  CHECK(time.points[1].attributes["cpu.mode"] == "s:system");
  auto& io = metrics["mayfly.lambda.network_io"];
  REQUIRE(io.points.size() == 2);
  CHECK(io.points[0].value == 2000);
  CHECK(io.points[1].attributes["network.io.direction"] == "s:transmit");
}
