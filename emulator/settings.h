// What `mayfly run` runs and within which limits: the outcome of options,
// variables and defaults, decided before anything starts and not changed after.

#pragma once

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/uri.h"
#include "emulator/invoke/cors.h"
#include "emulator/invoke/signature.h"
#include "emulator/telemetry/log_level.h"

namespace mayfly::emulator {

enum class LogFormat { text, json };
// Which of the kernel's control groups hold an environment together; where they
// cannot, signals do. automatic: version 2 where it can, else version 1.
enum class ControlGroups { automatic, v1, v2, none };

// The function's URL, as the service's FunctionUrlConfig has it.
struct FunctionUrl {
  core::Origin listen;       // may be that of the Invoke API; port 0 takes a free one
  bool in_parts = false;     // InvokeMode: RESPONSE_STREAM, else BUFFERED
  bool signed_only = false;  // AuthType: AWS_IAM, else NONE
  std::optional<Cors> cors;
};

struct Settings {
  // The program and its arguments. One word without '/' is looked up in PATH.
  std::vector<std::string> command{"./bootstrap"};
  std::filesystem::path task_root;  // LAMBDA_TASK_ROOT and working directory: absolute

  std::string function_name = "function";
  bool any_function_name = true;  // the Invoke API takes every name, not only function_name
  std::string function_version = "$LATEST";
  std::string handler;  // _HANDLER
  std::string region = "us-east-1";
  std::string account_id = "123456789012";

  core::Origin listen{"127.0.0.1", 9000};    // Invoke API; port 0 takes a free one
  std::optional<FunctionUrl> url;            // none: the function has no URL
  bool verify_signatures = false;            // of requests to the Invoke API; else they are not looked at
  Credentials callers;                       // who may sign: with verify_signatures and url->signed_only
  core::Origin runtime_api{"127.0.0.1", 0};  // of the first environment; further ones take free ports
  std::chrono::milliseconds timeout{3'000};  // 1 s .. 900 s
  // For a debugger `timeout` and `init_limit` are a day away; this is what clients
  // are told. Zero: the timeout.
  std::chrono::milliseconds configured_timeout{0};
  int memory_mb = 128;                     // 128 .. 10'240
  std::size_t max_environments = 50;       // at a time; from 1 up
  std::chrono::seconds idle_timeout{600};  // an environment that long without a call ends
  bool tenant_isolation = false;           // every invocation must name its tenant
  std::chrono::seconds max_age{0};         // an environment ends when older and idle; 0: never

  std::vector<std::pair<std::string, std::string>> environment;  // --env, after those of Lambda
  // What an image gives its processes, in the place of provided.al2023's own; empty: no image.
  std::vector<std::pair<std::string, std::string>> image_environment;
  // What the function gets as credentials: name and value, in order.
  std::vector<std::pair<std::string, std::string>> credentials;
  std::vector<std::filesystem::path> extension_folders;  // each file in them is an external extension
  LogFormat log_format = LogFormat::text;                // AWS_LAMBDA_LOG_FORMAT
  // The least that is logged with the JSON format: of what the function writes
  // (AWS_LAMBDA_LOG_LEVEL; empty: INFO), and of the platform's lines (debug .. warn).
  std::string log_level;
  LogLevel system_log_level = LogLevel::info;

  // Observation::Kind::platform_event is told; each takes the making of a record.
  bool tell_platform_events = false;

  // Managed Instances: calls at a time in one environment, 1 .. 1'600; 0: on
  // demand, one. Set by manage().
  std::size_t max_concurrency = 0;
  bool is_managed() const { return max_concurrency > 0; }
  // Calls at a time in all environments.
  std::size_t capacity() const { return max_environments * std::max<std::size_t>(max_concurrency, 1); }
  // As AWS_LAMBDA_INITIALIZATION_TYPE and telemetry have it.
  std::string_view initialization_type() const { return is_managed() ? "lambda-managed-instances" : "on-demand"; }

  // Else somebody starts it by hand, in a debugger for instance: one environment
  // is there from the beginning and waits. On demand only.
  bool start_runtime = true;
  bool throttle_streaming = false;  // streamed responses go no faster than on Lambda
  bool throttle_cpu = false;        // no more of the processors than the memory buys on Lambda
  ControlGroups control_groups = ControlGroups::automatic;
  // Files are read-only but /tmp, which is each environment's own.
  bool limit_files = true;
  // Between invocations nothing runs; not so in Managed Instances.
  bool freeze = true;

  // As the official emulator answers where callers may depend on it: 502 for a
  // function whose processes failed, a timeout as plain text.
  bool emulator_statuses = false;

  // A runtime that a signal ends in Init is started again until the timeout of the
  // invocation that waits for it, as on Lambda; else it is tried twice.
  bool keep_trying_init = true;

  // Lambda's own budgets; tests shorten them.
  std::chrono::milliseconds init_limit{10'000};
  std::chrono::milliseconds shutdown_with_internal{500};
  std::chrono::milliseconds shutdown_with_external{2'000};
};

inline constexpr int kMaxConcurrency = 1'600;  // the most that the service takes

// What Managed Instances fix: nothing is frozen, logs are JSON, Init may take
// 130 s or the timeout, whichever is more, and an environment stays. The timeout
// is set before.
inline void manage(Settings& settings, std::size_t max_concurrency) {
  settings.max_concurrency = max_concurrency;
  settings.freeze = false;
  settings.log_format = LogFormat::json;
  settings.init_limit = std::max(std::chrono::milliseconds{130'000}, settings.timeout);
  settings.idle_timeout = std::chrono::hours{24 * 365};
  settings.max_age = std::chrono::seconds{0};
}

}  // namespace mayfly::emulator
