#include "extensions/telemetry/heap.h"

#include <malloc.h>

#include <cstddef>

namespace mayfly::telemetry {
namespace {

constexpr int kMappedBytes = 512 * 1024;  // blocks of that size and more are mapped alone
constexpr std::size_t kSpareBytes = 1024 * 1024;

}  // namespace

void configure_heap() {
  mallopt(M_ARENA_MAX, 1);  // for all threads
  mallopt(M_MMAP_THRESHOLD, kMappedBytes);
  mallopt(M_TRIM_THRESHOLD, kMappedBytes);
}

void trim_heap() {
  if (mallinfo2().fordblks > kSpareBytes) malloc_trim(0);
}

}  // namespace mayfly::telemetry
