#include "emulator/cli/port_conflicts.h"

#include <algorithm>

#include "emulator/cli/listening_ports.h"

namespace mayfly::emulator::cli {

namespace {
using Kind = Observation::Kind;
constexpr std::int64_t kLookEvery = 1'000'000'000;
}  // namespace

bool says_address_in_use(std::string_view line) {
  constexpr std::string_view kWordings[] = {"ddress already in use", "EADDRINUSE", "ddress in use", "AddrInUse",
                                            "port already in use"};
  return std::ranges::any_of(kWordings, [&](std::string_view words) { return line.find(words) != line.npos; });
}

std::optional<Message> PortConflicts::observe(const Observation& o) {
  if (o.environment == 0) return std::nullopt;
  switch (o.kind) {
    case Kind::init_started: environments_[o.environment] = {true, {}}; break;
    case Kind::process_started:
      environments_[o.environment].processes[o.process] = {o.pid, o.external_extension, false};
      break;
    case Kind::log_line:
      if (environments_.size() > 1 && says_address_in_use(o.detail)) {
        auto& processes = environments_[o.environment].processes;
        if (auto found = processes.find(o.process); found != processes.end()) found->second.says_in_use = true;
      }
      break;
    case Kind::process_exited: {
      Environment& environment = environments_[o.environment];
      auto found = environment.processes.find(o.process);
      if (found == environment.processes.end()) break;
      if (!environment.initialising) {
        environment.processes.erase(found);
        break;
      }
      found->second.pid = 0;
      if (!may_look(o)) break;
      return explain(ListeningPorts(), o.environment, o.process, found->second);
    }
    case Kind::init_ended: {
      Environment& environment = environments_[o.environment];
      environment.initialising = false;
      if (o.detail != "success" && may_look(o)) return explain_any(o.environment, environment);
      break;
    }
    case Kind::shutdown_ended: environments_.erase(o.environment); break;
    default: break;
  }
  return std::nullopt;
}

bool PortConflicts::may_look(const Observation& o) {
  if (environments_.size() < 2 || o.elapsed_ns < next_look_ns_) return false;
  next_look_ns_ = o.elapsed_ns + kLookEvery;
  return true;
}

// Init has failed and nobody has left: who says why, or waits for a port?
std::optional<Message> PortConflicts::explain_any(std::uint32_t number, const Environment& environment) {
  const ListeningPorts ports;
  for (bool in_words : {true, false}) {
    for (const auto& [name, process] : environment.processes) {
      if (process.says_in_use != in_words) continue;
      if (auto message = explain(ports, number, name, process)) return message;
    }
  }
  return std::nullopt;
}

std::optional<Message> PortConflicts::explain(const ListeningPorts& ports, std::uint32_t number,
                                              const std::string& name, const Process& failed) {
  // What it has got itself, nobody keeps from it.
  auto own = failed.pid > 0 ? ports.of(failed.pid) : std::vector<ListeningPort>();
  for (const auto& [other, environment] : environments_) {
    auto namesake = environment.processes.find(name);
    if (other == number || namesake == environment.processes.end() || namesake->second.pid == 0) continue;
    for (const ListeningPort& held : ports.of(namesake->second.pid)) {
      bool has_it = std::ranges::find(own, held.port, &ListeningPort::port) != own.end();
      if (has_it || (is_ephemeral(held.port) && !failed.says_in_use)) continue;
      if (!told_.insert(name + " " + std::to_string(held.port)).second) return std::nullopt;
      return Message{"environment " + std::to_string(number) + " did not start: " +
                         (failed.external ? "extension " : "") + name + " cannot bind " + held.host_port(),
                     "environment " + std::to_string(other) + " holds it: environments share this machine's network",
                     "mayfly run --max-environments 1"};
    }
  }
  return std::nullopt;
}

}  // namespace mayfly::emulator::cli
