#include "emulator/cli/rie_command.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "emulator/sandbox/sandbox_environment.h"
#include "folder.h"

namespace mayfly::emulator::cli {
namespace {

using Words = std::vector<std::string>;
using test::Folder;

RieSettings rie(const Words& words, const Variables& variables = {}, const std::filesystem::path& root = "/nowhere") {
  auto settings = rie_settings(words, variables, root);
  REQUIRE(settings.has_value());
  return *settings;
}

std::string problem(const Words& words, const Variables& variables = {}) {
  auto settings = rie_settings(words, variables, "/nowhere");
  if (settings) return "";
  CHECK(settings.error().code == kUsage);
  return settings.error().message.what;
}

}  // namespace

TEST_CASE("the program is the emulator's drop-in by its name, wherever it lies") {
  for (const char* name : {"aws-lambda-rie", "/usr/local/bin/aws-lambda-rie", "./aws-lambda-rie-x86_64"}) {
    CHECK(is_rie(name));
  }
  for (const char* name : {"mayfly", "/opt/aws-lambda-rie/mayfly", "my-aws-lambda-rie", ""}) CHECK_FALSE(is_rie(name));
}

TEST_CASE("without options it is what the official emulator is") {
  auto [settings, level, init_caching] = rie({"./app"});
  CHECK(settings.listen == core::Origin{"0.0.0.0", 8080});
  CHECK(settings.runtime_api == core::Origin{"127.0.0.1", 9001});
  CHECK(settings.timeout == std::chrono::seconds(300));
  CHECK(settings.memory_mb == 3'008);
  CHECK(settings.function_name == "test_function");
  CHECK(settings.function_version == "$LATEST");
  CHECK(settings.any_function_name);
  CHECK(settings.emulator_statuses);
  CHECK_FALSE(settings.freeze);
  CHECK(settings.task_root == std::filesystem::current_path());
  CHECK(level == RieLevel::info);
  CHECK_FALSE(init_caching);
}

TEST_CASE("AWS_LAMBDA_MAX_CONCURRENCY makes it Managed Instances") {
  auto [settings, level, init_caching] =
      rie({"./app"}, {{"AWS_LAMBDA_MAX_CONCURRENCY", "16"}, {"AWS_REGION", "eu-west-1"}});
  CHECK(settings.max_concurrency == 16);
  CHECK(settings.max_environments == 1);
  CHECK(settings.region == "eu-west-1");
  CHECK(settings.account_id == "123456789012");
  CHECK_FALSE(settings.emulator_statuses);
  for (const char* value : {"0", "1601", "many"}) {
    CHECK(problem({"./app"}, {{"AWS_LAMBDA_MAX_CONCURRENCY", value}}) ==
          "AWS_LAMBDA_MAX_CONCURRENCY cannot be '" + std::string(value) + "'");
  }
}

TEST_CASE("options stand anywhere, and every other word is the command's") {
  auto [settings, level, init_caching] =
      rie({"--log-level=debug", "/var/runtime/bootstrap", "--fast", "--runtime-api-address", "127.0.0.1:9002", "-v",
           "--enable-init-caching", "--", "--runtime-interface-emulator-address", ":9000", "app.handler"});
  CHECK(settings.command == Words{"/var/runtime/bootstrap", "--fast", "-v", "--", "app.handler"});
  CHECK(settings.handler == "app.handler");
  CHECK(settings.listen == core::Origin{"0.0.0.0", 9000});
  CHECK(settings.runtime_api.port == 9002);
  CHECK(level == RieLevel::debug);
  CHECK(init_caching);
}

TEST_CASE("a handler comes from its variables, else from the last of several words") {
  CHECK(rie({"./app"}).settings.handler == "");
  CHECK(rie({"./app", "a.b"}).settings.handler == "a.b");
  CHECK(rie({"./app", "a.b"}, {{"_HANDLER", "c.d"}}).settings.handler == "c.d");
  CHECK(rie({"./app", "a.b"}, {{"_HANDLER", "c.d"}, {"AWS_LAMBDA_FUNCTION_HANDLER", "e.f"}}).settings.handler == "e.f");
}

TEST_CASE("without a command the first bootstrap of three folders is it") {
  Folder root;
  auto command = [&] { return rie({}, {}, root.path).settings.command.front(); };
  for (const char* folder : {"var/task", "opt", "var/runtime"}) {
    std::filesystem::create_directories(root.path / folder);
  }
  CHECK(command() == root.path / "var/task/bootstrap");  // for the error of the first call
  for (const char* bootstrap : {"var/runtime/bootstrap", "opt/bootstrap", "var/task/bootstrap"}) {
    root.write(bootstrap, "");
    CHECK(command() == root.path / bootstrap);
  }
  CHECK(rie({}, {}, root.path).settings.task_root == root.path / "var/task");
}

TEST_CASE("extensions are those of /opt/extensions, unless the emulator's switch is there") {
  Folder root;
  CHECK(rie({}, {}, root.path).settings.extension_folders.empty());
  std::filesystem::create_directories(root.path / "opt/extensions");
  CHECK(rie({}, {}, root.path).settings.extension_folders.size() == 1);
  root.write("opt/disable-extensions-jwigqn8j", "");
  CHECK(rie({}, {}, root.path).settings.extension_folders.empty());
}

TEST_CASE("variables set what they set there") {
  auto [settings, level, init_caching] = rie({"./app"}, {{"AWS_LAMBDA_FUNCTION_NAME", "orders"},
                                                         {"AWS_LAMBDA_FUNCTION_VERSION", "7"},
                                                         {"AWS_LAMBDA_FUNCTION_TIMEOUT", "3600"},
                                                         {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "64"},
                                                         {"RUNTIME_INTERFACE_EMULATOR_ADDRESS", "127.0.0.1:7000"},
                                                         {"LOG_LEVEL", "WARN"}});
  CHECK(settings.function_name == "orders");
  CHECK(settings.function_version == "7");
  CHECK(settings.timeout == std::chrono::hours(1));
  CHECK(settings.memory_mb == 64);
  CHECK(settings.listen == core::Origin{"127.0.0.1", 7000});
  CHECK(level == RieLevel::warning);
  auto option = rie({"--log-level", "error", "./app"}, {{"LOG_LEVEL", "debug"}});
  CHECK(option.level == RieLevel::error);
}

TEST_CASE("what cannot be is refused before anything starts") {
  CHECK(problem({"--log-level", "loud"}) == "--log-level cannot be 'loud'");
  CHECK(problem({"--log-level"}) == "--log-level needs a value");
  CHECK(problem({"--runtime-api-address", "here"}) == "--runtime-api-address cannot be 'here'");
  CHECK(problem({"--runtime-interface-emulator-address=:x"}) ==
        "--runtime-interface-emulator-address cannot be '0.0.0.0:x'");
  CHECK(problem({}, {{"AWS_LAMBDA_FUNCTION_TIMEOUT", "3s"}}) == "AWS_LAMBDA_FUNCTION_TIMEOUT cannot be '3s'");
  CHECK(problem({}, {{"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "0"}}) == "AWS_LAMBDA_FUNCTION_MEMORY_SIZE cannot be '0'");
}

TEST_CASE("processes get the image's variables, with the function's own on top") {
  auto settings = rie({"./app", "a.b"}, {{"PATH", "/image/bin"}, {"AWS_LAMBDA_FUNCTION_NAME", "orders"}}).settings;
  auto variables = runtime_variables(settings, {"127.0.0.1", 9001}, "stream");
  auto value = [&](std::string_view name) {
    auto found = std::ranges::find(variables, name, &emulator::Variables::value_type::first);
    return found == variables.end() ? std::string("-") : found->second;
  };
  CHECK(value("PATH") == "/image/bin");
  CHECK(value("AWS_LAMBDA_FUNCTION_NAME") == "orders");
  CHECK(value("_HANDLER") == "a.b");
  CHECK(value("AWS_LAMBDA_RUNTIME_API") == "127.0.0.1:9001");
  CHECK(value("AWS_ACCESS_KEY_ID") == "");
  // Made up, they would hide those of the image or of an AWS profile.
  for (const char* absent : {"AWS_REGION", "LD_LIBRARY_PATH", "LANG", "TZ", "LAMBDA_TASK_ROOT"}) {
    CHECK(value(absent) == "-");
  }
  variables = extension_variables(settings, {"127.0.0.1", 9001}, "stream");
  CHECK(value("PATH") == "/image/bin");
  CHECK(value("_HANDLER") == "-");
}

TEST_CASE("its log has the emulator's form") {
  auto line = rie_log_line(RieLevel::info, RieLevel::info, "exec 'a'", core::WallTime(std::chrono::milliseconds(182)));
  CHECK(line.find(",182 [INFO] (rapid) exec 'a'\n") != line.npos);
  CHECK(rie_log_line(RieLevel::info, RieLevel::warning, "exec 'a'", {}).empty());
  Observation reset;
  reset.kind = Observation::Kind::reset_started;
  reset.detail = "timeout";
  CHECK(rie_log_line(reset, RieLevel::warning).ends_with("[WARNING] (rapid) reset: timeout\n"));
  Observation written;
  written.kind = Observation::Kind::log_line;
  written.detail = "of the function";
  CHECK(rie_log_line(written, RieLevel::debug).empty());
}

}  // namespace mayfly::emulator::cli
