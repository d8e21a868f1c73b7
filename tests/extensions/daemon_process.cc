#include "daemon_process.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace {

std::string slurp(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

DaemonProcess::DaemonProcess(const std::string& runtime_api, Environment environment) {
  char folder[] = "/tmp/mayfly-daemon-test-XXXXXX";
  REQUIRE(mkdtemp(folder));
  folder_ = folder;
  environment.insert(environment.end(), {{"AWS_LAMBDA_RUNTIME_API", runtime_api},
                                         {"AWS_LAMBDA_FUNCTION_NAME", "orders"},
                                         {"AWS_LAMBDA_FUNCTION_VERSION", "7"},
                                         {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"},
                                         {"AWS_REGION", "eu-west-1"}});
  // One port a machine: tests run beside each other.
  if (std::ranges::none_of(environment, [](const auto& pair) { return pair.first == "MAYFLY_TELEMETRY_RECEIVER"; })) {
    environment.emplace_back("MAYFLY_TELEMETRY_RECEIVER", "off");
  }
  // The one of another daemon that runs beside it is not its own.
  bool has_spool = std::ranges::any_of(environment, [](const auto& v) { return v.first == "MAYFLY_TELEMETRY_SPOOL"; });
  if (!has_spool) environment.emplace_back("MAYFLY_TELEMETRY_SPOOL", folder_ + "/spool");
  std::vector<std::string> texts;
  for (auto& [name, value] : environment) texts.push_back(name + "=" + value);
  std::vector<char*> envp;
  for (auto& text : texts) envp.push_back(text.data());
  envp.push_back(nullptr);
  std::string out = folder_ + "/out", err = folder_ + "/err";
  char* argv[] = {const_cast<char*>(MAYFLY_TELEMETRY_PROGRAM), nullptr};

  pid_ = fork();
  REQUIRE(pid_ >= 0);
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(open(out.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600), STDOUT_FILENO);
    dup2(open(err.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600), STDERR_FILENO);
    execve(argv[0], argv, envp.data());
    _exit(127);
  }
}

DaemonProcess::~DaemonProcess() {
  if (!ended_) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  std::filesystem::remove_all(folder_);
}

int DaemonProcess::exit_code() {
  int status = 0;
  REQUIRE(waitpid(pid_, &status, 0) == pid_);
  ended_ = true;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string DaemonProcess::output() const { return slurp(folder_ + "/out"); }
std::string DaemonProcess::errors() const { return slurp(folder_ + "/err"); }
