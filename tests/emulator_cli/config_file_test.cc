#include "emulator/cli/config_file.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"

namespace mayfly::emulator::cli {
namespace {

namespace fs = std::filesystem;
using Kind = ConfigFile::Kind;

ConfigFile parsed(const std::string& text) {
  auto file = parse_config(text, "mayfly.toml", "/project");
  REQUIRE_MESSAGE(file.has_value(), text);
  return *file;
}

std::string refused(const std::string& text) {
  auto file = parse_config(text, "mayfly.toml", "/project");
  REQUIRE_MESSAGE(!file.has_value(), text);
  CHECK(file.error().code == kUsage);
  return file.error().message.what;
}

std::string found(const fs::path& from, const Variables& variables = {}) {
  auto file = find_project_file(from, variables);
  REQUIRE(file.has_value());
  return *file ? (*file)->string() : "";
}

}  // namespace

TEST_CASE("sections and keys come with their lines, in their order") {
  auto file = parsed(
      "# ours\n[run]\ntimeout = 10\nwatch = true\ncommand = [\"./app\", \"-v\"]\n\n[env]\nTABLE = \"a b\"\nA = \"\"\n");
  REQUIRE(file.sections.size() == 2);
  CHECK(file.sections[0].name == "run");
  CHECK(file.sections[0].line == 2);
  REQUIRE(file.sections[0].entries.size() == 3);
  const auto& [timeout, watch, command] =
      std::tie(file.sections[0].entries[0], file.sections[0].entries[1], file.sections[0].entries[2]);
  CHECK(timeout.key == "timeout");
  CHECK(timeout.kind == Kind::number);
  CHECK(timeout.values == std::vector<std::string>{"10"});
  CHECK(file.place(timeout.line) == "mayfly.toml:3");
  CHECK(watch.kind == Kind::flag);
  CHECK(command.values == std::vector<std::string>{"./app", "-v"});
  CHECK(file.sections[1].entries[0].key == "TABLE");
  CHECK(file.sections[1].entries[1].values == std::vector<std::string>{""});
  CHECK(parsed("").sections.empty());
}

TEST_CASE("what is no TOML, and what is no setting, is refused with its line") {
  CHECK(refused("[run]\na = = 2\n") == "mayfly.toml:2: this is not TOML, column 5");
  CHECK(refused("[run]\n\n[run]\n").starts_with("mayfly.toml:3: this is not TOML"));
  CHECK(refused("\xff\xfe").starts_with("mayfly.toml:1: this is not TOML"));
  for (const char* value : {"1.5", "2026-11-01", "[[1]]", "[true]", "{ b = 1 }", "inf"}) {
    CHECK(refused("[run]\na = " + std::string(value) + "\n") == "mayfly.toml:2: the value of a is no setting");
  }
  CHECK(refused("[run]\na.b = 1\n") == "mayfly.toml:2: the value of a is no setting");
  CHECK(refused("[env]\nAB = \"a\\u0000b\"\n") == "mayfly.toml:2: the value of AB has a NUL byte");
  // Deeper than anybody writes by hand.
  CHECK_FALSE(parse_config("a = " + std::string(100'000, '['), "mayfly.toml", "/").has_value());
}

TEST_CASE("the project file is looked for upwards, to a folder with .git and not beyond") {
  test::Folder folder;
  fs::path root = fs::canonical(folder.path);
  fs::create_directories(root / "project/src/deep");
  folder.write("mayfly.toml", "");
  CHECK(found(root / "project/src/deep") == (root / "mayfly.toml").string());
  fs::create_directories(root / "project/.git");
  CHECK(found(root / "project/src/deep").empty());
  folder.write("project/mayfly.toml", "");
  CHECK(found(root / "project/src/deep") == (root / "project/mayfly.toml").string());
  CHECK(found(root / "project") == (root / "project/mayfly.toml").string());
  CHECK(found(root) == (root / "mayfly.toml").string());
}

TEST_CASE("the project file is not looked for above the home folder") {
  test::Folder folder;
  fs::path root = fs::canonical(folder.path);
  fs::create_directories(root / "ada/project");
  folder.write("mayfly.toml", "");
  CHECK(found(root / "ada/project", {{"HOME", (root / "ada").string()}}).empty());
}

TEST_CASE("a project file above this folder that is another user's is not followed") {
  if (geteuid() != 0) return;  // only root can make one
  test::Folder folder;
  fs::path root = fs::canonical(folder.path);
  fs::create_directories(root / "mine");
  folder.write("mayfly.toml", "");
  REQUIRE(chown((root / "mayfly.toml").c_str(), 12'345, 12'345) == 0);
  auto file = find_project_file(root / "mine", {});
  REQUIRE_FALSE(file.has_value());
  CHECK(file.error().message.what.ends_with("/mayfly.toml belongs to another user"));
  CHECK(found(root) == (root / "mayfly.toml").string());  // whoever works in the folder knows it
}

TEST_CASE("the user's file is where XDG says") {
  test::Folder folder;
  fs::path root = fs::canonical(folder.path);
  fs::create_directories(root / ".config/mayfly");
  CHECK_FALSE(find_user_file({{"HOME", root.string()}}).has_value());
  folder.write(".config/mayfly/config.toml", "");
  CHECK(find_user_file({{"HOME", root.string()}}) == root / ".config/mayfly/config.toml");
  CHECK(find_user_file({{"HOME", "/"}, {"XDG_CONFIG_HOME", (root / ".config").string()}}) ==
        root / ".config/mayfly/config.toml");
  CHECK_FALSE(find_user_file({{"XDG_CONFIG_HOME", ".config"}}).has_value());
  CHECK_FALSE(find_user_file({}).has_value());
}

}  // namespace mayfly::emulator::cli
