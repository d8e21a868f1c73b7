#include "emulator/cli/url_settings.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <mayfly/json/value.h>

#include "emulator/cli/function_settings.h"
#include "emulator/json_check.h"

namespace mayfly::emulator::cli {
namespace {

constexpr int kMaxAgeSeconds = 86'400;

unexpected<Refusal> bad_cors(std::string why) {
  return refuse(kUsage, "--cors cannot be read", std::move(why),
                R"(--cors '{"AllowOrigins":["https://example.com"],"AllowMethods":["GET"]}')");
}

json::Status read_list(json::Value& value, std::vector<std::string>& out) {
  return value.each_element([&](json::Value& one) {
    std::string_view text;
    auto status = one.get(text);
    if (status == json::Status::ok) out.emplace_back(text);
    return status;
  });
}

Decided<Cors> parse_cors_json(std::string_view text) {
  if (auto problem = json_problem(text); !problem.empty()) return bad_cors(std::move(problem));
  json::Document document;
  auto root = document.parse(text);
  if (!root) return bad_cors(root.error().message);
  Cors cors;
  std::int64_t age = 0;
  std::string member;
  struct List {
    std::string_view name;
    std::vector<std::string>& values;
    std::size_t limit;
  };
  const List lists[] = {{"AllowOrigins", cors.allow_origins, 100},
                        {"AllowMethods", cors.allow_methods, 6},
                        {"AllowHeaders", cors.allow_headers, 100},
                        {"ExposeHeaders", cors.expose_headers, 100}};
  auto status = root->each_field([&](std::string_view name, json::Value& value) {
    member = name;
    if (name == "AllowCredentials") return value.get(cors.allow_credentials);
    if (name == "MaxAge") return value.get(age);
    auto list = std::ranges::find(lists, name, &List::name);
    return list == std::end(lists) ? json::Status::stopped : read_list(value, list->values);
  });
  if (status == json::Status::stopped) return bad_cors("it has no member " + member);
  if (status != json::Status::ok) return bad_cors("the value of " + member + " is of another type");
  for (const List& list : lists) {
    if (list.values.size() > list.limit) {
      return bad_cors(std::string(list.name) + " has " + std::to_string(list.values.size()) + " values, " +
                      std::to_string(list.limit) + " are allowed");
    }
  }
  if (age < 0 || age > kMaxAgeSeconds) return bad_cors("MaxAge is " + std::to_string(age) + ", 0 to 86400 are allowed");
  cors.max_age = static_cast<int>(age);
  return cors;
}

Decided<Credentials> callers_of(std::string_view option, const Variables& variables) {
  auto callers = shell_credentials(variables);
  if (callers.access_key_id.empty() || callers.secret_access_key.empty()) {
    return refuse(kUsage, std::string(option) + ", but this shell has no AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
                  "callers sign with the same keys; any will do",
                  "export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test");
  }
  return callers;
}

}  // namespace

Credentials shell_credentials(const Variables& variables) {
  auto text = [&](std::string_view name) { return std::string(variables.get(name).value_or("")); };
  return {text("AWS_ACCESS_KEY_ID"), text("AWS_SECRET_ACCESS_KEY"), text("AWS_SESSION_TOKEN")};
}

Decided<Cors> parse_cors(std::string_view text) {
  if (text.starts_with('{')) return parse_cors_json(text);
  Cors cors;
  cors.allow_methods = cors.allow_headers = {"*"};
  while (!text.empty()) {
    auto origin = text.substr(0, text.find(','));
    text.remove_prefix(std::min(origin.size() + 1, text.size()));
    if (origin != "*" && (origin.find("://") == origin.npos || origin.ends_with('/'))) {
      return bad_cors("'" + std::string(origin) + "' is no origin: https://HOST[:PORT], without a path, or *");
    }
    cors.allow_origins.emplace_back(origin);
  }
  if (cors.allow_origins.size() > 100) return bad_cors("more than 100 origins");
  return cors;
}

Decided<void> take_url_settings(const Arguments& arguments, const Variables& variables, Settings& settings) {
  bool signed_only = arguments.text("auth-type") == "AWS_IAM";
  settings.verify_signatures = arguments.given("verify-signatures");
  if (signed_only || settings.verify_signatures) {
    auto callers = callers_of(settings.verify_signatures ? "--verify-signatures" : "--auth-type AWS_IAM", variables);
    if (!callers) return unexpected(callers.error());
    settings.callers = std::move(*callers);
  }
  if (!arguments.given("url")) {
    std::string idle = arguments.given("auth-type")     ? "--auth-type"
                       : arguments.given("invoke-mode") ? "--invoke-mode"
                       : arguments.given("cors")        ? "--cors"
                                                        : "";
    if (idle.empty()) return {};
    return refuse(kUsage, idle + " without --url", "it is about the function's URL, and there is none", "--url 8080");
  }
  auto listen = parse_listen(arguments.text("url"), "--url");
  if (!listen) return unexpected(listen.error());
  FunctionUrl url;
  url.listen = std::move(*listen);
  url.in_parts = arguments.text("invoke-mode") == "RESPONSE_STREAM";
  url.signed_only = signed_only;
  if (arguments.given("cors")) {
    auto cors = parse_cors(arguments.text("cors"));
    if (!cors) return unexpected(cors.error());
    url.cors = std::move(*cors);
  }
  settings.url = std::move(url);
  return {};
}

}  // namespace mayfly::emulator::cli
