#include "runtime/bootstrap/exec_handler.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "core/environment.h"
#include "runtime/bootstrap/exec_process.h"
#include "runtime/src/error_json.h"
#include "runtime/src/runtime_api.h"

extern char** environ;

namespace mayfly::runtime {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kDefaultTaskRoot = "/var/task";
constexpr std::string_view kFieldPrefix = "Lambda-Runtime-";
constexpr std::string_view kVariablePrefix = "LAMBDA_RUNTIME_";
constexpr milliseconds kMostNotice{1'000};
constexpr std::size_t kMaxMessageBytes = 1'024;

struct Program {
  std::string name;  // as _HANDLER has it
  std::string path;  // absolute
};

bool is_file(const std::string& path) {
  struct stat about {};
  return stat(path.c_str(), &about) == 0 && S_ISREG(about.st_mode);
}

std::string find_program(const std::string& name) {
  const std::string task_root(core::env("LAMBDA_TASK_ROOT").value_or(kDefaultTaskRoot));
  if (name.starts_with('/')) {
    if (is_file(name)) return name;
    fail_init("Runtime.HandlerNotFound", "no program for the handler: looked for " + name);
  }
  std::string here = task_root + "/" + name;
  if (is_file(here)) return here;
  std::string looked_at = here;
  if (name.find('/') == name.npos) {
    auto path = core::env_or("PATH", "");
    while (!path.empty()) {
      auto folder = path.substr(0, path.find(':'));
      path.remove_prefix(std::min(folder.size() + 1, path.size()));
      std::string there = std::string(folder) + "/" + name;
      if (folder.starts_with('/') && is_file(there)) return there;
    }
    looked_at += " and for " + name + " in PATH";
  }
  fail_init("Runtime.HandlerNotFound", "no program for the handler: looked for " + looked_at);
}

void check_executable(const std::string& path) {
  if (access(path.c_str(), X_OK) == 0) return;
  fail_init("Runtime.HandlerNotLoadable", path + " is not executable (" + std::strerror(errno) + "): chmod 755 it");
}

// The environment's own variables, and what Lambda said with the event.
std::vector<std::string> variables_of(const Context& context) {
  std::vector<std::string> variables;
  for (char** one = environ; *one; ++one) {
    if (!std::string_view(*one).starts_with(kVariablePrefix)) variables.emplace_back(*one);
  }
  for (const auto& field : context.headers()) {
    std::string_view name(field.name.data, field.name.size);
    if (name.size() <= kFieldPrefix.size() ||
        !std::ranges::equal(name.substr(0, kFieldPrefix.size()), kFieldPrefix,
                            [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); })) {
      continue;
    }
    std::string variable(kVariablePrefix);
    for (unsigned char c : name.substr(kFieldPrefix.size())) {
      variable += std::isalnum(c) ? static_cast<char>(std::toupper(c)) : '_';
    }
    variables.push_back(variable.append("=").append(field.value.data, field.value.size));
  }
  return variables;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.find_first_not_of(" \t\r") != line.npos) lines.emplace_back(line);
  }
  return lines;
}

std::string seconds_text(milliseconds duration) {
  auto tenths = std::to_string(duration.count() % 1'000 / 100);
  return std::to_string(duration.count() / 1'000) + "." + tenths + " s";
}

void fail_with(ResponseSink& sink, std::string type, std::string message, const ExecEnd& end) {
  ErrorReport report{std::move(type), std::move(message), lines_of(end.last_errors)};
  if (!report.stack_trace.empty()) report.message += ": " + report.stack_trace.back();
  report.message.resize(std::min(report.message.size(), kMaxMessageBytes));
  log_error("the invocation failed", {report.type, report.message, {}});  // the lines are in the log already
  sink.fail(report.type, error_json(report));
}

void answer(ResponseSink& sink, const Program& program, const ExecEnd& end, milliseconds limit) {
  const std::string& name = program.name;
  if (end.too_large) {
    return fail(sink,
                Error("Function.ResponseSizeTooLarge",
                      name + " has written more than " + std::to_string(kMaxResponseBytes) + " bytes, and was ended"));
  }
  if (end.terminated) {
    return fail_with(sink, "Function.Timeout", name + " was ended after " + seconds_text(limit) + ", near the deadline",
                     end);
  }
  if (!end.how.empty()) return fail_with(sink, "Function.ExitError", name + " ended with " + end.how, end);
  sink.respond(end.output.empty() ? std::string_view("null") : std::string_view(end.output));
}

void invoke(void* state, const Invocation& invocation, ResponseSink& sink) {
  const auto& program = *static_cast<const Program*>(state);
  ExecSpec spec;
  spec.program = program.path;
  spec.arguments = {program.name};
  spec.variables = variables_of(invocation.context);
  spec.input = invocation.event;
  spec.max_output_bytes = kMaxResponseBytes;
  auto left = invocation.context.remaining();
  auto notice = std::min(left / 5, kMostNotice);
  if (left != milliseconds::max()) {
    auto deadline = std::chrono::steady_clock::now() + left;
    spec.terminate_at = deadline - notice;
    spec.kill_at = deadline - notice / 2;
  }
  auto end = run_program(spec);
  if (!end) return fail(sink, Error("Function.LaunchError", end.error().message));
  answer(sink, program, *end, left - notice);
}

void destroy(void* state) { delete static_cast<Program*>(state); }

Handler make(const void*) {
  auto handler = core::env_or("_HANDLER", "");
  std::string name(handler.substr(std::min(kExecPrefix.size(), handler.size())));
  if (name.empty()) {
    fail_init("Runtime.InvalidHandler",
              "the handler '" + std::string(handler) + "' (_HANDLER) names no program: exec:./program");
  }
  auto path = find_program(name);
  check_executable(path);
  return {new Program{std::move(name), std::move(path)}, &invoke, nullptr, &destroy};
}

}  // namespace

HandlerSource program_from_environment() { return {&make, nullptr}; }

}  // namespace mayfly::runtime
