#include "emulator/cli/log_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "emulator/cli/terminal.h"

namespace mayfly::emulator::cli {

namespace fs = std::filesystem;

LogFolder::~LogFolder() {
  for (auto [environment, file] : files_) close(file);
}

std::string LogFolder::file_name(std::string_view log_stream) {
  auto version = log_stream.find('[');
  std::string name(log_stream.substr(0, version));
  if (version != log_stream.npos) {
    auto id = log_stream.find(']', version);
    name += log_stream.substr(id == log_stream.npos ? version : id + 1);
  }
  std::ranges::replace(name, '/', '-');
  return name + ".log";
}

int LogFolder::open_file(const std::string& log_stream) {
  std::error_code error;
  fs::create_directories(folder_, error);
  auto path = folder_ / file_name(log_stream);
  return open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

std::string LogFolder::observe(const Observation& o) {
  using Kind = Observation::Kind;
  if (failed_ || o.environment == 0) return {};
  auto file = files_.find(o.environment);
  if (o.kind == Kind::init_started && file == files_.end()) {
    int descriptor = open_file(o.message);
    if (descriptor < 0) {
      failed_ = true;
      return "no log is written to " + folder_.string() + ": " + std::strerror(errno);
    }
    files_.emplace(o.environment, descriptor);
  } else if (file != files_.end() && (o.kind == Kind::log_line || o.kind == Kind::platform_line)) {
    if (!write_out(file->second, o.detail + "\n")) {
      failed_ = true;
      return "no more log is written to " + folder_.string() + ": " + std::strerror(errno);
    }
  } else if (file != files_.end() && o.kind == Kind::shutdown_ended) {
    close(file->second);
    files_.erase(file);
  }
  return {};
}

}  // namespace mayfly::emulator::cli
