#include "emulator/cli/function_settings.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include <mayfly/json/value.h>
#include <mayfly/json/writer.h>

#include "emulator/cli/figures.h"
#include "emulator/cli/json_text.h"
#include "emulator/cli/text_file.h"
#include "emulator/cli/url_settings.h"
#include "emulator/invoke/function_name.h"
#include "emulator/invoke/validation_text.h"
#include "emulator/sandbox/sandbox_environment.h"

namespace mayfly::emulator::cli {
namespace {

namespace fs = std::filesystem;
using Pairs = std::vector<std::pair<std::string, std::string>>;

constexpr std::size_t kMaxEnvironmentBytes = 4'096;  // [A]
constexpr std::uint16_t kRuntimeApiPort = 9001;      // the RIE's
constexpr std::size_t kMaxHandlerBytes = 128;        // [A]
constexpr std::size_t kMaxRegionBytes = 63;          // a label of a host name

// The example keys of AWS's own documentation: no service accepts them, and no
// scanner takes them for a leak.
constexpr std::pair<const char*, const char*> kDummyCredentials[] = {
    {"AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE"},
    {"AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"},
    {"AWS_SESSION_TOKEN", "not-a-session-token"},
};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// Lambda's pattern: [a-zA-Z]([a-zA-Z0-9_])+ [A].
bool is_variable_name(std::string_view name) {
  auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return name.size() >= 2 && letter(name[0]) &&
         std::ranges::all_of(name, [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '_'; });
}

void put(Pairs& pairs, std::string name, std::string value) {
  auto found = std::ranges::find(pairs, name, &Pairs::value_type::first);
  if (found != pairs.end()) {
    found->second = std::move(value);
  } else {
    pairs.emplace_back(std::move(name), std::move(value));
  }
}

// Quotes as in dotenv files: '...' is taken as it is, "..." knows \n \t \" \\.
std::string unquoted(std::string_view value) {
  if (value.size() < 2 || value.front() != value.back() || (value[0] != '"' && value[0] != '\'')) {
    if (auto comment = value.find(" #"); comment != value.npos) value = trimmed(value.substr(0, comment));
    return std::string(value);
  }
  bool escapes = value[0] == '"';
  value = value.substr(1, value.size() - 2);
  std::string out;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (!escapes || value[i] != '\\' || i + 1 == value.size()) {
      out += value[i];
      continue;
    }
    char c = value[++i];
    out += c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
  }
  return out;
}

Decided<void> read_dotenv(std::string_view text, std::string_view file, Pairs& out) {
  for (int line_number = 1; !text.empty(); ++line_number) {
    auto end = std::min(text.find('\n'), text.size());
    auto line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line[0] == '#') continue;
    if (line.starts_with("export ")) line = trimmed(line.substr(7));
    auto equals = line.find('=');
    if (equals == line.npos || equals == 0) {
      return refuse(kUsage, std::string(file) + ":" + std::to_string(line_number) + ": no NAME=VALUE in this line",
                    "an --env-file has one variable a line, # begins a comment", "TABLE=orders");
    }
    put(out, std::string(trimmed(line.substr(0, equals))), unquoted(trimmed(line.substr(equals + 1))));
  }
  return {};
}

// SAM turns numbers and booleans into text as well.
bool read_scalar(json::Value& value, std::string& out) {
  std::string_view text;
  if (value.kind() == json::Kind::string) {
    if (value.get(text) != json::Status::ok) return false;
  } else if ((value.kind() != json::Kind::number && value.kind() != json::Kind::boolean) ||
             value.raw(text) != json::Status::ok) {
    return false;
  }
  out = trimmed(text);
  return true;
}

Decided<void> read_sam_json(std::string_view text, std::string_view file, std::string_view function_name, Pairs& out) {
  json::Document document;
  auto root = document.parse(text);
  std::string wrong;
  auto take = [&](std::string_view name, json::Value& value) {
    std::string key(name), scalar;
    if (!read_scalar(value, scalar)) {
      wrong = key;
      return json::Status::stopped;
    }
    put(out, std::move(key), std::move(scalar));
    return json::Status::ok;
  };
  auto status = !root ? json::Status::malformed : root->each_field([&](std::string_view name, json::Value& value) {
    if (value.kind() != json::Kind::object) return take(name, value);
    bool ours = name == "Parameters" || name == function_name;
    return ours ? value.each_field(take) : json::Status::ok;
  });
  if (!wrong.empty() && !find_json_fault(text)) {
    return refuse(kUsage, std::string(file) + ": the value of " + wrong + " is no text", "variables are strings",
                  "{\"Parameters\": {\"" + wrong + "\": \"...\"}}");
  }
  if (status != json::Status::ok || !wrong.empty()) {
    return refuse(kUsage, std::string(file) + " is not JSON", "it begins with {, so it is read as SAM's env-vars file",
                  "{\"Parameters\": {\"TABLE\": \"orders\"}}");
  }
  return {};
}

std::string from(const GivenVariable& variable) {
  return variable.origin == "--env" ? "" : " (" + variable.origin + ")";
}

Decided<void> check_environment(const std::vector<GivenVariable>& environment) {
  std::string reserved, where, measured;
  json::Writer json(measured);
  json.begin_object();
  for (const auto& variable : environment) {
    const auto& [name, value, origin] = variable;
    if (is_reserved_variable(name)) {
      reserved += (reserved.empty() ? "" : ", ") + name;
      where += from(variable);
    } else if (!is_variable_name(name)) {
      return refuse(kUsage, "a function cannot have the variable '" + name + "'" + from(variable),
                    "Lambda wants a letter first, then letters, digits and _: [a-zA-Z]([a-zA-Z0-9_])+",
                    "--env NAME=VALUE");
    } else if (value.find('\0') != value.npos) {
      return refuse(kUsage, "the variable " + name + from(variable) + " has a NUL byte", "no process can be given one",
                    "");
    }
    json.member(name, value);
  }
  json.end_object();
  if (!reserved.empty()) {
    return refuse(kUsage, reserved_variables_message(reserved), "Lambda sets these itself" + where,
                  "--region, --handler, --name, --memory or --credentials set what they stand for");
  }
  if (measured.size() > kMaxEnvironmentBytes) {
    return refuse(kUsage,
                  "Lambda was unable to configure your environment variables because the environment variables you "
                  "have provided exceeded the 4KB limit. String measured: " +
                      measured,
                  with_commas(static_cast<std::int64_t>(measured.size())) + " bytes as JSON, 4,096 are allowed",
                  "keep large values in a file beside the function");
  }
  return {};
}

Decided<void> check_handler(const Arguments& arguments) {
  std::string handler(arguments.text("handler"));
  const char* wrong = handler.size() > kMaxHandlerBytes ? "have length less than or equal to 128"
                      : handler.find_first_of(" \t\r\n\v\f") != handler.npos
                          ? "satisfy regular expression pattern: [^\\s]+"
                          : nullptr;
  if (!wrong) return {};
  return refuse(kUsage, "no handler can be called '" + handler + "'" + arguments.said_by("handler"),
                "a handler's name is up to 128 characters, none of them a space\nLambda says: " +
                    validation_text(handler, "handler", wrong),
                "--handler main.handler");
}

Decided<void> check_version(const Arguments& arguments) {
  std::string version(arguments.text("function-version"));
  bool number = !version.empty() && std::ranges::all_of(version, [](char c) { return c >= '0' && c <= '9'; });
  if (number || version == "$LATEST") return {};
  return refuse(
      kUsage, "no version can be called '" + version + "'" + arguments.said_by("function-version"),
      "a version is $LATEST or a number\nLambda says: " + validation_text(version, "functionVersion",
                                                                          "satisfy regular expression pattern: "
                                                                          "(\\$LATEST|[0-9]+)"),
      "--function-version 7");
}

// It becomes part of ARNs and of host names.
Decided<void> check_region(const Arguments& arguments) {
  std::string_view region = arguments.text("region");
  auto part = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  bool sound = !region.empty() && region.size() <= kMaxRegionBytes && std::ranges::all_of(region, part) &&
               region.front() >= 'a' && region.front() <= 'z' && region.back() != '-';
  if (sound) return {};
  return refuse(kUsage, "no region can be called '" + std::string(region) + "'" + arguments.said_by("region"),
                "a region's name has small letters, digits and -, 63 at most", "--region eu-central-1");
}

Decided<void> take_credentials(const Arguments& arguments, const Variables& variables, Settings& settings) {
  if (arguments.text("credentials") == "dummy") {
    for (const auto& [name, value] : kDummyCredentials) settings.credentials.emplace_back(name, value);
    return {};
  }
  for (const char* name : {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}) {
    if (auto value = variables.get(name)) settings.credentials.emplace_back(name, *value);
  }
  if (settings.credentials.empty()) {
    return refuse(kUsage, "--credentials env, but this shell has no AWS_ACCESS_KEY_ID",
                  "only variables are read, never profiles, SSO or instance metadata",
                  "eval \"$(aws configure export-credentials --format env)\"");
  }
  // Whoever calls AWS as us calls the AWS that we call, which may be a local one.
  for (const auto& [name, value] : variables.all()) {
    if (name.starts_with("AWS_ENDPOINT_URL")) settings.environment.insert(settings.environment.begin(), {name, value});
  }
  return {};
}

// What is started by hand is started to be debugged, and on one port always.
Decided<void> take_no_start(const Arguments& arguments, Settings& settings) {
  if (!arguments.given("no-start")) return {};
  for (OptionRef other : {OptionRef("max-concurrency"), OptionRef("watch"), OptionRef("tenant-isolation")}) {
    if (!arguments.given(other)) continue;
    return refuse(kUsage, "--no-start does not go with --" + std::string(kOptions[other.row].name),
                  "one environment waits for a runtime that is started by hand", "one of them");
  }
  if (arguments.has_command_line && arguments.task_root.empty()) {
    return refuse(kUsage, "--no-start starts no program", "what follows -- would be one", "mayfly run --no-start");
  }
  settings.start_runtime = false;
  settings.max_environments = 1;
  settings.runtime_api.port = kRuntimeApiPort;
  settings.idle_timeout = std::chrono::hours{24 * 365};
  settings.max_age = std::chrono::seconds{0};
  return {};
}

Decided<void> check_extension_folder(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    return refuse(kCannotStart, "the extension folder " + folder.string() + " is not there",
                  error ? error.message() : "it is no folder", "--extensions DIR");
  }
  if (access(folder.c_str(), R_OK | X_OK) != 0) {
    return refuse(kCannotStart, "the extension folder " + folder.string() + " cannot be read", std::strerror(errno),
                  "chmod +rx " + folder.string());
  }
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    std::error_code ignored;
    if (entry.is_regular_file(ignored) && access(entry.path().c_str(), X_OK) != 0) {
      return refuse(kCannotStart, "the extension " + entry.path().string() + " is not executable",
                    "Lambda starts every file of the folder: this one would be Extension.LaunchError",
                    "chmod +x " + entry.path().string());
    }
  }
  return {};
}

}  // namespace

Decided<std::vector<GivenVariable>> given_environment(const Arguments& arguments, const Variables& variables) {
  std::vector<GivenVariable> given;
  auto put = [&](GivenVariable variable) {
    auto found = std::ranges::find(given, variable.name, &GivenVariable::name);
    if (found != given.end()) {
      *found = std::move(variable);
    } else {
      given.push_back(std::move(variable));
    }
  };
  for (const GivenVariable& variable : arguments.project_environment) put(variable);
  for (const std::string& file : arguments.list("env-file")) {
    auto text = read_text_file(file);
    if (!text) return unexpected(text.error());
    Pairs pairs;
    if (auto read = read_env_file(*text, file, arguments.text("name"), pairs); !read) return unexpected(read.error());
    for (auto& [name, value] : pairs) put({std::move(name), std::move(value), file});
  }
  const std::string& env_origin = arguments.settings[OptionRef("env").row].origin;
  for (const std::string& word : arguments.list("env")) {
    auto equals = word.find('=');
    if (equals != word.npos) {
      put({word.substr(0, equals), word.substr(equals + 1), env_origin});
      continue;
    }
    auto found = variables.all().find(word);
    if (found == variables.all().end()) {
      return refuse(kUsage, "--env " + word + " has no value, and this shell has no such variable",
                    "--env NAME hands the shell's variable on", "--env " + word + "=VALUE");
    }
    put({word, found->second, env_origin + ", this shell"});
  }
  if (auto fits = check_environment(given); !fits) return unexpected(fits.error());
  return given;
}

Decided<Pairs> user_environment(const Arguments& arguments, const Variables& variables) {
  auto given = given_environment(arguments, variables);
  if (!given) return unexpected(given.error());
  Pairs pairs;
  for (auto& variable : *given) pairs.emplace_back(std::move(variable.name), std::move(variable.value));
  return pairs;
}

Decided<core::Origin> parse_listen(std::string_view text, std::string_view option) {
  auto wrong = [&](std::string why) {
    return refuse(kUsage, "cannot listen on '" + std::string(text) + "'", std::move(why),
                  std::string(option) + " 127.0.0.1:9000");
  };
  auto colon = text.rfind(':');
  std::string host(colon == text.npos || colon == 0 ? "127.0.0.1" : text.substr(0, colon));
  if (host == "localhost") host = "127.0.0.1";
  std::string_view port = colon == text.npos ? text : text.substr(colon + 1);
  bool any_port = port == "0";  // which parse_host_port has no use for
  auto origin = core::parse_host_port(host + ":" + (any_port ? "1" : std::string(port)));
  if (!origin) return wrong("it is [HOST:]PORT: " + origin.error().message);
  if (any_port) origin->port = 0;
  return std::move(*origin);
}

Decided<void> read_env_file(std::string_view text, std::string_view file, std::string_view function_name, Pairs& out) {
  auto first = text.find_first_not_of(" \t\r\n");
  bool is_json = first != text.npos && text[first] == '{';
  return is_json ? read_sam_json(text, file, function_name, out) : read_dotenv(text, file, out);
}

Decided<Settings> settings_from(const Arguments& arguments, const Variables& variables) {
  Settings settings;
  if (arguments.has_command_line && arguments.command_line.empty()) {
    return refuse(kUsage, "there is nothing behind --", "it is followed by the program and its arguments",
                  "-- ./bootstrap");
  }
  if (arguments.has_command_line) settings.command = arguments.command_line;
  std::error_code error;
  settings.task_root = arguments.task_root.empty() ? fs::current_path(error) : arguments.task_root;
  if (error) return refuse(kCannotStart, "the current folder cannot be read", error.message(), "cd");

  if (arguments.given("listen")) {
    auto listen = parse_listen(arguments.text("listen"), "--listen");
    if (!listen) {
      listen.error().message.what += arguments.said_by("listen");
      return unexpected(listen.error());
    }
    settings.listen = std::move(*listen);
  }
  if (arguments.given("name")) {
    auto name = parse_function_name(arguments.text("name"));
    if (!name) {
      return refuse(
          kUsage, "no function can be called '" + std::string(arguments.text("name")) + "'" + arguments.said_by("name"),
          "a name is 1 to 64 letters, digits, - and _\nLambda says: " + name.error().message, "--name orders");
    }
    settings.function_name = name->name;
  }
  if (auto taken = take_url_settings(arguments, variables, settings); !taken) return unexpected(taken.error());
  settings.any_function_name = !arguments.given("name");
  settings.function_version = arguments.text("function-version");
  if (auto sound = check_version(arguments); !sound) return unexpected(sound.error());
  settings.handler = arguments.text("handler");
  if (auto sound = check_handler(arguments); !sound) return unexpected(sound.error());
  settings.region = arguments.text("region");
  if (auto sound = check_region(arguments); !sound) return unexpected(sound.error());
  settings.timeout = std::chrono::seconds(arguments.number("timeout"));
  settings.memory_mb = arguments.number("memory");
  settings.max_environments = static_cast<std::size_t>(arguments.number("max-environments"));
  settings.idle_timeout = std::chrono::seconds(arguments.number("idle-timeout"));
  settings.max_age = std::chrono::seconds(arguments.number("max-age"));
  settings.tenant_isolation = arguments.given("tenant-isolation");
  settings.throttle_streaming = arguments.given("throttle-streaming");
  settings.freeze = !arguments.given("no-freeze");
  settings.throttle_cpu = arguments.given("throttle-cpu");
  settings.limit_files = !arguments.given("shared-files");
  if (arguments.given("debug") || arguments.given("no-start")) {
    // Whether a debugger is attached cannot be seen for those of interpreters.
    settings.configured_timeout = settings.timeout;
    settings.timeout = settings.init_limit = std::chrono::hours(24);
    settings.freeze = false;
  }
  if (auto taken = take_no_start(arguments, settings); !taken) return unexpected(taken.error());
  auto cgroups = arguments.text("cgroups");
  settings.control_groups = cgroups == "v1"     ? ControlGroups::v1
                            : cgroups == "v2"   ? ControlGroups::v2
                            : cgroups == "none" ? ControlGroups::none
                                                : ControlGroups::automatic;
  settings.log_format = arguments.text("log-format") == "json" ? LogFormat::json : LogFormat::text;
  settings.system_log_level = parse_log_level(arguments.text("system-log-level")).value_or(LogLevel::info);
  if (arguments.given("max-concurrency")) {
    manage(settings, static_cast<std::size_t>(arguments.number("max-concurrency")));
    if (!arguments.given("max-environments")) settings.max_environments = 1;
    if (settings.tenant_isolation) {
      return refuse(kUsage, "--tenant-isolation does not go with --max-concurrency",
                    "an environment of Managed Instances belongs to no tenant", "one of them");
    }
  }
  settings.log_level = arguments.text("log-level");
  std::ranges::transform(settings.log_level, settings.log_level.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });

  auto environment = user_environment(arguments, variables);
  if (!environment) return unexpected(environment.error());
  settings.environment = std::move(*environment);
  if (auto taken = take_credentials(arguments, variables, settings); !taken) return unexpected(taken.error());
  for (const std::string& folder : arguments.list("extensions")) {
    if (auto usable = check_extension_folder(folder); !usable) return unexpected(usable.error());
    settings.extension_folders.push_back(fs::absolute(folder, error));
  }
  return settings;
}

}  // namespace mayfly::emulator::cli
