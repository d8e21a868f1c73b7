#include "emulator/cli/timeline_file.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include "emulator/cli/json_text.h"
#include "folder.h"
#include "golden.h"
#include "observed.h"

namespace mayfly::emulator::cli {
namespace {

using test::Folder;
using test::Kind;
using test::Story;

Story a_day() {
  Story story = test::timeout();
  test::add_cold_start(story.in(2));
  story.call(3).tell(Kind::throttled);
  return test::add_shutdown(story);
}

}  // namespace

TEST_CASE("the timeline file tells calls and what each process did, in Chrome's format") {
  Folder folder;
  auto file = TimelineFile::create((folder.path / "t.json").string());
  REQUIRE(file.has_value());
  for (const auto& o : a_day().seen) (*file)->observe(o);
  auto text = folder.read("t.json");
  CHECK(text == test::golden("timeline_file", text));
}

TEST_CASE("the timeline file is JSON after every observation, and never holds back a call that has ended") {
  Folder folder;
  auto file = TimelineFile::create((folder.path / "t.json").string());
  REQUIRE(file.has_value());
  CHECK(folder.read("t.json") == "[\n]\n");
  int ended = 0;
  for (const auto& o : a_day().seen) {
    (*file)->observe(o);
    ended += o.kind == Kind::invocation_ended;
    auto text = folder.read("t.json");
    REQUIRE_FALSE(find_json_fault(text).has_value());
    int told = 0;
    for (auto at = text.find("\"requestId\""); at != text.npos; at = text.find("\"requestId\"", at + 1)) ++told;
    CHECK(told == ended);
  }
  CHECK(ended == 3);
}

TEST_CASE("where there is no room any more the timeline file stays JSON and says so once") {
  Folder folder;
  auto file = TimelineFile::create((folder.path / "t.json").string());
  REQUIRE(file.has_value());
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  auto ignored = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small{4'000, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  std::string problem;
  for (int round = 0; round < 20 && problem.empty(); ++round) {
    for (const auto& o : test::warm().seen) (*file)->observe(o);
    problem = (*file)->problem();
  }
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, ignored);
  CHECK(problem.find("t.json: File too large") != problem.npos);
  for (const auto& o : test::warm().seen) (*file)->observe(o);
  CHECK((*file)->problem().empty());
  auto text = folder.read("t.json");
  CHECK(text.size() > 1'000);
  CHECK_FALSE(find_json_fault(text).has_value());
}

TEST_CASE("a timeline needs a file that can be written over") {
  Folder folder;
  auto nowhere = TimelineFile::create((folder.path / "no" / "t.json").string());
  REQUIRE_FALSE(nowhere.has_value());
  CHECK(nowhere.error().code == kUsage);
  CHECK(nowhere.error().message.why == "No such file or directory");
  auto pipe = (folder.path / "pipe").string();
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  int reader = open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  CHECK_FALSE(TimelineFile::create(pipe).has_value());
  close(reader);
}

}  // namespace mayfly::emulator::cli
