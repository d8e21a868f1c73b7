// One extension from its registration to its end, as its author's Options have
// it: under run(), start() and the test kit alike.

#pragma once

#include <mayfly/extension.h>

#include "extensions/src/event_loop.h"

namespace mayfly::extension {

class Program final : public Observer {
 public:
  enum class Kind { external, internal };

  Program(core::Origin runtime_api, Options options, Kind kind, bool managed_instances);

  // Registers, on_init, subscribes. Errors: see start(); logged, and reported to
  // Lambda where it knows this extension.
  Result<void> begin();
  // Serves events until the end, behind begin(). Returns what main() is to return.
  int serve();
  // Makes serve() return 0. From any thread.
  void stop() { loop_.stop(); }

  EventLoop& loop() { return loop_; }

 private:
  void invoked(const Invoke& invoke) override;
  void shut_down(const Shutdown& shutdown) override;
  void received(TelemetryBatch& batch) override;

  Options options_;
  const Kind kind_;
  EventLoop loop_;
};

// The address of the Runtime API from the environment. Errors: parse.
core::Outcome<core::Origin> runtime_api_address();

}  // namespace mayfly::extension
