#include "tests/core/allocation_count.h"

#include <cerrno>

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);
}

namespace {
thread_local std::size_t count = 0;
}

#define MAYFLY_INTERPOSE extern "C" __attribute__((visibility("default")))

MAYFLY_INTERPOSE void* malloc(std::size_t size) {
  ++count;
  return __libc_malloc(size);
}
MAYFLY_INTERPOSE void* calloc(std::size_t n, std::size_t size) {
  ++count;
  return __libc_calloc(n, size);
}
MAYFLY_INTERPOSE void* realloc(void* p, std::size_t size) {
  ++count;
  return __libc_realloc(p, size);
}
MAYFLY_INTERPOSE void* memalign(std::size_t alignment, std::size_t size) {
  ++count;
  return __libc_memalign(alignment, size);
}
MAYFLY_INTERPOSE void* aligned_alloc(std::size_t alignment, std::size_t size) { return memalign(alignment, size); }
MAYFLY_INTERPOSE int posix_memalign(void** out, std::size_t alignment, std::size_t size) {
  *out = memalign(alignment, size);
  return *out ? 0 : ENOMEM;
}
MAYFLY_INTERPOSE void free(void* p) { __libc_free(p); }

namespace mayfly::test {
std::size_t allocation_count() { return count; }
}  // namespace mayfly::test
