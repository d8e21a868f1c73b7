#include "tests/runtime/bootstrap_run.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

namespace mayfly::test {

namespace {

std::string take_text(int file) {
  std::string text(static_cast<std::size_t>(lseek(file, 0, SEEK_END)), '\0');
  REQUIRE(pread(file, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
  close(file);
  return text;
}

}  // namespace

Ended run_program(const std::string& path, ScriptedServer& server, std::vector<std::string> environment) {
  environment.push_back("AWS_LAMBDA_RUNTIME_API=" + server.address());
  std::vector<char*> variables;
  for (auto& variable : environment) variables.push_back(variable.data());
  variables.push_back(nullptr);
  char* arguments[] = {const_cast<char*>(path.c_str()), nullptr};

  int errors = memfd_create("stderr", MFD_CLOEXEC);
  int output = memfd_create("stdout", MFD_CLOEXEC);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  pid_t child = 0;
  REQUIRE(posix_spawn(&child, path.c_str(), &actions, nullptr, arguments, variables.data()) == 0);
  posix_spawn_file_actions_destroy(&actions);

  int child_fd = static_cast<int>(syscall(434 /* pidfd_open */, child, 0));
  pollfd events[] = {{child_fd, POLLIN, 0}, {server.done_fd(), POLLIN, 0}};
  REQUIRE(poll(events, 2, 60'000) > 0);
  if (!events[0].revents) kill(child, SIGTERM);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  close(child_fd);

  return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), take_text(errors), take_text(output)};
}

std::vector<Step> invocations(const std::vector<std::string>& events) {
  std::vector<Step> script;
  for (const auto& event : events) {
    script.push_back({std::string(kNext), event_answer(event)});
    script.push_back({"POST /2018-06-01/runtime/invocation/r1/", accepted()});
  }
  return script;
}

Request init_error_of(std::vector<std::string> environment) {
  ScriptedServer server({{std::string(kInitError), accepted()}});
  auto ended = run_program(TEST_BOOTSTRAP, server, std::move(environment));
  CAPTURE(ended.standard_error);
  CHECK(ended.code == 1);
  REQUIRE(server.requests(kInitError).size() == 1);
  CHECK(server.requests().size() == 1);
  return server.requests(kInitError)[0];
}

std::string error_type(const Request& request) {
  return std::string(request.field("Lambda-Runtime-Function-Error-Type"));
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

bool has_ended(pid_t pid) {
  int fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0) return true;
  pollfd event{fd, POLLIN, 0};
  bool ended = poll(&event, 1, 10'000) == 1;
  close(fd);
  return ended;
}

Folder::Folder() {
  char name[] = "/tmp/bootstrap_test.XXXXXX";
  path_ = mkdtemp(name);
}

Folder::~Folder() { std::filesystem::remove_all(path_); }

void Folder::write(const std::string& file, std::string_view bytes) {
  std::ofstream(path_ + "/" + file, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

std::string Folder::read(const std::string& file) const {
  std::ostringstream text;
  text << std::ifstream(path_ + "/" + file, std::ios::binary).rdbuf();
  return text.str();
}

void Folder::write_script(const std::string& file, std::string_view lines) {
  write(file, "#!/bin/sh\n" + std::string(lines));
  std::filesystem::permissions(path_ + "/" + file, std::filesystem::perms::owner_all);
}

}  // namespace mayfly::test
