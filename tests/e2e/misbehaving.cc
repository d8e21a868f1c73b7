// A function that does what its event asks, to see what becomes of it:
//
//   {"act":"exit","n":3}
//
// or, as `misbehaving farewell`, one that says goodbye at the end of its
// environment. The variable ACT_IN_INIT is an act for the Init phase.

#include <mayfly/runtime.h>

#include <unistd.h>
#include <csignal>
#include <cstdio>
#include <cstdlib>

// Under the address sanitizer, too, a fault is a signal and not an exit.
extern "C" __attribute__((visibility("default"))) const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "handle_segv=0"; }

namespace {

struct Act {
  std::string_view act;
  std::optional<int> n;
};

// A child in a session of its own that no signal but SIGKILL ends.
std::string spawn() {
  pid_t child = fork();
  if (child == 0) {
    setsid();
    std::signal(SIGTERM, SIG_IGN);
    std::signal(SIGHUP, SIG_IGN);
    for (;;) pause();
  }
  return std::to_string(child);
}

std::string perform(std::string_view act, int n) {
  if (act == "exit") std::_Exit(n);
  if (act == "segfault") std::raise(SIGSEGV);
  if (act == "abort") std::abort();
  if (act == "hang") {
    for (;;) pause();
  }
  if (act == "throw") throw mayfly::Error("Orders.Unknown", "no order " + std::to_string(n));
  if (act == "bytes") return '"' + std::string(static_cast<std::size_t>(n - 2), 'x') + '"';
  if (act == "nul") return std::string("a\0b\xff\xfe", 5);
  if (act == "bad error type") throw mayfly::Error("Evil.Type\r\nX-Injected: yes", "evil\r\nX-Injected: yes");
  if (act == "print") {
    for (int i = 0; i < n; ++i) std::printf("line %d\n", i);
    std::fflush(stdout);
  }
  if (act == "print bytes") {
    std::puts("not \xff UTF-8, \xf0\x9f\x90\x9d is");
    std::fflush(stdout);
  }
  if (act == "spawn") return spawn();
  return "null";
}

std::string serve(const Act& act) { return perform(act.act, act.n.value_or(0)); }

struct Farewell {
  std::string_view operator()(std::string_view event) { return event; }
  void before_shutdown() {
    std::puts("the function says goodbye");
    std::fflush(stdout);
  }
};

// One whose Init fails as ACT_IN_INIT says.
struct Stillborn {
  Stillborn() { perform(std::getenv("ACT_IN_INIT"), 3); }
  std::string_view operator()(std::string_view event) { return event; }
};

}  // namespace

int main(int count, char**) {
  if (std::getenv("ACT_IN_INIT")) return mayfly::run<Stillborn>();
  return count > 1 ? mayfly::run<Farewell>() : mayfly::run(serve);
}
