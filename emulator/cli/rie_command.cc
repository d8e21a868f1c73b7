#include "emulator/cli/rie_command.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <optional>

#include "emulator/cli/function_settings.h"
#include "emulator/cli/running_service.h"

namespace mayfly::emulator::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kName = "aws-lambda-rie";
constexpr std::string_view kListenOption = "--runtime-interface-emulator-address";
constexpr std::string_view kUsageText =
    R"(aws-lambda-rie [OPTIONS] [COMMAND...]
run a function and answer calls, in the place of AWS's emulator: this is mayfly

  aws-lambda-rie /var/runtime/bootstrap app.handler
  curl http://localhost:8080/2015-03-31/functions/function/invocations -d '{}'

COMMAND is the first bootstrap in /var/task, /opt and /var/runtime unless given.

      --runtime-interface-emulator-address ADDRESS  where calls come in  [0.0.0.0:8080]
      --runtime-api-address ADDRESS                 the Runtime API  [127.0.0.1:9001]
      --log-level LEVEL                             debug, info, warn or error  [info]
      --enable-init-caching                         accepted, and without effect

Variables: AWS_LAMBDA_FUNCTION_NAME, _VERSION, _TIMEOUT [300], _MEMORY_SIZE [3008],
_HANDLER; AWS_LAMBDA_MAX_CONCURRENCY (Managed Instances); LOG_LEVEL;
RUNTIME_INTERFACE_EMULATOR_ADDRESS.
)";

// What a word or variable says about the options.
struct Given {
  std::string listen, runtime_api, level;
  bool init_caching = false;
  std::vector<std::string> command;
};

Decided<Given> read_words(const std::vector<std::string>& words) {
  Given given;
  struct Option {
    std::string_view name;
    std::string* value;
  };
  const Option options[] = {
      {kListenOption, &given.listen}, {"--runtime-api-address", &given.runtime_api}, {"--log-level", &given.level}};
  for (std::size_t at = 0; at < words.size(); ++at) {
    std::string_view word = words[at];
    auto equals = word.find('=');
    if (word == "--enable-init-caching") {
      given.init_caching = true;
      continue;
    }
    const Option* known = nullptr;
    for (const Option& option : options) {
      if (option.name == word.substr(0, equals)) known = &option;
    }
    if (!known) {
      given.command.push_back(words[at]);
    } else if (equals != word.npos) {
      *known->value = word.substr(equals + 1);
    } else if (at + 1 < words.size()) {
      *known->value = words[++at];
    } else {
      return refuse(kUsage, std::string(word) + " needs a value", "", "aws-lambda-rie --help");
    }
  }
  return given;
}

// ":8080" is every address of this machine, as in Go.
Decided<core::Origin> address(std::string text, std::string_view option) {
  if (text.starts_with(':')) text.insert(0, "0.0.0.0");
  if (auto origin = parse_listen(text)) return std::move(*origin);
  return refuse(kUsage, std::string(option) + " cannot be '" + text + "'", "it is a numeric address and a port",
                std::string(option) + " 127.0.0.1:8080");
}

// From 1 up: the RIE knows no upper limit, and people debug with hours.
constexpr int kAnyNumber = 1'000'000;

Decided<int> positive_number(const Variables& variables, std::string_view name, int otherwise, int high = kAnyNumber) {
  auto text = variables.get(name);
  if (!text) return otherwise;
  int number = 0;
  auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error == std::errc{} && end == text->data() + text->size() && number >= 1 && number <= high) return number;
  return refuse(kUsage, std::string(name) + " cannot be '" + std::string(*text) + "'",
                "it is a whole number from 1 to " + std::to_string(high),
                std::string(name) + "=" + std::to_string(std::max(otherwise, 1)));
}

std::optional<RieLevel> level_of(std::string_view word) {
  std::string lower(word);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  if (lower == "trace" || lower == "debug") return RieLevel::debug;
  if (lower == "info") return RieLevel::info;
  if (lower == "warn" || lower == "warning") return RieLevel::warning;
  if (lower == "error") return RieLevel::error;
  if (lower == "fatal" || lower == "panic") return RieLevel::none;
  return std::nullopt;
}

// The command and where it runs; the RIE takes the last of several words for
// the handler, whatever they are.
void choose_command(Given& given, const Variables& variables, const fs::path& root, Settings& settings) {
  settings.handler = variables.get("AWS_LAMBDA_FUNCTION_HANDLER").value_or(variables.get("_HANDLER").value_or(""));
  std::error_code error;
  if (!given.command.empty()) {
    settings.task_root = fs::current_path(error);
    settings.command = std::move(given.command);
    if (settings.handler.empty() && settings.command.size() > 1) settings.handler = settings.command.back();
    return;
  }
  settings.task_root = root / "var/task";
  settings.command = {(settings.task_root / "bootstrap").string()};
  for (const char* folder : {"var/task", "opt", "var/runtime"}) {
    fs::path bootstrap = root / folder / "bootstrap";
    if (!fs::exists(bootstrap, error)) continue;
    settings.command = {bootstrap.string()};
    return;
  }
}

// The RIE is another program then, with JSON for a timeout, one environment, and
// account and region of its surroundings.
void manage_as_rie(Settings& settings, const Variables& variables, std::size_t max_concurrency) {
  manage(settings, max_concurrency);
  settings.max_environments = 1;
  settings.emulator_statuses = false;
  settings.account_id = variables.get("AWS_ACCOUNT_ID").value_or("123456789012");
  settings.region = variables.get("AWS_REGION").value_or(variables.get("AWS_DEFAULT_REGION").value_or("us-east-1"));
}

// Folders of extensions; none when the RIE's own switch is there.
std::vector<fs::path> extension_folders(const fs::path& root) {
  std::error_code error;
  fs::path folder = root / "opt/extensions";
  if (fs::exists(root / "opt/disable-extensions-jwigqn8j", error) || !fs::is_directory(folder, error)) return {};
  return {folder};
}

}  // namespace

bool is_rie(std::string_view program) {
  auto slash = program.rfind('/');
  return program.substr(slash == program.npos ? 0 : slash + 1).starts_with(kName);
}

Decided<RieSettings> rie_settings(const std::vector<std::string>& words, const Variables& variables,
                                  const fs::path& root) {
  auto given = read_words(words);
  if (!given) return unexpected(given.error());
  auto or_variable = [&](std::string& value, std::string_view name, std::string_view otherwise) {
    if (value.empty()) value = variables.get(name).value_or(otherwise);
  };
  or_variable(given->level, "LOG_LEVEL", "info");
  or_variable(given->listen, "RUNTIME_INTERFACE_EMULATOR_ADDRESS", "0.0.0.0:8080");
  or_variable(given->runtime_api, "", "127.0.0.1:9001");

  RieSettings out;
  Settings& settings = out.settings;
  out.init_caching = given->init_caching;
  auto level = level_of(given->level);
  if (!level) {
    return refuse(kUsage, "--log-level cannot be '" + given->level + "'", "it is one of: debug info warn error fatal",
                  "--log-level info");
  }
  out.level = *level;
  auto listen = address(given->listen, kListenOption);
  if (!listen) return unexpected(listen.error());
  settings.listen = std::move(*listen);
  auto runtime_api = address(given->runtime_api, "--runtime-api-address");
  if (!runtime_api) return unexpected(runtime_api.error());
  settings.runtime_api = std::move(*runtime_api);
  auto timeout = positive_number(variables, "AWS_LAMBDA_FUNCTION_TIMEOUT", 300);
  if (!timeout) return unexpected(timeout.error());
  settings.timeout = std::chrono::seconds(*timeout);
  auto memory = positive_number(variables, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 3'008);
  if (!memory) return unexpected(memory.error());
  settings.memory_mb = *memory;

  settings.function_name = variables.get("AWS_LAMBDA_FUNCTION_NAME").value_or("test_function");
  settings.function_version = variables.get("AWS_LAMBDA_FUNCTION_VERSION").value_or("$LATEST");
  settings.account_id = "012345678912";
  choose_command(*given, variables, root, settings);
  settings.extension_folders = extension_folders(root);

  for (const auto& [name, value] : variables.all()) settings.image_environment.emplace_back(name, value);
  // There even when empty.
  for (const char* name : {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}) {
    settings.credentials.emplace_back(name, variables.get(name).value_or(""));
  }
  settings.emulator_statuses = true;
  settings.keep_trying_init = false;  // its callers know at once, and wait 300 s by default
  settings.idle_timeout = std::chrono::hours(24 * 365);
  auto concurrency = positive_number(variables, "AWS_LAMBDA_MAX_CONCURRENCY", 0, kMaxConcurrency);
  if (!concurrency) return unexpected(concurrency.error());
  if (*concurrency > 0) manage_as_rie(settings, variables, static_cast<std::size_t>(*concurrency));
  // The image's container is what holds the processes, and people attach
  // debuggers to them between calls, for as long as they like.
  settings.control_groups = ControlGroups::none;
  settings.limit_files = false;
  settings.freeze = false;
  return out;
}

std::string rie_log_line(RieLevel level, RieLevel least, std::string_view text, core::WallTime time) {
  if (level < least) return {};
  const char* name = level == RieLevel::debug     ? "DEBUG"
                     : level == RieLevel::info    ? "INFO"
                     : level == RieLevel::warning ? "WARNING"
                                                  : "ERROR";
  auto ms = core::epoch_ms(time);
  std::time_t seconds = ms / 1'000;
  std::tm local{};
  localtime_r(&seconds, &local);
  char date[64];
  std::strftime(date, sizeof date, "%d %b %Y %H:%M:%S", &local);
  char head[112];
  std::snprintf(head, sizeof head, "%s,%03d [%s] (rapid) ", date, static_cast<int>(ms % 1'000), name);
  return head + std::string(text) + "\n";
}

std::string rie_log_line(const Observation& o, RieLevel least) {
  using Kind = Observation::Kind;
  RieLevel level = RieLevel::debug;
  switch (o.kind) {
    case Kind::init_started:
    case Kind::invocation_started:
    case Kind::notice: level = RieLevel::info; break;
    case Kind::init_ended: level = o.detail == "success" ? RieLevel::info : RieLevel::error; break;
    case Kind::invocation_ended: level = o.status == "success" ? RieLevel::info : RieLevel::error; break;
    case Kind::reset_started:
    case Kind::process_exited: level = RieLevel::warning; break;
    case Kind::throttled: level = RieLevel::error; break;
    default: break;
  }
  auto words = observation_words(o);
  return words.empty() ? words : rie_log_line(level, least, words, o.time);
}

Decided<int> rie_command(const std::vector<std::string>& words, const Variables& variables) {
  // No program begins with a dash; the RIE would start one.
  if (!words.empty() && (words.front() == "--help" || words.front() == "-h")) {
    write_out(STDOUT_FILENO, kUsageText);
    return kDone;
  }
  auto rie = rie_settings(words, variables);
  if (!rie) return unexpected(rie.error());
  const Settings& settings = rie->settings;
  RunningService::Display display;
  display.view = View::log;
  display.quiet = true;
  display.log = [least = rie->level](const Observation& o) { return rie_log_line(o, least); };
  auto say = [&](RieLevel level, std::string_view text) {
    write_out(STDERR_FILENO, rie_log_line(level, rie->level, text, core::wall_now()));
  };

  RunningService service(settings, display);
  auto listening = service.start();
  if (!listening) {
    Refusal refusal = listening.error();
    refusal.message.why.clear();
    refusal.message.try_this = std::string(kName) + " " + std::string(kListenOption) + " 127.0.0.1:8081";
    return unexpected(std::move(refusal));
  }
  // Scripts wait for this line, in which the handler is the command's last word.
  std::string handler = settings.command.size() > 1 ? settings.command.back() : "";
  say(RieLevel::info,
      "exec '" + settings.command.front() + "' (cwd=" + settings.task_root.string() + ", handler=" + handler + ")");
  say(RieLevel::debug, "listening on " + listening->host_port());
  if (rie->init_caching) say(RieLevel::warning, "--enable-init-caching has no effect: nothing here takes snapshots");
  service.run();
  return kDone;
}

}  // namespace mayfly::emulator::cli
