#include "emulator/cli/log_folder.h"

#include <doctest/doctest.h>

#include "folder.h"

namespace mayfly::emulator::cli {
namespace {

using Kind = Observation::Kind;

Observation told(Kind kind, std::uint32_t environment, std::string detail = {}) {
  Observation o;
  o.kind = kind;
  o.environment = environment;
  o.detail = std::move(detail);
  if (kind == Kind::init_started) o.message = "2026/11/21/[$LATEST]000" + std::to_string(environment);
  return o;
}

}  // namespace

TEST_CASE("a log file is called by the date and the id of its stream") {
  CHECK(LogFolder::file_name("2026/11/21/[$LATEST]8f3c") == "2026-11-21-8f3c.log");
  CHECK(LogFolder::file_name("2026/11/21/[7]8f3c") == "2026-11-21-8f3c.log");
  CHECK(LogFolder::file_name("other") == "other.log");
}

TEST_CASE("each environment has a file, with its lines and the platform's") {
  test::Folder folder;
  LogFolder logs(folder.path, "orders");
  for (const auto& o :
       {told(Kind::init_started, 1), told(Kind::platform_line, 1, "START"), told(Kind::init_started, 2),
        told(Kind::log_line, 2, "two"), told(Kind::log_line, 1, "one"), told(Kind::notice, 1, "no line"),
        told(Kind::init_started, 1), told(Kind::log_line, 1, "after a reset"), told(Kind::shutdown_ended, 1),
        told(Kind::log_line, 1, "too late")}) {
    CHECK(logs.observe(o).empty());
  }
  CHECK(folder.read("orders/2026-11-21-0001.log") == "START\none\nafter a reset\n");
  CHECK(folder.read("orders/2026-11-21-0002.log") == "two\n");
}

TEST_CASE("a log folder that cannot be written is said once") {
  test::Folder folder;
  folder.write("orders", "a file");
  LogFolder logs(folder.path, "orders");
  CHECK(logs.observe(told(Kind::init_started, 1)) ==
        "no log is written to " + (folder.path / "orders").string() + ": Not a directory");
  CHECK(logs.observe(told(Kind::log_line, 1, "x")).empty());
  CHECK(logs.observe(told(Kind::init_started, 2)).empty());
}

}  // namespace mayfly::emulator::cli
