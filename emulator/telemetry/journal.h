// Everything that has happened in an environment, told in three languages: the
// log as CloudWatch shows it, the events of the Telemetry API, and observations
// for the terminal. The lifecycle says what happened; here it gets its words.

#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/lifecycle/lifecycle.h"
#include "emulator/observation.h"
#include "emulator/settings.h"
#include "emulator/telemetry/telemetry.h"

namespace mayfly::emulator {

class Journal final : public Witness {
 public:
  static constexpr std::size_t kTailBytes = 4'096;

  // `origin`: what elapsed_ns counts from. `environment`, `log_stream`: whose
  // journal it is.
  Journal(const Settings& settings, const Observer& observer, Clock::time_point origin, std::uint32_t environment,
          std::string log_stream)
      : settings_(settings),
        observer_(observer),
        origin_(origin),
        environment_(environment),
        log_stream_(std::move(log_stream)),
        function_level_(parse_log_level(settings.log_level).value_or(LogLevel::info)) {}

  // Where telemetry goes from now on; null: nowhere.
  void set_telemetry(Telemetry* telemetry) { telemetry_ = telemetry; }

  // A line that a process has written; `process` is "bootstrap" for the runtime.
  // To the telemetry always; to the log unless it is below the function's level.
  void log_line(const std::string& process, bool external, std::string_view line);
  void subscribed(const std::string& extension, const std::vector<std::string>& types);
  void notice(std::string line);
  // The process that the next process_started is about.
  void launched(int pid) { launched_ = pid; }
  // The end of the log: since the last invocation's START, where there is one at a
  // time.
  const std::string& tail() const { return tail_; }

  void observe(Observation what) override;
  void invocation_taken(const Invocation& invocation) override;
  void init_started(std::string_view phase) override;
  void runtime_init_ended(std::string_view phase, std::string_view status, std::string_view error_type) override;
  void extension_settled(const std::string& name, std::string_view state, const std::vector<std::string>& events,
                         std::string_view error_type) override;
  void init_ended(std::string_view phase, std::string_view status, std::string_view error_type,
                  std::chrono::nanoseconds duration) override;
  void invocation_started(const Invocation& invocation, bool cold) override;
  void runtime_done(const Invocation& invocation, std::string_view status, std::string_view error_type,
                    std::chrono::nanoseconds duration, std::size_t produced_bytes, const RuntimeSpans& spans) override;
  void invocation_ended(const Invocation& invocation, const Report& report, const RuntimeSpans& spans) override;

 private:
  // A platform event: to the telemetry always, to the log when the log's format
  // is JSON and the level is not below Settings::system_log_level.
  // `make_record` is called when somebody wants it.
  template <class MakeRecord>
  void publish(std::string_view type, LogLevel level, MakeRecord make_record) {
    if (is_wanted(level)) publish_record(type, make_record(), level);
  }
  void publish_record(std::string_view type, const std::string& record, LogLevel level);
  bool is_wanted(LogLevel level) const;
  bool is_logged(LogLevel level) const;
  // A line of the log in its text format.
  void platform_line(std::string line);
  void write_platform(std::string line);
  void add_to_tail(std::string_view line);
  // What follows is about this invocation.
  void set_subject(const Invocation& invocation);
  void forget_subject();

  const Settings& settings_;
  const Observer& observer_;
  const Clock::time_point origin_;
  const std::uint32_t environment_;
  const std::string log_stream_;
  const LogLevel function_level_;
  Telemetry* telemetry_ = nullptr;
  std::string tail_;
  std::string request_id_;  // of the invocation that was taken
  std::uint32_t number_ = 0;
  int launched_ = 0;
};

}  // namespace mayfly::emulator
