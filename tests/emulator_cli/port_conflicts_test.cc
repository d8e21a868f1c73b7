#include "emulator/cli/port_conflicts.h"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "emulator/cli/listening_ports.h"

namespace mayfly::emulator::cli {
namespace {

using Kind = Observation::Kind;

// Stands for a process of environment 1: this one listens.
class Listener {
 public:
  explicit Listener(bool ephemeral) {
    for (std::uint16_t port = ephemeral ? 0 : 20'000; port < 20'500; ++port) {
      fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(port);
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      socklen_t size = sizeof address;
      if (bind(fd_, reinterpret_cast<sockaddr*>(&address), size) == 0 && listen(fd_, 4) == 0) {
        getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
        return;
      }
      close(fd_);
    }
  }
  ~Listener() { close(fd_); }

  std::string host_port() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  int fd_ = -1;
  std::uint16_t port_ = 0;
};

Observation observed(Kind kind, std::uint32_t environment, const std::string& process = {},
                     const std::string& detail = {}, int pid = 0) {
  Observation o;
  o.kind = kind;
  o.environment = environment;
  o.process = process;
  o.external_extension = process != "bootstrap";
  o.detail = detail;
  o.pid = pid;
  return o;
}

// Environment 1 works; in the second one Init has begun.
PortConflicts beside_a_working_one() {
  PortConflicts conflicts;
  for (auto& o : {observed(Kind::init_started, 1), observed(Kind::process_started, 1, "agent", "", getpid()),
                  observed(Kind::init_ended, 1, "", "success"), observed(Kind::init_started, 2),
                  observed(Kind::process_started, 2, "agent", "", 1 << 22)}) {
    CHECK_FALSE(conflicts.observe(o).has_value());
  }
  return conflicts;
}

}  // namespace

TEST_CASE("a process that ends in Init wanted the fixed port that its namesake holds") {
  Listener listener(false);
  auto conflicts = beside_a_working_one();
  auto message = conflicts.observe(observed(Kind::process_exited, 2, "agent", "exit status 1"));
  REQUIRE(message.has_value());
  CHECK(message->what == "environment 2 did not start: extension agent cannot bind " + listener.host_port());
  CHECK(message->why == "environment 1 holds it: environments share this machine's network");
  CHECK(message->try_this == "mayfly run --max-environments 1");
  // Environment 3 is no news.
  conflicts.observe(observed(Kind::init_started, 3));
  conflicts.observe(observed(Kind::process_started, 3, "agent", "", 1 << 22));
  CHECK_FALSE(conflicts.observe(observed(Kind::process_exited, 3, "agent", "exit status 1")).has_value());
}

TEST_CASE("ports are looked at once a second, however many processes fail") {
  Listener listener(false);
  auto conflicts = beside_a_working_one();
  conflicts.observe(observed(Kind::process_started, 2, "other", "", 1 << 22));
  auto failed_at = [&](const std::string& process, std::int64_t ms) {
    auto o = observed(Kind::process_exited, 2, process, "exit status 1");
    o.elapsed_ns = ms * 1'000'000;
    return conflicts.observe(o).has_value();
  };
  CHECK_FALSE(failed_at("other", 500));
  CHECK_FALSE(failed_at("agent", 1'400));
  CHECK(failed_at("agent", 1'600));
}

TEST_CASE("so did one that lives on and never gets ready") {
  Listener listener(false);
  auto conflicts = beside_a_working_one();
  auto message = conflicts.observe(observed(Kind::init_ended, 2, "", "timeout"));
  REQUIRE(message.has_value());
  CHECK(message->what.ends_with(listener.host_port()));
}

TEST_CASE("a port that anybody gets is meant only when the log says so") {
  Listener listener(true);
  auto conflicts = beside_a_working_one();
  auto silent = conflicts;
  CHECK_FALSE(silent.observe(observed(Kind::process_exited, 2, "agent", "exit status 1")).has_value());
  conflicts.observe(observed(Kind::log_line, 2, "agent", "OSError: [Errno 98] Address already in use"));
  CHECK(conflicts.observe(observed(Kind::process_exited, 2, "agent", "exit status 1")).has_value());
}

TEST_CASE("who has no namesake that listens failed for another reason") {
  auto conflicts = beside_a_working_one();
  CHECK_FALSE(conflicts.observe(observed(Kind::process_exited, 2, "agent", "exit status 1")).has_value());
  Listener listener(false);
  conflicts = beside_a_working_one();
  conflicts.observe(observed(Kind::process_started, 2, "other", "", 1 << 22));
  CHECK_FALSE(conflicts.observe(observed(Kind::process_exited, 2, "other", "exit status 1")).has_value());
  // Its Init is over: what it listens on it has.
  conflicts = beside_a_working_one();
  conflicts.observe(observed(Kind::init_ended, 2, "", "success"));
  CHECK_FALSE(conflicts.observe(observed(Kind::process_exited, 2, "agent", "exit status 1")).has_value());
}

TEST_CASE("an address that is taken is told in many wordings") {
  for (const char* line : {"bind: Address already in use", "listen tcp 127.0.0.1:8124: bind: address already in use",
                           "Error: listen EADDRINUSE: address already in use 127.0.0.1:8124",
                           "Os { code: 98, kind: AddrInUse, message: \"Address in use\" }",
                           "java.net.BindException: Address already in use"})
    CHECK(says_address_in_use(line));
  CHECK_FALSE(says_address_in_use("the table is in use"));
}

TEST_CASE("listening ports are told with their addresses") {
  Listener listener(false);
  auto ports = ListeningPorts().of(getpid());
  REQUIRE(ports.size() == 1);
  CHECK(ports.front().host_port() == listener.host_port());
  CHECK(ListeningPort{"::1", 80}.host_port() == "[::1]:80");
  CHECK(ListeningPorts().of(1 << 22).empty());
}

}  // namespace mayfly::emulator::cli
