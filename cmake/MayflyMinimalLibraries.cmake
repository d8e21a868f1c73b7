# curl, simdjson and zstd for what is deployed: static, from the source packages
# of the distribution (so with its security patches), and only the parts we call.
# They are unpacked, and curl is built, when CMake first configures, into
# MAYFLY_DEPS_DIR, which all build folders of a checkout share; after that
# configuring does nothing here, until a flag, the compiler or the recipe changes.
# To take newer security patches: remove MAYFLY_DEPS_DIR.

if(PROJECT_IS_TOP_LEVEL)
  set(_deps_dir ${PROJECT_SOURCE_DIR}/build/deps)
else()
  set(_deps_dir ${PROJECT_BINARY_DIR}/deps)  # never write into someone's checkout of us
endif()
set(MAYFLY_DEPS_DIR ${_deps_dir} CACHE PATH "Where the minimal libraries are kept")
foreach(_library CURL SIMDJSON ZSTD)
  set(MAYFLY_${_library}_SOURCE "" CACHE PATH "A source tree of this library instead of the distribution's package")
endforeach()

function(_mayfly_run_recipe)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "Could not get the minimal libraries (${command}). What stands above says why. Other ways:\n"
      "  -DMAYFLY_CURL_SOURCE=/dir -DMAYFLY_SIMDJSON_SOURCE=/dir -DMAYFLY_ZSTD_SOURCE=/dir   source trees of your own\n"
      "  -DMAYFLY_MINIMAL_LIBRARIES=OFF   the installed shared libraries (not for deployment)")
  endif()
endfunction()

file(MAKE_DIRECTORY ${MAYFLY_DEPS_DIR})
file(LOCK ${MAYFLY_DEPS_DIR} DIRECTORY)

set(_curl_source ${MAYFLY_CURL_SOURCE})
set(_simdjson_source ${MAYFLY_SIMDJSON_SOURCE})
set(_libzstd_source ${MAYFLY_ZSTD_SOURCE})
set(_packages curl simdjson)
if(NOT MAYFLY_RUNTIME_ONLY)
  list(APPEND _packages libzstd)
endif()
set(_wanted "")
foreach(_package IN LISTS _packages)
  if(NOT _${_package}_source)
    set(_${_package}_source ${MAYFLY_DEPS_DIR}/source/${_package})
    if(NOT EXISTS ${_${_package}_source})
      list(APPEND _wanted ${_package})
    endif()
  endif()
endforeach()
if(_wanted)
  message(STATUS "Getting the distribution's sources of: ${_wanted}")
  file(MAKE_DIRECTORY ${MAYFLY_DEPS_DIR}/source)
  _mayfly_run_recipe(${CMAKE_CURRENT_LIST_DIR}/distribution_source.sh ${MAYFLY_DEPS_DIR}/source ${_wanted})
endif()

# curl ------------------------------------------------------------------------

set(_curl_flags "-O2 -ffunction-sections -fdata-sections")
set(_curl_host "")
if(CMAKE_CROSSCOMPILING)
  execute_process(COMMAND ${CMAKE_C_COMPILER} -dumpmachine OUTPUT_VARIABLE _curl_host OUTPUT_STRIP_TRAILING_WHITESPACE)
endif()
file(SHA256 ${CMAKE_CURRENT_LIST_DIR}/minimal_curl.sh _curl_recipe)
file(SHA256 ${_curl_source}/include/curl/curlver.h _curl_version)
string(SHA256 _curl_key
  "${_curl_source} ${_curl_version} ${_curl_recipe} ${_curl_flags} ${_curl_host} ${CMAKE_C_COMPILER} ${CMAKE_C_COMPILER_VERSION}")
string(SUBSTRING ${_curl_key} 0 12 _curl_key)
set(_curl_prefix ${MAYFLY_DEPS_DIR}/curl-${_curl_key})
set(_curl_archive ${_curl_prefix}/lib/libcurl.a)
if(NOT EXISTS ${_curl_archive})
  message(STATUS "Building curl, HTTP only (20 s, once)")
  _mayfly_run_recipe(${CMAKE_COMMAND} -E env "CC=${CMAKE_C_COMPILER}" "CFLAGS=${_curl_flags}" "HOST=${_curl_host}"
    ${CMAKE_CURRENT_LIST_DIR}/minimal_curl.sh ${_curl_source} ${_curl_prefix})
endif()
target_include_directories(mayfly_curl SYSTEM INTERFACE $<BUILD_INTERFACE:${_curl_prefix}/include>)
target_compile_definitions(mayfly_curl INTERFACE CURL_STATICLIB)
# The archive is installed beside ours (MayflyInstall.cmake).
set(MAYFLY_CURL_ARCHIVE ${_curl_archive})
target_link_libraries(mayfly_curl INTERFACE
  $<BUILD_INTERFACE:${_curl_archive}> $<INSTALL_INTERFACE:$<INSTALL_PREFIX>/${CMAKE_INSTALL_LIBDIR}/mayfly/libcurl.a>)

# simdjson --------------------------------------------------------------------

# Of its kernels for x86-64, AVX2 and the portable one: Lambda's x86_64 machines
# all have AVX2, and each further kernel costs 30 KB in every function.
add_library(mayfly_simdjson_archive STATIC ${_simdjson_source}/singleheader/simdjson.cpp)
set_target_properties(mayfly_simdjson_archive PROPERTIES OUTPUT_NAME simdjson)
target_include_directories(mayfly_simdjson_archive SYSTEM PUBLIC $<BUILD_INTERFACE:${_simdjson_source}/singleheader>)
target_compile_definitions(mayfly_simdjson_archive PUBLIC SIMDJSON_IMPLEMENTATION_ICELAKE=0 SIMDJSON_IMPLEMENTATION_WESTMERE=0)
target_link_libraries(mayfly_simdjson_archive PRIVATE $<BUILD_INTERFACE:mayfly_options> mayfly_deployable)
target_link_libraries(mayfly_simdjson INTERFACE mayfly_simdjson_archive)

# zstd ------------------------------------------------------------------------

# Compression only. The daemon uses the fastest levels, but a table in zstd names
# every strategy: the others, built for size, are 35 KB instead of 270.
if(NOT MAYFLY_RUNTIME_ONLY)
  set(_zstd ${_libzstd_source}/lib)
  set(_unused_strategies
    ${_zstd}/compress/zstd_double_fast.c ${_zstd}/compress/zstd_lazy.c
    ${_zstd}/compress/zstd_ldm.c ${_zstd}/compress/zstd_opt.c)
  add_library(mayfly_zstd_archive STATIC
    ${_zstd}/common/debug.c ${_zstd}/common/entropy_common.c ${_zstd}/common/error_private.c
    ${_zstd}/common/fse_decompress.c ${_zstd}/common/pool.c ${_zstd}/common/threading.c
    ${_zstd}/common/xxhash.c ${_zstd}/common/zstd_common.c
    ${_zstd}/compress/fse_compress.c ${_zstd}/compress/hist.c ${_zstd}/compress/huf_compress.c
    ${_zstd}/compress/zstd_compress.c ${_zstd}/compress/zstd_compress_literals.c
    ${_zstd}/compress/zstd_compress_sequences.c ${_zstd}/compress/zstd_compress_superblock.c
    ${_zstd}/compress/zstd_fast.c ${_zstd}/compress/zstdmt_compress.c ${_unused_strategies})
  set_source_files_properties(${_unused_strategies} PROPERTIES COMPILE_OPTIONS "-Os;-DZSTD_NO_INLINE")
  set_target_properties(mayfly_zstd_archive PROPERTIES OUTPUT_NAME zstd)
  target_include_directories(mayfly_zstd_archive SYSTEM PUBLIC ${_zstd})
  target_link_libraries(mayfly_zstd_archive PRIVATE mayfly_options mayfly_deployable)
  target_link_libraries(mayfly_zstd INTERFACE mayfly_zstd_archive)
endif()

file(LOCK ${MAYFLY_DEPS_DIR} DIRECTORY RELEASE)
