#include "emulator/cli/status_board.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <regex>

namespace mayfly::emulator::cli {
namespace {

using Kind = Observation::Kind;

Observation at(std::int64_t ms, Kind kind, std::uint32_t environment, std::uint32_t call = 0) {
  Observation o;
  o.kind = kind;
  o.elapsed_ns = ms * 1'000'000;
  o.environment = environment;
  o.number = call;
  o.request_id = "8f3c41d2-0000-4000-8000-000000000000";
  return o;
}

// Memory and pids are this machine's.
std::string masked(const std::string& text) {
  return std::regex_replace(std::regex_replace(text, std::regex("\\d+/128 MB"), "N/128 MB"),
                            std::regex("bootstrap \\d+"), "bootstrap PID");
}

}  // namespace

TEST_CASE("each environment has a line with state, call, age and memory") {
  StatusBoard board(128, std::chrono::seconds(3));
  CHECK(board.text(0) == "no environment: the next call starts one\n");
  auto see = [&](Observation o) { board.observe(o); };
  see(at(0, Kind::init_started, 1));
  auto started = at(0, Kind::process_started, 1);
  started.process = "bootstrap";
  started.pid = getpid();
  see(started);
  CHECK(masked(board.text(5'000'000)) == "environment 1  init for 5.00 ms, 0 calls  N/128 MB  bootstrap PID\n");
  auto ready = at(10, Kind::init_ended, 1);
  ready.detail = "success";
  see(ready);
  see(at(20, Kind::invocation_started, 1, 3));
  see(at(30, Kind::init_started, 2));
  CHECK(masked(board.text(1'220'000'000)) ==
        "environment 1  call #3 8f3c41d2  1.20 s of 3.00 s  N/128 MB  bootstrap PID\n"
        "environment 2  init for 1.19 s, 0 calls  N/128 MB\n");
  see(at(40, Kind::responded, 1, 3));
  CHECK(board.text(50'000'000).find("30.00 ms of 3.00 s, answered") != std::string::npos);
  see(at(50, Kind::invocation_ended, 1, 3));
  see(at(60, Kind::frozen, 1));
  CHECK(masked(board.text(61'000'000)).starts_with("environment 1  frozen for 1.00 ms, 1 call  N/128 MB"));
  see(at(70, Kind::shutdown_started, 1));
  see(at(70, Kind::shutdown_ended, 1));
  CHECK(board.text(0).starts_with("environment 2"));
}

TEST_CASE("calls that share an environment are counted") {
  StatusBoard board(128, std::chrono::hours(24));
  for (std::uint32_t call : {4, 5, 6}) board.observe(at(0, Kind::invocation_started, 1, call));
  CHECK(board.text(1'000'000).starts_with("environment 1  call #4 8f3c41d2  1.00 ms, and 2 more  0/128 MB"));
}

}  // namespace mayfly::emulator::cli
