// Extensions in unit tests: driven in this process through everything that
// Lambda would do to them, without Lambda and with whatever test framework there is.
//
//   #include <mayfly/extension_test.h>
//   namespace test = mayfly::extension::test;
//
//   test::Environment env(options());         // registers, on_init, subscribes
//   env.invoke({.request_id = "id-1"});       // on_invoke; back when it asks for the next event
//   env.deliver({test::function_line("hello"), test::report("id-1", {.duration_ms = 12})});
//   env.shut_down();                          // on_shutdown
//   CHECK(env.exit_code() == 0);
//   CHECK(env.log() == std::vector<std::string>{"INFO hello seen"});
//
// The extension runs as on Lambda, on a thread of its own and over its real
// connections; an Environment plays the Extensions API and the Telemetry API for it,
// on loopback. Where init_error() or exit_error() is set, Lambda would have failed
// the function.
//
// It is a part of mayfly::extension; programs that do not use it do not carry it.
//
// Thread-safety: one thread at a time; one Environment at a time in a process.

#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <mayfly/extension.h>

namespace mayfly::extension::test {

struct Settings {
  Registration registration = {"test", "$LATEST", "bootstrap", "123456789012"};
  bool managed_instances = false;
  bool telemetry_api = true;  // false: 202, as an emulator without one answers
};

struct Invocation {
  std::string request_id = "8f3c41d2-0000-4000-8000-000000000001";
  std::chrono::milliseconds timeout{3'000};  // left to the deadline
  std::string trace_id = {};                 // X-Amzn-Trace-Id; empty: not traced
  std::string function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:test";
};

class Environment {
 public:
  // The Init phase. Returns when the extension waits for its first event, or has ended.
  explicit Environment(Options options, Settings settings = {});
  ~Environment();  // ends with shut_down() what has not ended
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  // ---- what happens to it. Each returns when the extension is done with it, or has
  // ended; calls to one that has ended do nothing.

  void invoke(const Invocation& invocation = {});

  // One delivery of the Telemetry API. Returns the status of the extension's
  // answer; 0 when nothing was subscribed to, or it is frozen. The second takes any
  // bytes, such as no JSON at all.
  int deliver(const std::vector<std::string>& records);
  int deliver_raw(std::string_view body);

  // Stops the extension where it is, with all threads that it has started: what
  // Lambda does between invocations. Threads that block all signals go on. Deliveries
  // wait for thaw(), which invoke() and shut_down() do first. A lock that a stopped
  // thread holds, of the allocator even, stops whoever wants it: do little meanwhile.
  void freeze();
  void thaw();

  // `budget`: to the deadline of the SHUTDOWN event, at which Lambda would kill it.
  // Nothing is killed here.
  void shut_down(Shutdown::Reason reason = Shutdown::Reason::spindown,
                 std::chrono::milliseconds budget = std::chrono::milliseconds{2'000});

  // ---- what it did

  // What main() would return; empty while it runs.
  std::optional<int> exit_code() const;
  // What it reported to Lambda before it ended: init/error, exit/error.
  std::optional<Error> init_error() const;
  std::optional<Error> exit_error() const;
  // The events it registered for: "INVOKE", "SHUTDOWN".
  std::vector<std::string> events() const;
  // The subscription as sent, JSON; empty when there was none.
  std::string subscription() const;
  // Lines of mayfly::log since the beginning: "LEVEL message name=value ...".
  std::vector<std::string> log() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// ---- records, as deliver() takes them: JSON objects with the time of now

// A line of text; `object`: a line that is JSON, in the JSON log format.
std::string function_line(std::string_view text);
std::string function_object(std::string_view json);
std::string extension_line(std::string_view text);
std::string start(std::string_view request_id);
std::string runtime_done(std::string_view request_id, std::string_view status = "success", double duration_ms = 1);
struct Measured {
  double duration_ms = 1;
  double billed_duration_ms = 1;
  double memory_size_mb = 128;
  double max_memory_used_mb = 64;
  std::optional<double> init_duration_ms = {};
  std::string_view status = "success";
};
std::string report(std::string_view request_id, const Measured& measured = {});
// Any other: `type` as in "platform.initStart", `json` the value of "record".
std::string record(std::string_view type, std::string_view json);

}  // namespace mayfly::extension::test
