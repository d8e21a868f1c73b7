#include "emulator/cli/status_board.h"

#include <unistd.h>

#include <cstdio>

#include "emulator/cli/figures.h"
#include "emulator/sandbox/process_tree.h"

namespace mayfly::emulator::cli {
namespace {

using Kind = Observation::Kind;

constexpr std::chrono::seconds kLongestTimeout{900};  // a longer one holds nothing

// Resident now, in KiB, with all that the process has started.
std::int64_t resident_kb(int pid) {
  // Pages: of the program's size, and of what is resident.
  std::string pages = read_all("/proc/" + std::to_string(pid) + "/statm");
  long long size = 0, resident = 0;
  std::sscanf(pages.c_str(), "%lld %lld", &size, &resident);
  std::int64_t kb = resident * sysconf(_SC_PAGESIZE) / 1'024;
  for (int child : children_of(pid)) kb += resident_kb(child);
  return kb;
}

std::string age(std::int64_t from_ns, std::int64_t now_ns) {
  return duration_text(std::chrono::nanoseconds(now_ns - from_ns));
}

}  // namespace

void StatusBoard::observe(const Observation& o) {
  if (o.environment == 0) return;
  if (o.kind == Kind::shutdown_ended) {
    environments_.erase(o.environment);
    return;
  }
  Environment& environment = environments_[o.environment];
  auto enter = [&](const char* state) {
    environment.state = state;
    environment.since_ns = o.elapsed_ns;
  };
  switch (o.kind) {
    case Kind::init_started: return enter("init");
    case Kind::init_ended: return enter(o.detail == "success" ? "idle" : "init has failed");
    case Kind::process_started: environment.pids[o.process] = o.pid; return;
    case Kind::process_exited: environment.pids.erase(o.process); return;
    case Kind::invocation_started: environment.calls[o.number] = {o.request_id, o.elapsed_ns, false}; return;
    case Kind::responded:
      if (auto call = environment.calls.find(o.number); call != environment.calls.end()) call->second.answered = true;
      return;
    case Kind::invocation_ended:
      environment.calls.erase(o.number);
      ++environment.calls_ended;
      return enter("idle");
    case Kind::frozen: return enter("frozen");
    case Kind::thawed: return enter("idle");
    case Kind::reset_started: return enter("reset");
    case Kind::shutdown_started: return enter("shutting down");
    default: return;
  }
}

std::string StatusBoard::line(std::uint32_t number, const Environment& environment, std::int64_t now_ns) const {
  std::string out = "environment " + std::to_string(number) + "  ";
  if (environment.calls.empty() || environment.state == "shutting down" || environment.state == "reset") {
    out += environment.state + " for " + age(environment.since_ns, now_ns) + ", " +
           with_commas(environment.calls_ended) + (environment.calls_ended == 1 ? " call" : " calls");
  } else {
    const auto& [call_number, call] = *environment.calls.begin();
    out += "call #" + std::to_string(call_number) + " " + call.request_id.substr(0, 8) + "  " +
           age(call.since_ns, now_ns) + (timeout_ > kLongestTimeout ? "" : " of " + duration_text(timeout_)) +
           (call.answered ? ", answered" : "");
    if (auto others = environment.calls.size() - 1) out += ", and " + std::to_string(others) + " more";
  }
  std::int64_t kb = 0;
  std::string processes;
  for (const auto& [name, pid] : environment.pids) {
    if (pid == 0) continue;
    kb += resident_kb(pid);
    processes += (processes.empty() ? "" : ", ") + name + " " + std::to_string(pid);
  }
  out += "  " + std::to_string((kb + 1'023) / 1'024) + "/" + std::to_string(memory_mb_) + " MB";
  return out + (processes.empty() ? "" : "  " + processes) + "\n";
}

std::string StatusBoard::text(std::int64_t now_ns) const {
  if (environments_.empty()) return "no environment: the next call starts one\n";
  std::string out;
  for (const auto& [number, environment] : environments_) out += line(number, environment, now_ns);
  return out;
}

}  // namespace mayfly::emulator::cli
