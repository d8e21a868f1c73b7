#include <dlfcn.h>
#include <doctest/doctest.h>
#include <link.h>

#include <memory>

#if __GLIBC_PREREQ(2, 35)

extern "C" int __wrap__dl_find_object(void* address, dl_find_object* found) noexcept;

namespace {

using FindObject = int (*)(void*, dl_find_object*);

}  // namespace

TEST_CASE("the unwinder finds the same tables as through glibc") {
  auto glibc = reinterpret_cast<FindObject>(dlsym(RTLD_DEFAULT, "_dl_find_object"));
  FindObject ours = __wrap__dl_find_object;
  REQUIRE((glibc != nullptr && glibc != ours));
  auto on_heap = std::make_unique<int>();
  int on_stack = 0;
  void* of_program = reinterpret_cast<void*>(ours);
  void* of_libc = dlsym(RTLD_DEFAULT, "qsort");
  for (void* address : {of_program, of_libc, reinterpret_cast<void*>(glibc)}) {
    dl_find_object expected{}, found{};
    REQUIRE(glibc(address, &expected) == 0);
    REQUIRE(ours(address, &found) == 0);
    CHECK(found.dlfo_eh_frame == expected.dlfo_eh_frame);
    CHECK(found.dlfo_map_start <= address);
    CHECK(address < found.dlfo_map_end);
  }
  for (void* address :
       {static_cast<void*>(on_heap.get()), static_cast<void*>(&on_stack), static_cast<void*>(nullptr)}) {
    dl_find_object found{};
    CHECK(glibc(address, &found) == -1);
    CHECK(ours(address, &found) == -1);
  }
}

#endif
