// Where lines go instead of standard error while a test looks at them.

#pragma once

#include <span>
#include <string>
#include <string_view>

#include <mayfly/log.h>

namespace mayfly::core {

// While one lives, it takes the lines of its thread, and those of threads without
// one of their own. Lines below the level are dropped before.
class LogTap {
 public:
  LogTap();
  LogTap(const LogTap&) = delete;
  LogTap& operator=(const LogTap&) = delete;

  // Thread-safety: called under a lock that all lines share.
  virtual void take(LogLevel level, std::string_view message, std::span<const LogField> fields) = 0;

 protected:
  ~LogTap();

 private:
  LogTap* const before_;
};

// The field's value as text: strings as they are, all else as JSON.
std::string log_value(const LogField& field);

}  // namespace mayfly::core
