#include "emulator/cli/file_watch.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "emulator/cli/function_files.h"
#include "folder.h"

namespace mayfly::emulator::cli {
namespace {

namespace fs = std::filesystem;
using test::Folder;

// What a watch of a folder has told, by names below it.
struct Watched {
  explicit Watched(const Folder& in, std::chrono::milliseconds quiet = std::chrono::milliseconds(20))
      : folder(in), watch(io, quiet, [this](const std::set<fs::path>& changed) {
          std::string names;
          for (const auto& file : changed)
            names += (names.empty() ? "" : " ") + file.lexically_relative(folder.path).string();
          told.push_back(names);
        }) {}

  // The next change; waits for it, at most for a test's patience.
  std::string next() {
    auto before = told.size();
    auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (told.size() == before && std::chrono::steady_clock::now() < give_up) {
      io.run_one_for(std::chrono::milliseconds(100));
      io.restart();
    }
    return told.size() == before ? "nothing" : told.back();
  }

  const Folder& folder;
  boost::asio::io_context io;
  std::vector<std::string> told;
  FileWatch watch;
};

}  // namespace

TEST_CASE("a file that was written is told once, however many writes it took") {
  Folder folder;
  folder.write("app", "old");
  Watched watched(folder);
  REQUIRE(watched.watch.add_tree(folder.path));
  for (int i = 0; i < 10; ++i) folder.write("app", "new");
  folder.write("module", "new");
  CHECK(watched.next() == "app module");
  CHECK(watched.told.size() == 1);
}

TEST_CASE("a file that is renamed into its place is told, its temporary name is not") {
  Folder folder;
  Watched watched(folder);
  REQUIRE(watched.watch.add_file(folder.path / "app"));
  folder.write("other", "x");
  folder.write("app.tmp", "x");
  fs::rename(folder.path / "app.tmp", folder.path / "app");
  CHECK(watched.next() == "app");
  fs::remove(folder.path / "app");
  fs::create_symlink("other", folder.path / "app");
  CHECK(watched.next() == "app");
}

TEST_CASE("folders that are made later are watched, with what was written meanwhile") {
  Folder folder;
  Watched watched(folder);
  REQUIRE(watched.watch.add_tree(folder.path));
  fs::create_directories(folder.path / "a/b");
  folder.write("a/b/c", "1");
  CHECK(watched.next() == "a/b/c");
  folder.write("a/b/c", "2");
  CHECK(watched.next() == "a/b/c");
}

TEST_CASE("what editors and tools put beside a function is no change of it") {
  Folder folder;
  fs::create_directories(folder.path / "__pycache__");
  fs::create_directories(folder.path / "node_modules");
  fs::create_directories(folder.path / ".git");
  Watched watched(folder);
  watched.watch.ignore(folder.path / "trace.json");
  REQUIRE(watched.watch.add_tree(folder.path));
  for (const char* name : {"__pycache__/x.pyc", "node_modules/x.js", ".git/index", ".app.swp", "app~", "trace.json"}) {
    folder.write(name, "x");
  }
  folder.write("gone", "x");
  fs::remove(folder.path / "gone");
  folder.write("app", "x");
  CHECK(watched.next() == "app");
}

TEST_CASE("a folder that is not there is named") {
  Folder folder;
  Watched watched(folder);
  auto added = watched.watch.add_tree(folder.path / "no");
  REQUIRE_FALSE(added);
  CHECK(added.error().message == (folder.path / "no").string() + " cannot be watched: No such file or directory");
}

TEST_CASE("of several changed files the program is named, with its age") {
  Folder folder;
  folder.write("bootstrap", "x");
  folder.write("a.py", "x");
  auto program = folder.path / "bootstrap";
  auto text = [&](std::set<fs::path> changed) { return changed_text(changed, program, folder.path); };
  auto written = [&](std::chrono::seconds ago) {
    fs::last_write_time(program, fs::file_time_type::clock::now() - ago);
  };
  written(std::chrono::seconds(5));
  CHECK(text({program}) == "./bootstrap (5 s old)");
  written(std::chrono::minutes(5));
  CHECK(text({folder.path / "a.py", program}) == "./bootstrap and 1 more (5 min old)");
  written(std::chrono::hours(72));
  CHECK(text({program}) == "./bootstrap (3 days old)");
  CHECK(text({folder.path / "a.py"}).starts_with("./a.py ("));
}

TEST_CASE("an interpreter's function is its folder, a program's the folder of the program") {
  Folder folder;
  fs::create_directories(folder.path / "bin");
  folder.write("bin/app", "x", 0755);
  boost::asio::io_context io;
  std::vector<std::string> told;
  auto watch = [&](std::string command) {
    Settings settings;
    settings.task_root = folder.path;
    settings.command = {std::move(command)};
    Changes changes;
    changes.reload = true;
    auto watching = watch_function(io, settings, changes, [&](std::string what) {
      told.push_back(what.substr(0, what.find(" (")));
      io.stop();
    });
    REQUIRE(watching);
    return std::move(*watching);
  };
  {
    auto watching = watch("sh");
    folder.write("app.py", "x");
    io.run_for(std::chrono::seconds(30));
  }
  io.restart();
  {
    auto watching = watch("./bin/app");
    folder.write("app.py", "y");
    folder.write("bin/data", "x");
    io.run_for(std::chrono::seconds(30));
  }
  CHECK(told == std::vector<std::string>{"./app.py", "./bin/data"});
}

}  // namespace mayfly::emulator::cli
