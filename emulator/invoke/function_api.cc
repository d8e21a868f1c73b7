#include "emulator/invoke/function_api.h"

#include <mayfly/json/writer.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "core/clock.h"
#include "emulator/entrypoint.h"
#include "emulator/identifiers.h"
#include "emulator/invoke/function_address.h"
#include "emulator/invoke/sha256.h"
#include "emulator/telemetry/platform_events.h"

namespace mayfly::emulator {

using core::HttpExchange;
using core::HttpReply;

namespace {

constexpr std::string_view kFunctions = "/2015-03-31/functions";
constexpr FunctionRoute kGetFunction{"/2015-03-31/functions/", ""};
constexpr FunctionRoute kGetConfiguration{"/2015-03-31/functions/", "/configuration"};
constexpr std::string_view kAccountSettings = "/2016-08-19/account-settings";

constexpr std::size_t kMaxBodyBytes = 16 * 1024;  // of a GET, which has none
constexpr int kMostItems = 10'000;
constexpr int kAccountConcurrency = 1'000;  // of an account at Lambda, unless raised
constexpr std::int64_t kZippedBytes = 52'428'800;
constexpr std::int64_t kUnzippedBytes = 262'144'000;
constexpr std::int64_t kAccountCodeBytes = 80'530'636'800;

#if defined(__aarch64__)
constexpr const char* kArchitecture = "arm64";
#else
constexpr const char* kArchitecture = "x86_64";
#endif

// The program that runs; zeros when there is none.
struct Code {
  std::string path;
  std::int64_t size = 0;
  core::WallTime modified{};
};

Code code_of(const Settings& settings) {
  Code code;
  code.path = find_program(settings.command.front(), settings.task_root).lexically_normal().string();
  struct stat file {};
  if (stat(code.path.c_str(), &file) != 0) return code;
  code.size = file.st_size;
  code.modified =
      core::WallTime(std::chrono::seconds(file.st_mtim.tv_sec) + std::chrono::nanoseconds(file.st_mtim.tv_nsec));
  return code;
}

// Base64, as of a zip. Empty when there is no program, or none that Lambda takes.
std::string sha256_of(const Code& code) {
  if (code.size == 0 || code.size > kUnzippedBytes) return {};
  std::ifstream in(code.path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  return base64_encode(bytes_of(sha256(bytes)));
}

// "2026-11-21T14:31:31.458+0000"
std::string last_modified(core::WallTime time) {
  std::string text = core::rfc3339(time);
  text.pop_back();
  return text + "+0000";
}

void write_logging(json::Writer& json, const Settings& settings) {
  json.key("LoggingConfig").begin_object();
  bool is_json = settings.log_format == LogFormat::json;
  json.member("LogFormat", is_json ? "JSON" : "Text");
  if (is_json) {
    json.member("ApplicationLogLevel", settings.log_level.empty() ? "INFO" : settings.log_level.c_str());
    json.member("SystemLogLevel", name_of(settings.system_log_level));
  }
  json.member("LogGroup", "/aws/lambda/" + settings.function_name).end_object();
}

void write_environment(json::Writer& json, const Settings& settings) {
  json.key("Environment").begin_object().key("Variables").begin_object();
  for (const auto& [name, value] : settings.environment) json.member(name, value);
  json.end_object().end_object();
}

}  // namespace

FunctionApi::FunctionApi(const Settings& settings) : settings_(settings), revision_id_(new_uuid()) {}

std::optional<FunctionApi::Wanted> FunctionApi::operation_of(const HttpExchange& exchange) {
  if (exchange.method() != "GET") return std::nullopt;
  auto path = exchange.path();
  auto bare = path.ends_with('/') ? path.substr(0, path.size() - 1) : path;
  if (bare == kFunctions) return Wanted{Operation::list_functions, {}};
  if (bare == kAccountSettings) return Wanted{Operation::account_settings, {}};
  if (auto name = name_in(path, kGetConfiguration); !name.empty()) return Wanted{Operation::get_configuration, name};
  if (auto name = name_in(path, kGetFunction); !name.empty()) return Wanted{Operation::get_function, name};
  return std::nullopt;
}

boost::asio::awaitable<void> FunctionApi::serve(HttpExchange& exchange) {
  auto body = co_await exchange.read_body(kMaxBodyBytes);
  if (body.state == body.broken) co_return;
  auto request_id = new_uuid();
  if (auto fault = signature_error(settings_, exchange, body))
    co_return co_await exchange.reply(error_reply(*fault, request_id));
  auto answered = answer(*operation_of(exchange), exchange.query());
  HttpReply reply;
  if (answered) {
    reply.content_type = "application/json";
    reply.fields = {{"x-amzn-RequestId", request_id}};
    reply.body = std::move(*answered);
  } else {
    reply = error_reply(answered.error(), request_id);
  }
  co_await exchange.reply(std::move(reply));
}

FunctionApi::Answer FunctionApi::answer(const Wanted& wanted, std::string_view query) {
  switch (wanted.operation) {
    case Operation::get_function: return get_function(wanted.name, query, false);
    case Operation::get_configuration: return get_function(wanted.name, query, true);
    case Operation::list_functions: return list_functions(query);
    case Operation::account_settings: return account_settings();
  }
  return {};
}

FunctionApi::Answer FunctionApi::get_function(std::string_view encoded_name, std::string_view query,
                                              bool only_configuration) {
  auto function = addressed_function(settings_, encoded_name, query);
  if (!function) return unexpected(function.error());
  if (only_configuration) return configuration(*function);
  std::string out;
  json::Writer json(out);
  json.begin_object().key("Configuration").raw(configuration(*function));
  json.key("Code").begin_object();
  json.member("RepositoryType", "mayfly").member("Location", "file://" + code_of(settings_).path).end_object();
  json.key("Concurrency").begin_object();
  json.member("ReservedConcurrentExecutions", settings_.capacity()).end_object();
  json.end_object();
  return out;
}

// One function, so one page.
FunctionApi::Answer FunctionApi::list_functions(std::string_view query) {
  auto items = query_value(query, "MaxItems");
  if (!items) return unexpected(items.error());
  if (!items->empty()) {
    int number = 0;
    auto [end, error] = std::from_chars(items->data(), items->data() + items->size(), number);
    if (error != std::errc() || end != items->data() + items->size() || number < 1)
      return bad_member(*items, "maxItems", "have value greater than or equal to 1");
    if (number > kMostItems) return bad_member(*items, "maxItems", "have value less than or equal to 10000");
  }
  auto marker = query_value(query, "Marker");
  if (!marker) return unexpected(marker.error());
  FunctionName served{settings_.function_name, {}, settings_.region, settings_.account_id};
  std::string out;
  json::Writer json(out);
  json.begin_object().key("Functions").begin_array();
  if (marker->empty()) json.raw(configuration(served));
  json.end_array().end_object();
  return out;
}

std::string FunctionApi::account_settings() const {
  const auto reserved = static_cast<int>(settings_.max_environments);
  const int concurrency = std::max(kAccountConcurrency, reserved);
  std::string out;
  json::Writer json(out);
  json.begin_object().key("AccountLimit").begin_object();
  json.member("TotalCodeSize", kAccountCodeBytes).member("CodeSizeUnzipped", kUnzippedBytes);
  json.member("CodeSizeZipped", kZippedBytes).member("ConcurrentExecutions", concurrency);
  json.member("UnreservedConcurrentExecutions", concurrency - reserved).end_object();
  json.key("AccountUsage").begin_object();
  json.member("TotalCodeSize", code_of(settings_).size).member("FunctionCount", 1).end_object();
  json.end_object();
  return out;
}

std::string FunctionApi::configuration(const FunctionName& function) {
  const Code code = code_of(settings_);
  auto as_it_is = code.path + " " + std::to_string(code.size) + " " + core::rfc3339(code.modified);
  if (as_it_is != hashed_) {
    code_sha256_ = sha256_of(code);
    hashed_ = std::move(as_it_is);
  }
  std::string out;
  json::Writer json(out);
  json.begin_object();
  json.member("FunctionName", function.name).member("FunctionArn", arn_of(function));
  json.member("Runtime", "provided.al2023");
  json.member("Role", "arn:aws:iam::" + settings_.account_id + ":role/mayfly");
  json.member("Handler", settings_.handler.empty() ? "bootstrap" : settings_.handler.c_str());
  json.member("CodeSize", code.size).member("CodeSha256", code_sha256_).member("Description", "");
  auto timeout = settings_.configured_timeout.count() > 0 ? settings_.configured_timeout : settings_.timeout;
  json.member("Timeout", std::chrono::duration_cast<std::chrono::seconds>(timeout).count());
  json.member("MemorySize", settings_.memory_mb).member("LastModified", last_modified(code.modified));
  json.member("Version", settings_.function_version);
  write_environment(json, settings_);
  json.key("TracingConfig").begin_object().member("Mode", "PassThrough").end_object();
  json.member("RevisionId", revision_id_).member("State", "Active").member("LastUpdateStatus", "Successful");
  json.member("PackageType", "Zip").key("Architectures").begin_array().value(kArchitecture).end_array();
  json.key("EphemeralStorage").begin_object().member("Size", 512).end_object();
  json.key("SnapStart").begin_object().member("ApplyOn", "None").member("OptimizationStatus", "Off").end_object();
  json.key("RuntimeVersionConfig").begin_object();
  json.member("RuntimeVersionArn", "arn:aws:lambda:" + settings_.region + "::runtime:" + std::string(runtime_version()))
      .end_object();
  write_logging(json, settings_);
  if (settings_.tenant_isolation)
    json.key("TenancyConfig").begin_object().member("TenantIsolationMode", "PER_TENANT").end_object();
  json.end_object();
  return out;
}

}  // namespace mayfly::emulator
