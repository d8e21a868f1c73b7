// Counts what this thread takes from the heap. A program of its own, because it
// puts itself in front of malloc; under a sanitizer, which does the same, it
// counts nothing and only runs.

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/uri.h"
#include "runtime/src/invoke_loop.h"
#include "tests/runtime/scripted_server.h"

using namespace mayfly;
using test::answer_with_status;
using test::event_answer;
using test::kNext;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static constexpr bool kCounts = false;
static unsigned long allocations = 0;
#else
static constexpr bool kCounts = true;
static thread_local unsigned long allocations = 0;

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);

[[gnu::visibility("default")]] void* malloc(std::size_t size) {
  ++allocations;
  return __libc_malloc(size);
}
[[gnu::visibility("default")]] void* calloc(std::size_t count, std::size_t size) {
  ++allocations;
  return __libc_calloc(count, size);
}
[[gnu::visibility("default")]] void* realloc(void* old, std::size_t size) {
  ++allocations;
  return __libc_realloc(old, size);
}
}
#endif

namespace {

constexpr int kInvocations = 60;

// The count at each call of the handler.
template <class F>
std::vector<unsigned long> counts_of(std::string_view event, F handler) {
  std::vector<test::Step> script;
  for (int i = 0; i < kInvocations; ++i) {
    // A trace of its own each time: setenv(3) would keep every one of them.
    std::string trace = "Lambda-Runtime-Trace-Id: Root=1-" + std::to_string(1000 + i) + ";Sampled=1\r\n";
    script.push_back({std::string(kNext), event_answer(event, "r1", trace)});
    script.push_back({"POST ", answer_with_status(202)});
  }
  test::ScriptedServer server(script);
  std::vector<unsigned long> counts;
  counts.reserve(kInvocations);
  auto counting = [&](std::string_view bytes) {
    counts.push_back(allocations);
    return handler(bytes);
  };
  auto source = runtime::source_of(counting);
  auto made = source.make(source.from);
  runtime::RuntimeApi api(*core::parse_host_port(server.address()), server.done_fd());
  runtime::TraceVariable trace;
  CHECK(runtime::invoke_loop(api, made, &trace).code == core::Errc::interrupted);
  made.destroy(made.state);
  return counts;
}

}  // namespace

TEST_CASE("a warm invocation in the raw form takes nothing from the heap") {
  auto counts = counts_of(std::string(10'000, 'x'), [](std::string_view event) { return event; });
  REQUIRE(counts.size() == kInvocations);
  CHECK(counts.back() == counts[2]);
}

TEST_CASE("the counter counts") {
  auto counts = counts_of("1", [](std::string_view) { return std::string(100, 'x'); });
  REQUIRE(counts.size() == kInvocations);
  if (kCounts) CHECK(counts.back() == counts[2] + kInvocations - 3);
}
