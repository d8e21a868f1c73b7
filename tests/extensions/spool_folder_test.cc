#include "extensions/telemetry/spool_folder.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>

using namespace mayfly::telemetry;
namespace fs = std::filesystem;

namespace {

struct Folder {
  Folder() {
    char name[] = "/tmp/mayfly-spool-XXXXXX";
    REQUIRE(mkdtemp(name));
    base = name;
  }
  ~Folder() { fs::remove_all(base); }
  std::string path() const { return (base / "spool").string(); }
  std::unique_ptr<SpoolFolder> open() const {
    auto folder = open_spool_folder(path());
    REQUIRE_MESSAGE(folder, folder.error().message);
    return std::move(*folder);
  }
  std::string refusal() const {
    auto folder = open_spool_folder(path());
    REQUIRE_FALSE(folder);
    return folder.error().message;
  }
  fs::path base;
};

std::string content(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

mayfly::core::Outcome<void> create(SpoolFolder& folder, const std::string& name, std::string_view bytes) {
  std::array parts{bytes};
  return folder.create(name, parts);
}

unsigned mode(const fs::path& path) {
  struct stat status;
  REQUIRE(lstat(path.c_str(), &status) == 0);
  return status.st_mode & 0777;
}

}  // namespace

TEST_CASE("files come and go, and folder and files are for nobody else") {
  Folder f;
  auto folder = f.open();
  CHECK(mode(f.path()) == 0700);
  std::vector<std::string_view> parts(3'000, "ab");  // more than one writev takes
  REQUIRE(folder->create("a.part", parts));
  CHECK(mode(f.path() + "/a.part") == 0600);
  REQUIRE(folder->rename("a.part", "a"));
  CHECK(folder->read("a", 6'000)->size() == 6'000);
  CHECK(folder->read("a", 5'999).error().code == mayfly::core::Errc::out_of_range);
  CHECK(folder->list()->size() == 1);
  CHECK_FALSE(create(*folder, "a", "again"));
  CHECK(folder->remove("a"));
  CHECK(folder->remove("a"));  // gone is gone
  CHECK_FALSE(folder->read("a", 10));
  CHECK(folder->free_bytes() > 0);
}

TEST_CASE("the ledger is written in place and is not in the list") {
  Folder f;
  auto folder = f.open();
  CHECK(folder->read_ledger().value().empty());
  REQUIRE(folder->write_ledger("12345"));
  REQUIRE(folder->write_ledger("abcde"));
  CHECK(folder->read_ledger().value() == "abcde");
  CHECK(folder->list()->empty());
  CHECK(mode(f.path() + "/ledger") == 0600);
}

TEST_CASE("a second process has no spool while the first one lives") {
  Folder f;
  auto folder = f.open();
  CHECK(f.refusal().ends_with("another process uses it"));
  folder.reset();
  f.open();
}

TEST_CASE("a folder that is a link, a file or open to others is refused") {
  Folder f;
  fs::create_directory(f.base / "elsewhere");
  fs::create_symlink(f.base / "elsewhere", f.path());
  CHECK_FALSE(f.refusal().empty());
  CHECK(fs::is_empty(f.base / "elsewhere"));
  fs::remove(f.path());
  std::ofstream(f.path()) << "x";
  CHECK_FALSE(f.refusal().empty());
  fs::remove(f.path());
  for (unsigned bits : {0770u, 0707u, 0701u, 0720u, 0777u}) {
    fs::create_directory(f.path());
    REQUIRE(chmod(f.path().c_str(), bits) == 0);
    CHECK(f.refusal().ends_with("others may read or write it"));
    fs::remove(f.path());
  }
  if (geteuid() == 0) {
    fs::create_directory(f.path());
    REQUIRE(chmod(f.path().c_str(), 0700) == 0);
    REQUIRE(chown(f.path().c_str(), 12345, 12345) == 0);
    CHECK(f.refusal().ends_with("it belongs to another user"));
  }
}

TEST_CASE("links, pipes, folders and files with two names are neither read nor written") {
  Folder f;
  auto folder = f.open();
  std::ofstream(f.base / "secret") << "secret";
  auto at = [&](const char* name) { return fs::path(f.path()) / name; };
  fs::create_symlink(f.base / "secret", at("link"));
  fs::create_hard_link(f.base / "secret", at("second"));
  fs::create_directory(at("folder"));
  REQUIRE(mkfifo(at("pipe").c_str(), 0600) == 0);
  for (const char* name : {"link", "second", "folder", "pipe"}) {
    CAPTURE(name);
    CHECK_FALSE(folder->read(name, 100));
    CHECK_FALSE(create(*folder, name, "x"));
  }
  CHECK(folder->list()->empty());
  CHECK(content(f.base / "secret") == "secret");
}

TEST_CASE("a ledger that is a link, a pipe or has two names is not touched") {
  for (int kind = 0; kind < 3; ++kind) {
    Folder f;
    auto folder = f.open();
    std::ofstream(f.base / "secret") << "secret";
    std::string ledger = f.path() + "/ledger";
    if (kind == 0) fs::create_symlink(f.base / "secret", ledger);
    if (kind == 1) fs::create_hard_link(f.base / "secret", ledger);
    if (kind == 2) REQUIRE(mkfifo(ledger.c_str(), 0600) == 0);
    CHECK_FALSE(folder->read_ledger());
    CHECK_FALSE(folder->write_ledger("x"));
    CHECK(content(f.base / "secret") == "secret");
  }
}

TEST_CASE("a folder full of other things is looked at in part") {
  Folder f;
  auto folder = f.open();
  for (int i = 0; i < 300; ++i) std::ofstream(f.path() + "/" + std::to_string(i)) << "x";
  CHECK(folder->list()->size() == 256);
}

TEST_CASE("a disk that is full in the middle of a write leaves no file") {
  Folder f;
  // In a process of its own: the limit is the process's.
  pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{1'000, 1'000};
    setrlimit(RLIMIT_FSIZE, &limit);
    auto folder = open_spool_folder(f.path());
    bool ok = folder && !create(**folder, "a", std::string(2'000, 'x')) && create(**folder, "b", "small");
    _exit(ok ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK_FALSE(fs::exists(f.path() + "/a"));
  CHECK(content(f.path() + "/b") == "small");
}
