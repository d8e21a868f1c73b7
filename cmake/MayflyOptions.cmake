# Flags, as targets: mayfly_warnings for our own code only, mayfly_options for
# all that ends up in one of our programs.

add_library(mayfly_warnings INTERFACE)
target_compile_options(mayfly_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wcast-align -Woverloaded-virtual -Werror)

add_library(mayfly_options INTERFACE)
target_compile_options(mayfly_options INTERFACE -fvisibility=hidden)
target_include_directories(mayfly_options INTERFACE $<BUILD_INTERFACE:${CMAKE_CURRENT_LIST_DIR}/..>)

# What makes a program small, quick to start, and runnable on Amazon Linux 2023
# (glibc 2.34), wherever it was built; users' functions get it through
# mayfly::runtime. libstdc++ goes in, of glibc's libraries only libgcc_s stays
# out, as a static one asks for glibc 2.35. Sections of their own let
# --gc-sections drop what no one calls, and that decides more than size: unused
# parts of libstdc++ ask for arc4random, which glibc has since 2.36.
# --exclude-libs keeps them droppable where symbols are exported for dlopen.
#
# Only with the minimal libraries: the sanitizers want the shared libstdc++.
add_library(mayfly_deployable INTERFACE)
target_compile_features(mayfly_deployable INTERFACE cxx_std_20)
target_compile_options(mayfly_deployable INTERFACE -ffunction-sections -fdata-sections)
if(MAYFLY_MINIMAL_LIBRARIES)
  target_link_options(mayfly_deployable INTERFACE
    -static-libstdc++ -Wl,--gc-sections -Wl,--exclude-libs,ALL -Wl,--as-needed -Wl,-O1)
endif()
