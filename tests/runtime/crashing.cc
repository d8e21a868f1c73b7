// A function that ends in the way its event names, for crash_report_test.cc. The
// variable CRASH_IN_INIT names one for the Init phase.

#include <mayfly/runtime.h>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>

// Under the address sanitizer, too, a fault is the program's own.
extern "C" __attribute__((visibility("default"))) const char* __asan_default_options();
extern "C" const char* __asan_default_options() {
  return "handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0:handle_abort=0:use_sigaltstack=0:"
         "detect_leaks=0";
}

namespace {

volatile int zero = 0;

[[gnu::noinline, gnu::no_sanitize("undefined")]] void write_to_null() {
  volatile int* volatile null = nullptr;
  *null = 1;
}

[[gnu::noinline, gnu::no_sanitize("undefined")]] void call_null() {
  void (*volatile null)() = nullptr;
  null();
  asm volatile("");  // not a tail call
}

[[gnu::noinline]] int overflow(int depth) {
  volatile char frame[1'000];
  frame[0] = static_cast<char>(depth);
  return depth < 0 ? 0 : overflow(depth + 1) + frame[0];
}

// Writes past the end of a block, and gives it back: glibc aborts in the middle of
// free(3), with the heap's lock taken when there are threads.
[[gnu::noinline]] void damage_heap() {
  std::thread([] {}).join();
  auto* first = static_cast<char*>(std::malloc(2'000));
  auto* second = static_cast<char*>(std::malloc(2'000));
  for (volatile char* at = first + 2'000; at < first + 2'024; ++at) *at = 'x';
  std::free(first);
  std::free(second);
}

[[gnu::noinline, gnu::no_sanitize("undefined")]] int divide() { return 7 / zero; }

[[gnu::noinline]] void read_past_end_of_file() {
  int file = memfd_create("empty", MFD_CLOEXEC);
  auto* bytes = static_cast<volatile char*>(mmap(nullptr, 4096, PROT_READ, MAP_SHARED, file, 0));
  static_cast<void>(bytes[0]);
}

[[gnu::noinline]] void refuse() { throw mayfly::Error("Order.Invalid", "no \"pieces\""); }
[[gnu::noinline]] void refuse_noexcept() noexcept { refuse(); }

struct BadWhat : std::exception {
  const char* what() const noexcept override {
    write_to_null();
    return "";
  }
};

std::string child_of_the_function() {
  pid_t child = fork();
  if (child == 0) write_to_null();
  int status = 0;
  waitpid(child, &status, 0);
  return std::to_string(WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

std::string perform(std::string_view act) {
  auto in_thread = [](auto run) { std::thread(run).join(); };
  if (act == "write") write_to_null();
  if (act == "call") call_null();
  if (act == "overflow") return std::to_string(overflow(0));
  if (act == "overflow in a thread" && getpid() != gettid()) return std::to_string(overflow(0));
  if (act == "overflow in a thread") pause();
  if (act == "heap") damage_heap();
  if (act == "abort") std::abort();
  if (act == "divide") return std::to_string(divide());
  if (act == "trap") __builtin_trap();
  if (act == "bus") read_past_end_of_file();
  if (act == "noexcept") refuse_noexcept();
  if (act == "throw in a thread") in_thread([] { throw std::runtime_error("lost"); });
  if (act == "terminate") std::terminate();
  if (act == "bad what") in_thread([] { throw BadWhat(); });
  if (act == "write in a thread") in_thread(write_to_null);
  if (act == "child") return child_of_the_function();
  if (act == "fatal") {
    try {
      mayfly::fatal({"Prices.Corrupt", "the price table is damaged"});
    } catch (...) {
    }
  }
  if (act == "fatal in a thread") in_thread([] { mayfly::fatal({"Prices.Corrupt", "the price table is damaged"}); });
  return std::string(act);
}

// The name of an act, or that as JSON.
std::string serve(std::string_view event) {
  if (event.starts_with('"')) event = event.substr(1, event.size() - 2);
  return perform(event);
}

struct CrashesInInit {
  CrashesInInit() { perform(std::getenv("CRASH_IN_INIT")); }
  std::string operator()() { return ""; }
};

}  // namespace

int main() {
  if (std::getenv("OWN_HANDLER")) std::signal(SIGSEGV, [](int) { _exit(42); });
  return std::getenv("CRASH_IN_INIT") ? mayfly::run<CrashesInInit>() : mayfly::run(serve);
}
