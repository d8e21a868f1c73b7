# Flags, as targets: mayfly_warnings for our own code only, mayfly_options for
# all that ends up in one of our programs.

add_library(mayfly_warnings INTERFACE)
target_compile_options(mayfly_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wcast-align -Woverloaded-virtual)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # Sees overlaps in std::string that are not there (GCC bug 105651).
  target_compile_options(mayfly_warnings INTERFACE -Wno-restrict)
endif()
if(PROJECT_IS_TOP_LEVEL)  # a newer compiler's new warning is no error in a user's build
  target_compile_options(mayfly_warnings INTERFACE -Werror)
endif()

add_library(mayfly_options INTERFACE)
target_compile_options(mayfly_options INTERFACE -fvisibility=hidden)
target_include_directories(mayfly_options INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)

# What makes a program small, quick to start, and runnable on Amazon Linux 2023
# (glibc 2.34), wherever it was built; users' functions get it through
# mayfly::runtime. libstdc++ and libgcc go in: each library less to load is a
# tenth of a millisecond less to start. The static libgcc asks for a function of
# glibc 2.35, which core/find_object.cc is. Sections of their own let
# --gc-sections drop what no one calls, and that decides more than size: unused
# parts of libstdc++ ask for arc4random, which glibc has since 2.36.
# --exclude-libs keeps them droppable where symbols are exported. A module, a
# handler that bootstrap loads, shows its entry point alone and takes its symbols
# from itself, whatever libstdc++ the loader carries.
#
# Only with the minimal libraries: the sanitizers want the shared libstdc++.
add_library(mayfly_deployable INTERFACE)
target_compile_features(mayfly_deployable INTERFACE cxx_std_20)
set(_is_module $<STREQUAL:$<TARGET_PROPERTY:TYPE>,MODULE_LIBRARY>)
target_compile_options(mayfly_deployable INTERFACE
  -ffunction-sections -fdata-sections $<${_is_module}:-fvisibility=hidden>)
if(MAYFLY_MINIMAL_LIBRARIES)
  target_link_options(mayfly_deployable INTERFACE
    -static-libstdc++ -static-libgcc -Wl,--wrap=_dl_find_object -Wl,-u,__wrap__dl_find_object
    -Wl,--gc-sections -Wl,--exclude-libs,ALL -Wl,--as-needed -Wl,-O1
    $<${_is_module}:-Wl,-Bsymbolic>)
endif()
