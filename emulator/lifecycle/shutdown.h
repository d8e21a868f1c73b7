// How the processes of an environment end, in a reset as at its end: SIGTERM to
// the runtime if an extension is registered, the SHUTDOWN event to external
// extensions that want it, SIGKILL; each within Lambda's budget [A].
//
// [A] AWS Lambda Developer Guide, "Understanding the Lambda execution
//     environment lifecycle", read 2026-11.

#pragma once

#include <string>
#include <string_view>

#include "emulator/lifecycle/extensions.h"
#include "emulator/lifecycle/lifecycle.h"
#include "emulator/settings.h"

namespace mayfly::emulator {

// It has the alarm for as long as it is under way. What can bring the end returns
// true when that has come: nothing is alive, or nothing more can be done.
class Shutdown {
 public:
  // All outlive the object.
  Shutdown(const Settings& settings, Orders& orders, Witness& witness, Extensions& extensions)
      : settings_(settings), orders_(orders), witness_(witness), extensions_(extensions) {}

  // `reason`: spindown, timeout or failure. `for_good`: the environment ends, else
  // it is reset.
  [[nodiscard]] bool begin(std::string_view reason, bool for_good, bool runtime_alive);
  [[nodiscard]] bool runtime_exited();
  [[nodiscard]] bool extension_exited() { return go_on(); }
  [[nodiscard]] bool alarm();
  // SIGKILL to all that is left, now.
  [[nodiscard]] bool kill();
  // An extension waits for an event: it gets SHUTDOWN, if that is its turn.
  void extension_waits(Extensions::Extension& extension);

 private:
  enum class Step { none, runtime, extensions, killing };

  void stop_extensions();
  void tell(Extensions::Extension& extension);
  void kill_all();
  bool go_on();

  const Settings& settings_;
  Orders& orders_;
  Witness& witness_;
  Extensions& extensions_;

  Step step_ = Step::none;
  bool runtime_alive_ = false;
  std::string reason_;
  Clock::time_point started_{};
  std::int64_t deadline_ms_ = 0;
};

}  // namespace mayfly::emulator
