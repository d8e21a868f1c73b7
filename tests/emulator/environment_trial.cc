// The environment without the command line, for trying things by hand:
//   environment_trial [PORT] [EXTENSIONS or -] COMMAND...
// with --env in the variable ENVIRONMENT as NAME=value lines;
// prints every observation and stops at SIGINT or SIGTERM; a second one kills.

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "emulator/service.h"

using namespace mayfly::emulator;

namespace {

constexpr const char* kKinds[] = {
    "init_started", "process_started", "process_ready",    "init_ended",     "invocation_accepted", "invocation_started",
    "responded",    "process_idle",    "invocation_ended", "process_killed", "process_exited",      "frozen",
    "reset_started", "shutdown_started", "shutdown_ended",  "log_line",       "platform_line",       "notice"};

void print(const Observation& what) {
  std::printf("%10.3f %-19s #%u %-12s %s %s %s\n", static_cast<double>(what.elapsed_ns) / 1e6,
              kKinds[static_cast<int>(what.kind)], what.number, what.process.c_str(), what.status.c_str(),
              what.detail.c_str(), what.message.c_str());
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  settings.listen.port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 9000);
  if (argc > 2 && std::string(argv[2]) != "-") settings.extension_folders = {argv[2]};
  if (argc > 3) settings.command.assign(argv + 3, argv + argc);
  settings.task_root = std::filesystem::current_path();
  settings.credentials = {{"AWS_ACCESS_KEY_ID", "none"}, {"AWS_SECRET_ACCESS_KEY", "none"}, {"AWS_SESSION_TOKEN", "none"}};

  std::istringstream variables(std::getenv("ENVIRONMENT") ? std::getenv("ENVIRONMENT") : "");
  for (std::string line; std::getline(variables, line);) {
    auto equals = line.find('=');
    if (equals != line.npos) settings.environment.emplace_back(line.substr(0, equals), line.substr(equals + 1));
  }

  boost::asio::io_context io(1);
  Service service(io, settings, std::getenv("QUIET") ? Observer() : Observer(print));
  auto listening = service.start();
  if (!listening) {
    std::fprintf(stderr, "%s\n", listening.error().message.c_str());
    return 3;
  }
  std::printf("http://%s\n", listening->host_port().c_str());
  std::fflush(stdout);
  boost::asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](boost::system::error_code, int) {
    service.stop([&] { signals.cancel(); });
    signals.async_wait([&](boost::system::error_code error, int) {
      if (!error) service.kill();
    });
  });
  io.run();
  return 0;
}
