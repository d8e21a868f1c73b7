#include "extensions/telemetry/line_destination.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "extensions/telemetry/ndjson.h"

using namespace mayfly::telemetry;

namespace {

SharedBatch lines(std::size_t count, std::size_t length) {
  Batch batch;
  for (std::size_t i = 0; i < count; ++i) batch.body += std::string(length - 1, 'x') + "\n";
  batch.records = count;
  return std::make_shared<const Batch>(batch);
}

// A FIFO in a folder of its own.
struct Fifo {
  Fifo() {
    REQUIRE(mkdtemp(folder));
    path = std::string(folder) + "/fifo";
    REQUIRE(mkfifo(path.c_str(), 0600) == 0);
  }
  ~Fifo() {
    if (reader >= 0) close(reader);
    unlink(path.c_str());
    rmdir(folder);
  }
  void open_reader() { reader = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC); }
  std::string read_all() const {
    std::string out;
    char buffer[65536];
    for (ssize_t n; (n = read(reader, buffer, sizeof buffer)) > 0;) out.append(buffer, static_cast<std::size_t>(n));
    return out;
  }
  char folder[32] = "/tmp/mayfly-fifo-XXXXXX";
  std::string path;
  int reader = -1;
};

}  // namespace

TEST_CASE("a pipe that nobody empties drops what it does not take, and does not block") {
  Fifo fifo;
  fifo.open_reader();
  auto destination = LineDestination::open_file(fifo.path);
  REQUIRE(destination);
  (*destination)->enqueue(lines(100, 1'000));  // a pipe holds 64 KiB
  (*destination)->enqueue(lines(10, 1'000));
  auto account = (*destination)->account();
  CHECK(account.count(Place::delivered) > 0);
  CHECK(account.count(Place::delivered) < 100);
  CHECK(account.count(Place::output) == 110 - account.count(Place::delivered));
  CHECK(account.balanced());

  // Once there is room again, the next line begins on a line of its own.
  auto before = fifo.read_all();
  auto whole = static_cast<std::uint64_t>(std::ranges::count(before, '\n'));
  CHECK(whole == account.count(Place::delivered));
  (*destination)->enqueue(lines(1, 5));
  auto after = fifo.read_all();
  CHECK(after == (before.back() == '\n' ? "xxxx\n" : "\nxxxx\n"));
  CHECK((*destination)->account().count(Place::delivered) == account.count(Place::delivered) + 1);
}

TEST_CASE("a file is nobody else's to read, and never what a link points at") {
  Fifo folder;
  unlink(folder.path.c_str());
  REQUIRE(symlink("/dev/null", folder.path.c_str()) == 0);
  CHECK_FALSE(LineDestination::open_file(folder.path));
  unlink(folder.path.c_str());
  REQUIRE(LineDestination::open_file(folder.path));
  struct stat status {};
  REQUIRE(stat(folder.path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE("a record with line breaks between its tokens is one line") {
  std::string json = "[{\"time\":\"2022-10-12T00:03:50.000Z\",\r\n\"type\":\"function\",\n\"record\":\"a\\nb\"}]";
  mayfly::extension::TelemetryBatch batch(json, json.size());
  NdjsonEncoder encoder;
  for (const auto& record : batch) encoder.add(record, {{}, Invocations(), mayfly::core::wall_now()});
  CHECK(encoder.seal()->body ==
        "{\"time\":\"2022-10-12T00:03:50.000Z\",  \"type\":\"function\", \"record\":\"a\\nb\"}\n");
}

TEST_CASE("a file that cannot be written is named with its cause") {
  for (const char* path : {"/nonexistent/x", "/tmp"}) {
    auto destination = LineDestination::open_file(path);
    REQUIRE_FALSE(destination);
    CHECK(destination.error().message.find(std::string("file:") + path) == 0);
  }
  Fifo without_reader;
  CHECK_FALSE(LineDestination::open_file(without_reader.path));
}
