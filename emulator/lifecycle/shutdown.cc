#include "emulator/lifecycle/shutdown.h"

#include <csignal>

namespace mayfly::emulator {

namespace {

using Kind = Observation::Kind;

// How long SIGKILL may take to show before things go on without.
constexpr std::chrono::seconds kKillPatience{2};

}  // namespace

bool Shutdown::begin(std::string_view reason, bool for_good, bool runtime_alive) {
  reason_ = reason;
  runtime_alive_ = runtime_alive;
  started_ = orders_.now();
  extensions_.close_registration();
  witness_.tell(for_good ? Kind::shutdown_started : Kind::reset_started, {}, false, reason_);
  orders_.flush_telemetry();
  if (!extensions_.any_registered(false)) {
    kill_all();
  } else if (!runtime_alive_) {
    stop_extensions();
  } else {
    step_ = Step::runtime;
    // 300 ms of the 2,000 are the runtime's.
    auto share =
        extensions_.any_registered(true) ? settings_.shutdown_with_external * 3 / 20 : settings_.shutdown_with_internal;
    orders_.set_alarm(started_ + share);
    witness_.tell(Kind::process_killed, "bootstrap", false, "SIGTERM");
    orders_.send_signal(kRuntime, SIGTERM);
  }
  return go_on();
}

void Shutdown::stop_extensions() {
  if (!extensions_.any_registered(true)) return kill_all();
  step_ = Step::extensions;
  deadline_ms_ = core::epoch_ms(orders_.wall_now() + (started_ + settings_.shutdown_with_external - orders_.now()));
  orders_.set_alarm(started_ + settings_.shutdown_with_external);
  orders_.flush_telemetry();
  for (auto& extension : extensions_.list()) {
    if (!extension.alive) continue;
    if (extension.identifier.empty() || !extension.events.shutdown) {
      witness_.tell(Kind::process_killed, extension.name, true, "SIGKILL");
      orders_.send_signal(extension.process, SIGKILL);
    } else if (extension.state == Extensions::State::ready) {
      tell(extension);
    }
  }
}

void Shutdown::extension_waits(Extensions::Extension& extension) {
  if (step_ == Step::extensions && extension.alive && extension.events.shutdown && !extension.told_shutdown) {
    tell(extension);
  }
}

void Shutdown::tell(Extensions::Extension& extension) {
  extension.told_shutdown = true;
  extension.state = Extensions::State::running;
  orders_.hand_to_extension(extension.identifier, {nullptr, {}, reason_, deadline_ms_});
}

void Shutdown::kill_all() {
  step_ = Step::killing;
  orders_.set_alarm(orders_.now() + kKillPatience);
  if (runtime_alive_) {
    witness_.tell(Kind::process_killed, "bootstrap", false, "SIGKILL");
    orders_.send_signal(kRuntime, SIGKILL);
  }
  for (const auto& extension : extensions_.list()) {
    if (!extension.alive) continue;
    witness_.tell(Kind::process_killed, extension.name, true, "SIGKILL");
    orders_.send_signal(extension.process, SIGKILL);
  }
}

bool Shutdown::runtime_exited() {
  runtime_alive_ = false;
  return go_on();
}

bool Shutdown::go_on() {
  if (step_ == Step::runtime && !runtime_alive_) stop_extensions();
  if (step_ == Step::runtime || runtime_alive_ || extensions_.any_alive()) return false;
  step_ = Step::none;
  orders_.set_alarm(Clock::time_point::max());
  return true;
}

bool Shutdown::alarm() {
  switch (step_) {
    case Step::runtime:
      witness_.tell(Kind::process_killed, "bootstrap", false, "SIGKILL");
      orders_.send_signal(kRuntime, SIGKILL);
      stop_extensions();
      return go_on();
    case Step::extensions: kill_all(); return go_on();
    case Step::killing:
      step_ = Step::none;
      orders_.set_alarm(Clock::time_point::max());
      return true;
    case Step::none: break;
  }
  return false;
}

bool Shutdown::kill() {
  if (step_ == Step::runtime || step_ == Step::extensions) kill_all();
  return go_on();
}

}  // namespace mayfly::emulator
