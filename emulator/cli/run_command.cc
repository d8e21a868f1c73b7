#include "emulator/cli/run_command.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include <mayfly/json/writer.h>

#include "emulator/cli/config_layers.h"
#include "emulator/cli/config_text.h"
#include "emulator/cli/figures.h"
#include "emulator/cli/function_settings.h"
#include "emulator/cli/program.h"
#include "emulator/cli/running_service.h"
#include "emulator/cli/summary.h"
#include "emulator/cli/text_file.h"
#include "emulator/cli/version.h"

namespace mayfly::emulator::cli {
namespace {

namespace fs = std::filesystem;

struct FailOn {
  bool error = false, timeout = false, init = false, throttle = false;

  bool met_by(const Totals& totals) const {
    return (error && totals.errors > 0) || (timeout && totals.timeouts > 0) || (init && totals.init_failures > 0) ||
           (throttle && totals.throttles > 0);
  }
};

Decided<FailOn> parse_fail_on(std::string_view list) {
  FailOn out;
  while (!list.empty()) {
    auto word = list.substr(0, list.find(','));
    bool* flag = word == "error"      ? &out.error
                 : word == "timeout"  ? &out.timeout
                 : word == "init"     ? &out.init
                 : word == "throttle" ? &out.throttle
                                      : nullptr;
    if (!flag) {
      return refuse(kUsage, "--fail-on knows no '" + std::string(word) + "'",
                    "it is a list of: error,timeout,init,throttle", "--fail-on error,timeout");
    }
    *flag = true;
    list.remove_prefix(std::min(word.size() + 1, list.size()));
  }
  return out;
}

std::string label(const Style& style, std::string_view name) {
  std::string padded(name);
  padded.resize(11, ' ');
  return "  " + paint(style, Ink::bold, padded);
}

// "freeze, memory, 1,024 processes; not: CPU, read-only files".
// `held_by`: the option that holds deadlines; empty: none does.
std::string enforced_text(const Settings& settings, const Enforcement& enforcement, const FileLimits& files,
                          const std::string& held_by) {
  std::string held, missing;
  auto add = [&](const std::string& what, bool holds, const std::string& why) {
    std::string& list = holds ? held : missing;
    list += (list.empty() ? "" : ", ") + what + (holds || why.empty() ? "" : " (" + why + ")");
  };
  if (!held_by.empty()) add("time limits", false, held_by);
  std::string thawed = !held_by.empty() ? held_by : settings.is_managed() ? "Managed Instances" : "--no-freeze";
  add(settings.freeze ? "freeze (" + enforcement.freezer + ")" : "freeze", settings.freeze, thawed);
  bool ours = settings.start_runtime;  // else it is where its user has put it
  add("memory", ours && enforcement.memory_problem.empty(), ours ? enforcement.memory_problem : "");
  add("processes", ours && enforcement.processes_problem.empty() && !settings.is_managed(), {});
  add("CPU", ours && enforcement.cpu_problem.empty(),
      settings.throttle_cpu ? enforcement.cpu_problem : "--throttle-cpu");
  add("read-only files", ours && files.read_only_problem.empty(), files.read_only_problem);
  bool same = files.tmp_problem == files.read_only_problem;
  add("own /tmp", ours && files.tmp_problem.empty(), same ? "" : files.tmp_problem);
  return held + (missing.empty() ? "" : "; not: " + missing);
}

constexpr int kNoEnd = 10'000;  // of a line that no terminal shows

// Where calls come in.
struct Addresses {
  core::Origin api;
  std::optional<core::Origin> url;  // the function's own, with --url
};

std::string http(const core::Origin& origin) { return "http://" + origin.host_port(); }

std::string_view reach(const core::Origin& origin) {
  return origin.is_loopback() ? "  (this machine only" : "  (whoever reaches this machine";
}

std::string url_line(const Style& style, const FunctionUrl& url, const core::Origin& listening) {
  return label(style, "function") + paint(style, Ink::link, http(listening) + "/") + std::string(reach(listening)) +
         (url.signed_only ? ", signed" : "") + (url.in_parts ? ", streamed" : "") + ")\n";
}

// The one in this folder is no news.
bool shows_project_file(const Arguments& arguments) {
  return !arguments.project_file.empty() && arguments.project_file != "mayfly.toml";
}

std::string banner(const Style& style, const Settings& settings, const Enforcement& enforcement,
                   const FileLimits& files, const Addresses& addresses, const Arguments& arguments,
                   std::chrono::nanoseconds start_up) {
  std::string held_by = arguments.given("debug") ? "--debug" : arguments.given("no-start") ? "--no-start" : "";
  const core::Origin& listening = addresses.api;
  std::string first =
      "mayfly " + std::string(kVersion) + "  " + (arguments.given("no-start") ? "no program" : program_text(settings)) +
      "  " + std::to_string(settings.memory_mb) + " MB  " +
      (!held_by.empty()
           ? "no time limit"
           : std::to_string(std::chrono::duration_cast<std::chrono::seconds>(settings.timeout).count()) + " s");
  std::string ready =
      "ready in " + std::to_string(std::chrono::ceil<std::chrono::milliseconds>(start_up).count()) + " ms";
  auto gap = std::max<int>(2, 77 - static_cast<int>(first.size() + ready.size()));
  std::string out = paint(style, Ink::dim, first + std::string(static_cast<std::size_t>(gap), ' ') + ready) + "\n";
  out += label(style, "listening") + paint(style, Ink::link, http(listening)) + std::string(reach(listening)) +
         (settings.verify_signatures ? ", signed" : "") + ")\n";
  if (addresses.url) out += url_line(style, *settings.url, *addresses.url);
  out += label(style, "enforced") +
         wrapped(enforced_text(settings, enforcement, files, held_by), 13, style.terminal ? style.width : kNoEnd) +
         "\n";
  if (!held_by.empty()) {
    out += label(style, "debug") + "deadlines are a day away, and nothing is frozen; mayfly's own log is -v\n";
  }
  if (arguments.given("watch")) out += label(style, "watching") + "the function's files: a change starts it anew\n";
  if (shows_project_file(arguments)) out += label(style, "config") + arguments.project_file + "\n";
  if (arguments.text("credentials") == "env") {
    out += label(style, "AWS keys") + "this shell's\n";
  } else {
    out += label(style, "AWS keys") + "none: calls to AWS will be refused. To give yours to the function:\n" +
           "             eval \"$(aws configure export-credentials --format env)\"\n" +
           "             mayfly run --credentials env\n";
  }
  bool usual = listening == Settings{}.listen;
  out += label(style, "try") + "mayfly invoke " + (usual ? "" : "--endpoint " + std::to_string(listening.port) + " ") +
         "--payload '{\"name\":\"Ada\"}'\n";
  out += label(style, "from code") + "export AWS_ENDPOINT_URL_LAMBDA=" + http(listening) + "\n";
  return out;
}

std::string ready_json(const Addresses& addresses) {
  std::string out;
  json::Writer json(out);
  json.begin_object().member("time", core::rfc3339(core::wall_now())).member("type", "mayfly.ready");
  json.key("record").begin_object().member("listen", http(addresses.api));
  if (addresses.url) json.member("url", http(*addresses.url) + "/");
  json.member("pid", static_cast<int>(getpid())).end_object().end_object();
  return out + "\n";
}

Changes changes_of(const Arguments& arguments) {
  Changes changes;
  changes.reload = arguments.given("watch");
  std::error_code error;
  for (const std::string& file : arguments.list("env-file")) changes.settings.push_back(fs::absolute(file, error));
  if (!arguments.project_path.empty()) changes.settings.push_back(arguments.project_path);
  for (auto file : {arguments.text("ready-file"), arguments.text("timeline"), arguments.text("log-folder")}) {
    if (!file.empty()) changes.outputs.push_back(fs::absolute(file, error));
  }
  return changes;
}

// What the files of settings say now. A running service takes variables only.
Decided<std::vector<std::pair<std::string, std::string>>> changed_environment(const Arguments& before,
                                                                              const Variables& variables,
                                                                              const RunningService::Display& display) {
  auto now = read_arguments(before.typed, variables);
  if (!now) return unexpected(now.error());
  if (settings_text(*now) != settings_text(before)) {
    write_out(STDERR_FILENO,
              note_text(display.error_style, now->project_file + ": only variables are taken over now, other settings "
                                                                 "by the next mayfly run"));
  }
  return user_environment(*now, variables);
}

}  // namespace

Decided<int> run_command(const Arguments& arguments, const Variables& variables,
                         std::chrono::steady_clock::time_point started) {
  if (!arguments.words.empty()) {
    return refuse(kUsage, "run does not know what to do with " + arguments.words.front(), "the program follows --",
                  "mayfly run -- " + arguments.words.front());
  }
  if (arguments.given("show-config")) {
    auto text = config_text(arguments, variables);
    if (!text) return unexpected(text.error());
    write_out(STDOUT_FILENO, *text);
    return kDone;
  }
  auto fail_on = parse_fail_on(arguments.text("fail-on"));
  if (!fail_on) return unexpected(fail_on.error());
  auto settings = settings_from(arguments, variables);
  if (!settings) return unexpected(settings.error());
  if (!arguments.given("unchecked") && !arguments.given("no-start")) {
    auto runs = check_program(*settings, !arguments.has_command_line, variables.get("PATH").value_or(""));
    if (!runs) return unexpected(runs.error());
  }
  bool ascii = arguments.given("ascii");
  RunningService::Display display;
  display.style = style_of(STDOUT_FILENO, variables, arguments.text("color"), ascii);
  display.error_style = style_of(STDERR_FILENO, variables, arguments.text("color"), ascii);
  display.quiet = arguments.given("quiet");
  if (arguments.given("verbose")) display.log = observation_text;
  display.view = view_of(arguments.text("view"), arguments.given("json"), display.quiet, display.style);
  display.timeline_file = arguments.text("timeline");
  display.log_folder = arguments.text("log-folder");
  bool json = display.view == View::json;

  display.attach = arguments.given("debug");

  RunningService service(*settings, display);
  auto listening = service.start();
  if (!listening) return unexpected(listening.error());
  Addresses addresses{*listening, {}};
  if (settings->url) {
    auto url = service.start_url();
    if (!url) return unexpected(url.error());
    addresses.url = *url;
  }
  auto watched =
      service.watch(changes_of(arguments), [&] { return changed_environment(arguments, variables, display); });
  if (!watched) return unexpected(watched.error());
  if (!display.quiet && !arguments.given("unchecked") && !arguments.given("no-start")) {
    for (const auto& warning : program_warnings(*settings, variables.get("PATH").value_or("")))
      write_out(STDERR_FILENO, warning_text(display.error_style, warning));
  }
  if (arguments.given("ready-file")) {
    auto written = replace_file(std::string(arguments.text("ready-file")), http(*listening) + "\n");
    if (!written) return unexpected(written.error());
  }
  if (json) {
    write_out(STDOUT_FILENO, ready_json(addresses));
  } else if (!display.quiet) {
    write_out(STDOUT_FILENO, banner(display.style, *settings, service.enforcement(), service.file_limits(), addresses,
                                    arguments, std::chrono::steady_clock::now() - started));
  }
  service.run();

  if (json) {
    write_out(STDOUT_FILENO, summary_json(service.metrics()));
  } else if (!display.quiet) {
    write_out(STDOUT_FILENO, summary_text(service.metrics(), service.stopping(), display.style));
  }
  if (arguments.given("ready-file")) unlink(std::string(arguments.text("ready-file")).c_str());
  return fail_on->met_by(service.metrics().totals()) ? kFunctionFailed : kDone;
}

}  // namespace mayfly::emulator::cli
