# Flags, as targets: mayfly_warnings for our own code only, mayfly_options for
# all that ends up in one of our programs.

add_library(mayfly_warnings INTERFACE)
target_compile_options(mayfly_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wcast-align -Woverloaded-virtual -Werror)

# Sections of their own let --gc-sections drop what no one calls. Besides size
# this decides where a program runs: unused parts of libstdc++ ask for
# arc4random, which glibc has since 2.36 and Amazon Linux 2023 (2.34) has not.
add_library(mayfly_options INTERFACE)
target_compile_options(mayfly_options INTERFACE -ffunction-sections -fdata-sections -fvisibility=hidden)
target_include_directories(mayfly_options INTERFACE $<BUILD_INTERFACE:${CMAKE_CURRENT_LIST_DIR}/..>)
