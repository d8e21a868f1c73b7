// What Lambda tells a function about the invocation that is running.
//
// A Context is a view of the answer to `next` and of the environment: nothing is
// parsed or copied before it is asked for, and every std::string_view from it
// lives as long as the invocation. Values are as Lambda sent them; what it did
// not send is empty.
//
// Thread-safety: all of it, as long as no thread changes the environment.

#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include <mayfly/entry_point.h>

namespace mayfly {

namespace runtime {
class StopTimer;
}

// Sent by the AWS Mobile SDK, or by whoever calls Invoke with a client context.
// A value that is no string is given as its JSON text.
struct ClientContext {
  using Strings = std::map<std::string, std::string, std::less<>>;

  Strings client;  // installation_id, app_title, app_version_name, app_version_code, app_package_name
  Strings custom;
  Strings env;
};

struct CognitoIdentity {
  std::string identity_id;
  std::string identity_pool_id;
};

class Context {
 public:
  // `fields`: the header fields of the answer to `next`; they outlive the context.
  explicit Context(std::span<const mayfly_field> fields) : fields_(fields) {}
  ~Context() {
    if (timer_.load(std::memory_order_relaxed)) end_timer();
  }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  std::string_view request_id() const { return header("Lambda-Runtime-Aws-Request-Id"); }
  // One for each attempt: retries of an asynchronous call share the request id.
  std::string_view invocation_id() const { return header("Lambda-Runtime-Invocation-Id"); }
  std::string_view function_arn() const { return header("Lambda-Runtime-Invoked-Function-Arn"); }
  // "Root=1-...;Parent=...;Sampled=1", the X-Ray tracing header.
  std::string_view trace_id() const { return header("Lambda-Runtime-Trace-Id"); }
  std::string_view tenant_id() const { return header("Lambda-Runtime-Aws-Tenant-Id"); }

  // When Lambda ends the invocation. Empty when it said nothing that can be read.
  std::optional<std::chrono::system_clock::time_point> deadline() const;
  // By the wall clock, at every call anew: the sandbox may have been frozen.
  // Zero when the deadline has passed, milliseconds::max() when there is none.
  std::chrono::milliseconds remaining() const;
  // Asks to stop when so much is left to the deadline, for work that can end early
  // and give what it has:
  //
  //   auto stop = context.stop_token(500ms);
  //   while (!stop.stop_requested() && more()) step();
  //
  // At once when less is left; never when there is no deadline, or when the
  // invocation has ended before. The first call that has to wait starts a thread,
  // which ends with the invocation; stop callbacks run on it, and must not throw.
  // Throws std::system_error when no thread can be started.
  std::stop_token stop_token(std::chrono::milliseconds margin) const;

  // Empty when there is none, or what came is not the JSON it should be.
  std::optional<ClientContext> client_context() const;
  std::optional<CognitoIdentity> cognito_identity() const;

  std::string_view function_name() const;
  std::string_view function_version() const;
  int memory_limit_mb() const;  // MB; 0 when the environment does not say
  std::string_view log_group() const;
  std::string_view log_stream() const;

  // Any field of the answer to `next`, by its name in any case: what a later
  // Lambda sends is there before this class has a name for it.
  std::string_view header(std::string_view name) const;
  std::span<const mayfly_field> headers() const { return fields_; }

 private:
  void end_timer();

  std::span<const mayfly_field> fields_;
  mutable std::atomic<runtime::StopTimer*> timer_ = nullptr;  // owned; made when it is asked for
};

}  // namespace mayfly
