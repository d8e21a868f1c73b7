#include "emulator/cli/config_layers.h"

#include <doctest/doctest.h>

#include <sstream>

#include "emulator/cli/config_text.h"
#include "emulator/cli/function_settings.h"
#include "folder.h"

namespace mayfly::emulator::cli {
namespace {

namespace fs = std::filesystem;

Arguments words_only(const std::string& line, const Variables& variables = {}) {
  std::istringstream in(line);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  auto arguments = parse_arguments(words, variables);
  REQUIRE(arguments.has_value());
  return *arguments;
}

ConfigFile file_of(const std::string& text) {
  auto file = parse_config(text, "mayfly.toml", "/project");
  REQUIRE(file.has_value());
  return *file;
}

Arguments with_file(const std::string& line, const std::string& text, const Variables& variables = {}) {
  Arguments arguments = words_only(line, variables);
  auto added = add_project_file(arguments, file_of(text));
  REQUIRE_MESSAGE(added.has_value(), text);
  return arguments;
}

Message refused(const std::string& text, const std::string& line = "run") {
  Arguments arguments = words_only(line);
  auto added = add_project_file(arguments, file_of(text));
  REQUIRE_MESSAGE(!added.has_value(), text);
  CHECK(added.error().code == kUsage);
  return added.error().message;
}

}  // namespace

TEST_CASE("an option beats its variable, that one the file, and the file the default") {
  const std::string file = "[run]\ntimeout = 10\nmemory = 256\nmax-age = 5\n";
  auto arguments =
      with_file("run --timeout 30", file, {{"MAYFLY_TIMEOUT", "20"}, {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"}});
  CHECK(arguments.number("timeout") == 30);
  CHECK(arguments.number("memory") == 512);
  CHECK(arguments.number("max-age") == 5);
  CHECK(arguments.number("idle-timeout") == 600);
  CHECK(arguments.settings[OptionRef("max-age").row].origin == "mayfly.toml:4");
}

TEST_CASE("a flag can be switched off where a lower place has switched it on") {
  const std::string file = "[run]\nwatch = true\nascii = false\n";
  CHECK(with_file("run", file).given("watch"));
  CHECK_FALSE(with_file("run", file, {{"MAYFLY_WATCH", "0"}}).given("watch"));
  auto arguments = with_file("run", file);
  REQUIRE(add_user_file(arguments, file_of("ascii = true\ncolor = \"never\"\n")).has_value());
  CHECK_FALSE(arguments.given("ascii"));
  CHECK(arguments.text("color") == "never");
}

TEST_CASE("a list of the file is a list of values, and one of a higher place replaces it") {
  const std::string file = "[run]\nextensions = [\"a\", \"b\"]\nfail-on = [\"error\", \"timeout\"]\n";
  CHECK(with_file("run", file).list("extensions") == std::vector<std::string>{"/project/a", "/project/b"});
  CHECK(with_file("run --extensions c", file).list("extensions") == std::vector<std::string>{"c"});
  CHECK(with_file("run", file).text("fail-on") == "error,timeout");
}

TEST_CASE("paths in the file are seen from its folder") {
  auto arguments = with_file("run", "[run]\ntimeline = \"out/t.json\"\nlog-folder = \"/abs\"\n");
  CHECK(arguments.text("timeline") == "/project/out/t.json");
  CHECK(arguments.text("log-folder") == "/abs");
  CHECK(with_file("invoke", "[invoke]\nevent = \"e.json\"\n").text("payload") == "@/project/e.json");
  CHECK(with_file("invoke", "[invoke]\npayload = \"@e.json\"\n").text("payload") == "@/project/e.json");
  CHECK(with_file("invoke", "[invoke]\npayload = \"{}\"\n").text("payload") == "{}");
}

TEST_CASE("run's command may stand in the file, and its folder is the function's") {
  const std::string file = "[run]\ncommand = [\"./app\", \"-v\"]\n";
  auto arguments = with_file("run", file);
  CHECK(arguments.command_line == std::vector<std::string>{"./app", "-v"});
  CHECK(arguments.task_root == "/project");
  CHECK(with_file("run", "[run]\ncommand = \"./app\"\n").command_line == std::vector<std::string>{"./app"});
  arguments = with_file("run -- other", file);
  CHECK(arguments.command_line == std::vector<std::string>{"other"});
  CHECK(arguments.task_root.empty());
  // invoke calls what runs already, unless it is told a program itself.
  CHECK_FALSE(with_file("invoke", file).has_command_line);
}

TEST_CASE("a program that invoke starts is what [run] describes, but [invoke] knows better") {
  const std::string file = "[run]\ntimeout = 10\nmemory = 256\nview = \"log\"\nlisten = 9100\n[invoke]\nmemory = 512\n";
  auto started = with_file("invoke -- ./app", file);
  CHECK(started.number("timeout") == 10);
  CHECK(started.number("memory") == 512);
  CHECK(started.text("view") == "auto");
  CHECK(with_file("invoke", file).number("timeout") == 3);
  CHECK(with_file("run", file).number("memory") == 256);
}

TEST_CASE("keys that are no options are refused with line and suggestion") {
  auto message = refused("[run]\n\ntime_out = 3\n");
  CHECK(message.what == "mayfly.toml:3: unknown key \"time_out\" in [run]");
  CHECK(message.why == "did you mean \"timeout\"? Keys are the long options");
  CHECK(refused("[run]\nrepeat = 3\n").what == "mayfly.toml:2: repeat has no meaning in [run]");
  CHECK(refused("[rum]\nx = 3\n").why.starts_with("did you mean \"run\"?"));
  CHECK(refused("timeout = 3\n").what == "mayfly.toml:1: timeout stands in no section");
  CHECK(refused("[run]\nmemory = 128\nmemory-size = 256\n").what ==
        "mayfly.toml:3: memory-size says again what line 2 says");
  CHECK(refused("[run]\nconfig = \"x\"\n").what == "mayfly.toml:2: unknown key \"config\" in [run]");
  CHECK(refused("[run]\nshow-config = true\n").what.find("unknown key") != std::string::npos);
  // Also those of a command that does not run now.
  CHECK(refused("[invoke]\nrepeet = 3\n").what == "mayfly.toml:2: unknown key \"repeet\" in [invoke]");
}

TEST_CASE("values are checked as if they had been typed") {
  CHECK(refused("[run]\ntimeout = 901\n").what == "mayfly.toml:2: timeout cannot be '901'");
  CHECK(refused("[run]\ntimeout = 901\n").try_this == "timeout = 3");
  CHECK(refused("[run]\nview = \"timelin\"\n").try_this == "view = \"timeline\"");
  CHECK(refused("[run]\nwatch = \"yes\"\n").what == "mayfly.toml:2: watch is on or off");
  CHECK(refused("[run]\ntimeout = true\n").what == "mayfly.toml:2: timeout is no flag");
  CHECK(refused("[run]\ntimeout = [1]\n").what == "mayfly.toml:2: timeout is one value, not a list");
  CHECK(refused("[run]\ncommand = []\n").what == "mayfly.toml:2: command is a program and its arguments");
  CHECK(refused("[env]\nAB = [\"x\"]\n").what.starts_with("mayfly.toml:2: AB is one value"));
  // Also where something else decides.
  CHECK(refused("[run]\ntimeout = 901\n", "run --timeout 1").what == "mayfly.toml:2: timeout cannot be '901'");
}

TEST_CASE("the user's file holds looks and nothing else") {
  Arguments arguments = words_only("run");
  auto added = add_user_file(arguments, file_of("timeout = 3\n"));
  REQUIRE_FALSE(added.has_value());
  CHECK(added.error().message.what == "mayfly.toml:1: unknown key \"timeout\"");
  CHECK_FALSE(add_user_file(arguments, file_of("[run]\ncolor = \"never\"\n")).has_value());
  // A view is nothing for a command that has none.
  arguments = words_only("completion bash");
  CHECK(add_user_file(arguments, file_of("view = \"log\"\n")).has_value());
}

TEST_CASE("files come from --config, MAYFLY_CONFIG or the folder, or not at all") {
  test::Folder folder;
  fs::path here = fs::canonical(folder.path);
  folder.write("mayfly.toml", "[run]\ntimeout = 10\n");
  folder.write("ci.toml", "[run]\ntimeout = 20\n");
  auto timeout = [&](const std::string& line, const Variables& variables = {}) {
    Arguments arguments = words_only(line, variables);
    auto added = add_config_files(arguments, variables, here);
    return added ? arguments.number("timeout") : -1;
  };
  CHECK(timeout("run") == 10);
  CHECK(timeout("run", {{"MAYFLY_CONFIG", "ci.toml"}}) == 20);
  CHECK(timeout("run --config mayfly.toml", {{"MAYFLY_CONFIG", "ci.toml"}}) == 10);
  CHECK(timeout("run --no-config", {{"MAYFLY_CONFIG", "ci.toml"}}) == 3);
  CHECK(timeout("run --config nowhere.toml") == -1);
  CHECK(timeout("run --config ci.toml --no-config") == -1);
  folder.write("mayfly.toml", "[");
  CHECK(timeout("run") == -1);
  CHECK(timeout("run --help") == 3);
  CHECK(timeout("run --no-config") == 3);
}

TEST_CASE("variables of the function: --env over later env files over earlier ones over [env]") {
  test::Folder folder;
  folder.write("a.env", "ONE=a\nTWO=a\nTHREE=a\n");
  folder.write("b.env", "TWO=b\nTHREE=b\n");
  std::string a = (folder.path / "a.env").string(), b = (folder.path / "b.env").string();
  auto arguments =
      with_file("run --env THREE=option --env-file " + a + " --env-file " + b, "[env]\nZERO = 7\nONE = \"file\"\n");
  auto given = given_environment(arguments, {});
  REQUIRE(given.has_value());
  std::string text;
  for (const auto& [name, value, origin] : *given)
    text += name + "=" + value + " " + fs::path(origin).filename().string() + "\n";
  CHECK(text == "ZERO=7 mayfly.toml:2\nONE=a a.env\nTWO=b b.env\nTHREE=option --env\n");
  arguments = with_file("run", "[env]\nAWS_REGION = \"x\"\n");
  CHECK(given_environment(arguments, {}).error().message.why.find("mayfly.toml:2") != std::string::npos);
}

TEST_CASE("--show-config names every setting and its origin, and masks secrets") {
  auto arguments = with_file("run --env TABLE=t", "[run]\ntimeout = 10\n[env]\nDB_PASSWORD = \"hush\"\n");
  auto text = config_text(arguments, {});
  REQUIRE(text.has_value());
  CHECK(text->find("timeout = 10                            mayfly.toml:2\n") != std::string::npos);
  CHECK(text->find("memory = 128                            default\n") != std::string::npos);
  CHECK(text->find("TABLE = t                               --env\n") != std::string::npos);
  CHECK(text->find("DB_PASSWORD = ********                  mayfly.toml:4\n") != std::string::npos);
  CHECK(text->find("hush") == std::string::npos);
  for (const char* name : {"API_KEY", "apikey", "GITHUB_TOKEN", "Secret", "PGPASSWORD", "SENTRY_DSN"})
    CHECK(is_secret(name, "x"));
  for (const char* name : {"TABLE", "KEYSPACE", "TOKENIZER", "AUTHOR"}) CHECK_FALSE(is_secret(name, "x"));
  CHECK(is_secret("URL", "postgres://u:p@host/db"));
  CHECK_FALSE(is_secret("URL", "https://host/a@b:c"));
}

}  // namespace mayfly::emulator::cli
