#include "emulator/cli/config_text.h"

#include <algorithm>

#include "core/split.h"
#include "emulator/cli/function_settings.h"

namespace mayfly::emulator::cli {
namespace {

constexpr std::string_view kMask = "********";
// As words between underscores, or as the end of one: APIKEY, DBPASSWORD.
constexpr std::string_view kSecretWords[] = {"KEY",         "SECRET",  "TOKEN",      "PASSWORD", "PASSWD",
                                             "PASS",        "PWD",     "CREDENTIAL", "AUTH",     "DSN",
                                             "CREDENTIALS", "SECRETS", "PASSPHRASE", "COOKIE",   "SIGNATURE"};
constexpr std::size_t kOriginColumn = 40;

std::string line(std::string text, std::string_view origin) {
  text.resize(std::max(text.size() + 2, kOriginColumn), ' ');
  // Values of many lines stay in one.
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text + std::string(origin.empty() ? "default" : origin) + "\n";
}

std::string joined(const std::vector<std::string>& values, std::string_view between) {
  std::string out;
  for (const std::string& value : values) out += (out.empty() ? "" : std::string(between)) + value;
  return out;
}

std::string value_of(const Option& option, const Setting& setting) {
  if (option.takes.empty()) return setting.values.empty() ? "no" : "yes";
  return setting.values.empty() ? std::string(option.initial) : joined(setting.values, ",");
}

}  // namespace

bool is_secret(std::string_view name, std::string_view value) {
  std::string upper(name);
  std::ranges::transform(upper, upper.begin(), [](char c) { return c >= 'a' && c <= 'z' ? char(c - 32) : c; });
  for (std::string_view word : core::split(upper, '_')) {
    if (std::ranges::any_of(kSecretWords, [&](std::string_view secret) { return word.ends_with(secret); })) return true;
  }
  // scheme://user:password@host
  auto scheme = value.find("://");
  if (scheme == value.npos) return false;
  auto authority = value.substr(scheme + 3);
  authority = authority.substr(0, authority.find('/'));
  auto at = authority.rfind('@');
  return at != authority.npos && authority.substr(0, at).find(':') != authority.npos;
}

std::string settings_text(const Arguments& arguments) {
  std::string out;
  if (arguments.has_command_line) {
    bool of_file = !arguments.task_root.empty();
    out += line("command = " + joined(arguments.command_line, " "), of_file ? arguments.project_file : "--");
  }
  for (std::size_t row = 0; row < kOptionCount; ++row) {
    const Option& option = kOptions[row];
    bool of_environment = option.name == "env";  // below, one by one
    if (!(option.commands & arguments.command) || option.only_when_asked || !option.stands_for.empty() ||
        of_environment)
      continue;
    const Setting& setting = arguments.settings[row];
    out += line(std::string(option.name) + " = " + value_of(option, setting), setting.origin);
  }
  return out;
}

Decided<std::string> config_text(const Arguments& arguments, const Variables& variables) {
  auto environment = given_environment(arguments, variables);
  if (!environment) return unexpected(environment.error());
  std::string out = settings_text(arguments);
  if (!environment->empty()) out += "\n[env]\n";
  for (const auto& [name, value, origin] : *environment) {
    out += line(name + " = " + (is_secret(name, value) ? std::string(kMask) : value), origin);
  }
  return out;
}

}  // namespace mayfly::emulator::cli
