// What one life of the daemon leaves for the next one, with real processes and files.

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "backend.h"
#include "daemon_process.h"
#include "fake_lambda.h"

namespace {

namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

struct SpoolPath {
  SpoolPath() {
    char name[] = "/tmp/mayfly-persistence-XXXXXX";
    REQUIRE(mkdtemp(name));
    base = name;
  }
  ~SpoolPath() { fs::remove_all(base); }
  std::string path() const { return (base / "spool").string(); }
  // Whole segments, by their names.
  Strings segments() const {
    Strings names;
    if (!fs::exists(path())) return names;
    for (const auto& entry : fs::directory_iterator(path()))
      if (entry.path().extension() == ".seg") names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
  }
  // Ends by the test's own time limit when there never is one.
  void wait_for_segment() const {
    while (segments().empty()) std::this_thread::yield();
  }
  fs::path base;
};

// A life of the daemon.
struct Life {
  Life(const std::string& destination, const std::string& spool)
      : daemon(lambda.address(), {{"MAYFLY_TELEMETRY_DESTINATIONS", destination + "#signals=logs"},
                                  {"MAYFLY_TELEMETRY_TYPES", "function"},
                                  {"MAYFLY_TELEMETRY_SPOOL", spool}}) {
    lambda.wait_next(1);
  }
  void invoke(const std::string& id, const std::string& text, int timeout_ms = 60'000) {
    int nexts = lambda.next_calls();
    lambda.invoke(id, timeout_ms);
    lambda.deliver(batch({record("function", "\"" + text + "\""), runtime_done(id)}));
    lambda.wait_next(nexts + 1);
  }
  int shut_down(const std::string& reason) {
    lambda.shut_down(reason, 2'000);
    return daemon.exit_code();
  }
  bool said(const std::string& text) const { return daemon.errors().find(text) != std::string::npos; }

  FakeLambda lambda;
  DaemonProcess daemon;
};

// Many, so that every attempt of a life meets one.
std::vector<Behaviour> away() { return std::vector<Behaviour>(50, {.kind = Behaviour::close_unanswered}); }

}  // namespace

TEST_CASE("what a reset has kept from going out is sent by the next life, behind what is new") {
  for (const char* reason : {"timeout", "failure"}) {
    SpoolPath spool;
    Backend backend;
    backend.behave(away());
    {
      Life life(backend.url(), spool.path());
      life.invoke("id-1", "old");
      CHECK(life.shut_down(reason) == 0);
      CHECK_FALSE(life.said("lost"));
      CHECK(spool.segments().size() == 1);
    }
    backend.behave({});
    Life life(backend.url(), spool.path());
    life.invoke("id-2", "new");
    life.invoke("id-3", "newer");
    CHECK(life.shut_down("spindown") == 0);
    auto delivered = backend.delivered();
    REQUIRE(delivered.size() == 3);
    CHECK(delivered[0] == "s:new");
    CHECK(std::ranges::count(delivered, "s:old") == 1);
    CHECK(spool.segments().empty());
    CHECK(life.daemon.errors() == "");
  }
}

TEST_CASE("at spindown nothing is left: what is there is sent, or counted") {
  SpoolPath spool;
  Backend backend;
  for (bool works : {true, false}) {
    backend.behave(away());
    {
      Life life(backend.url(), spool.path());
      life.invoke("id-1", "old");
      CHECK(life.shut_down("timeout") == 0);
    }
    if (works) backend.behave({});
    Life life(backend.url(), spool.path());
    CHECK(life.shut_down("spindown") == 0);
    CHECK(backend.delivered() == Strings{"s:old"});
    CHECK(life.said("shutdown 1") == !works);
    CHECK(spool.segments().empty());
  }
}

TEST_CASE("what a kill has taken from memory is counted by the next life") {
  SpoolPath spool;
  Backend backend;
  backend.behave(away());
  {
    Life life(backend.url(), spool.path());
    life.invoke("id-1", "one");
    life.invoke("id-2", "two");
    kill(life.daemon.pid(), SIGKILL);
    life.daemon.exit_code();
  }
  backend.behave({});
  Life life(backend.url(), spool.path());
  life.invoke("id-3", "three");
  CHECK(life.shut_down("spindown") == 0);
  CHECK(life.said("killed 2"));
  CHECK(backend.delivered() == Strings{"s:three"});
  Life next(backend.url(), spool.path());
  CHECK(next.shut_down("spindown") == 0);
  CHECK(next.daemon.errors() == "");  // once
}

TEST_CASE("shortly before a deadline there is a copy, which survives a kill") {
  SpoolPath spool;
  Backend backend;
  backend.behave(away());
  {
    Life life(backend.url(), spool.path());
    life.lambda.invoke("id-1", 1'000);
    life.lambda.deliver(batch({record("function", "\"one\""), record("function", "\"two\"")}));
    spool.wait_for_segment();
    kill(life.daemon.pid(), SIGKILL);
    life.daemon.exit_code();
  }
  backend.behave({});
  Life life(backend.url(), spool.path());
  life.invoke("id-2", "new");
  life.invoke("id-3", "newer");
  CHECK(life.shut_down("spindown") == 0);
  auto delivered = backend.delivered();
  std::ranges::sort(delivered);
  CHECK(delivered == Strings{"s:new", "s:newer", "s:one", "s:two"});
  CHECK_FALSE(life.said("killed"));
}

TEST_CASE("a copy goes when the backend takes the records after all") {
  SpoolPath spool;
  Backend backend;
  backend.behave(away());
  Life life(backend.url(), spool.path());
  life.lambda.invoke("id-1", 1'000);
  life.lambda.deliver(batch({record("function", "\"one\"")}));
  spool.wait_for_segment();
  backend.behave({});
  CHECK(life.shut_down("timeout") == 0);
  CHECK(backend.delivered() == Strings{"s:one"});
  CHECK(spool.segments().empty());
}

TEST_CASE("a spool that cannot be had is one line, and the daemon works without") {
  SpoolPath spool;
  std::ofstream(spool.path()) << "a file";
  Backend backend;
  Life life(backend.url(), spool.path());
  life.invoke("id-1", "one");
  life.invoke("id-2", "two");
  CHECK(life.shut_down("timeout") == 0);
  CHECK(backend.delivered() == Strings{"s:one", "s:two"});
  CHECK(std::ranges::count(life.daemon.errors(), '\n') == 1);
  CHECK(life.said("spool folder " + spool.path()));
}
